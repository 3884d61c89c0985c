/** One chart for each kind of event that is counted. */

import { barChart } from '../../chart/bars.js';
import { series, sum } from '../../chart/series.js';
import { h } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { number } from '../../format.js';
import { locale, spoken, t } from '../../texts.js';

/** @typedef {import('../../api/model.js').Statistics} Statistics */

const manyDays = 180;

/** @param {{ label_en: string, label_ru: string, type: string }} type */
export function typeLabel(type) {
  return (spoken() === 'ru' ? type.label_ru : type.label_en) || type.type;
}

/** Charts are kept through refreshes, so that an open table stays open. */
export function charts() {
  const element = h('div', { class: 'columns' });
  /** @type {Map<string, ReturnType<typeof typeCard>>} */
  const kept = new Map();
  let shape = '';

  /**
   * @param {Statistics} data
   * @param {string[]} chosen
   */
  function update(data, chosen) {
    const { by, from, to, time_zone: zone } = data;
    if (shape !== `${by} ${zone}`) kept.clear();
    shape = `${by} ${zone}`;
    const shown = data.types.filter(({ type }) => chosen.includes(type));
    const cards = shown.map((type) => {
      const one = kept.get(type.type) ?? typeCard(typeLabel(type), by, zone);
      kept.set(type.type, one);
      one.update(
        series(
          { by, from, to },
          data.rows.filter((row) => row.type === type.type),
        ),
      );
      return one.element;
    });
    const same =
      cards.length === element.children.length && cards.every((one, i) => one === element.children[i]);
    if (!same) element.replaceChildren(...cards);
  }
  return { element, update };
}

/**
 * @param {string} label
 * @param {'hour' | 'day'} by
 * @param {string} zone
 */
function typeCard(label, by, zone) {
  const total = badge('');
  const say = by === 'day' ? sayDay : sayHour(zone);
  const brief = by === 'day' ? briefDay : say;
  const chart = barChart({ label, period: t(`statistics.${by}`), say, brief });
  const element = card(label, { beside: total }, chart.element);

  /** @param {import('../../chart/series.js').Point[]} points */
  function update(points) {
    total.textContent = t('chart.total', { total: number(sum(points)) });
    chart.update(points);
  }
  return { element, update };
}

/**
 * A calendar day of the server: the reader's own zone must not move it.
 * @param {string} time
 */
function sayDay(time) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(time));
}

/**
 * @param {string} time
 * @param {number} among Days on the axis: where a year passes, it is named.
 */
function briefDay(time, among) {
  /** @type {Intl.DateTimeFormatOptions} */
  const parts = among > manyDays ? { dateStyle: 'short' } : { day: 'numeric', month: 'short' };
  return new Intl.DateTimeFormat(locale(), { ...parts, timeZone: 'UTC' }).format(new Date(time));
}

/** @param {string} zone Of the server, because its hours are counted. */
function sayHour(zone) {
  const format = hourFormat(zone) ?? hourFormat('UTC');
  /** @param {string} time */
  return (time) => format?.format(new Date(time)) ?? time;
}

/** @param {string} timeZone */
function hourFormat(timeZone) {
  try {
    return new Intl.DateTimeFormat(locale(), {
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      timeZone,
    });
  } catch {
    return null; // a zone that this browser does not know
  }
}
