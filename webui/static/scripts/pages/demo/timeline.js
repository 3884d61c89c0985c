/**
 * What was found in a recording, along its ticks: a lane for each algorithm,
 * and the same in a table behind it.
 */

import { fill, h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { clock, number } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { steamLink, tickWords } from '../demos/words.js';

/** @typedef {import('../../api/demos/model.js').DemoDetail} DemoDetail */
/** @typedef {import('../../api/demos/model.js').Detection} Detection */

const svg = 'http://www.w3.org/2000/svg';
const width = 1000;
const height = 28;
/** Rows that a person may still read. */
const mostRows = 500;
/** Marks closer than this are one on any screen. */
const finest = 1_000;

/** @param {((tick: number) => void) | null} share Makes an address of a tick. */
export function timeline(share) {
  const place = h('div', { class: 'timeline' });
  const element = card(t('timeline.title'), {}, place);
  let shown = '';

  /** @param {DemoDetail} demo */
  function update(demo) {
    const print = JSON.stringify([demo.detections, demo.ticks, demo.state]);
    if (print === shown) return;
    shown = print;
    if (demo.detections.length === 0) {
      const said = demo.state === 'analysed' ? t('timeline.clean') : t('timeline.none');
      fill(place, h('p', { class: 'soft' }, said));
      return;
    }
    fill(place, lanes(demo), behind(demo, share));
  }
  return { element, update };
}

/** @param {DemoDetail} demo */
function lanes(demo) {
  /** @type {Map<string, Detection[]>} */
  const by = new Map();
  for (const one of demo.detections) by.set(one.algorithm, [...(by.get(one.algorithm) ?? []), one]);
  const last = Math.max(demo.ticks, ...demo.detections.map((one) => one.tick), 1);
  return [
    ...[...by].map(([algorithm, found]) => lane(algorithm, found, last, demo)),
    h(
      'div',
      { class: 'chart-axis', 'aria-hidden': 'true' },
      [0, last / 2, last].map((tick) => h('span', null, tickWords(Math.round(tick), demo))),
    ),
  ];
}

/**
 * @param {string} algorithm
 * @param {Detection[]} found
 * @param {number} last
 * @param {DemoDetail} demo
 */
function lane(algorithm, found, last, demo) {
  const plot = document.createElementNS(svg, 'svg');
  plot.setAttribute('class', 'lane-plot');
  plot.setAttribute('viewBox', `0 0 ${width} ${height}`);
  plot.setAttribute('preserveAspectRatio', 'none');
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', spoken(algorithm, found, demo));
  const places = [...new Set(found.map((one) => Math.round((one.tick / last) * finest)))];
  plot.append(
    ...places.map((at) => {
      const line = document.createElementNS(svg, 'line');
      const x = String((at / finest) * width);
      for (const [key, value] of Object.entries({ x1: x, x2: x, y1: '0', y2: String(height) }))
        line.setAttribute(key, value);
      return line;
    }),
  );
  return h(
    'div',
    { class: 'lane' },
    h(
      'p',
      { class: 'lane-label small' },
      h('span', { class: 'strong' }, h('bdi', null, algorithm)),
      h('span', { class: 'soft' }, number(found.length)),
    ),
    h('div', { class: 'lane-canvas' }, plot),
  );
}

/**
 * @param {string} algorithm
 * @param {Detection[]} found
 * @param {DemoDetail} demo
 */
function spoken(algorithm, found, demo) {
  const ticks = found.map((one) => one.tick);
  const [from, to] = [Math.min(...ticks), Math.max(...ticks)].map((tick) => tickWords(tick, demo));
  return t('timeline.lane', { count: found.length, algorithm, from, to });
}

/**
 * @param {DemoDetail} demo
 * @param {((tick: number) => void) | null} share
 */
function behind(demo, share) {
  const rows = [...demo.detections].sort((a, b) => a.tick - b.tick);
  const heads = [
    t('timeline.tick'),
    t('timeline.time'),
    t('timeline.algorithm'),
    t('demo.target'),
    t('timeline.data'),
  ];
  return h(
    'details',
    { class: 'chart-table' },
    h('summary', null, t('timeline.table', { count: rows.length })),
    h(
      'div',
      {
        class: 'chart-scroll',
        tabindex: 0,
        role: 'region',
        'aria-label': t('chart.table_of', { label: t('timeline.title') }),
      },
      h(
        'table',
        { class: 'table detections' },
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            [...heads.map((head) => h('th', { scope: 'col' }, head))],
            share && h('th', { scope: 'col' }, h('span', { class: 'visually-hidden' }, t('timeline.share'))),
          ),
        ),
        h(
          'tbody',
          null,
          rows.slice(0, mostRows).map((one) => row(one, demo, share)),
        ),
      ),
    ),
    rows.length > mostRows &&
      h('p', { class: 'soft small' }, t('timeline.more', { count: rows.length - mostRows })),
  );
}

/**
 * @param {Detection} one
 * @param {DemoDetail} demo
 * @param {((tick: number) => void) | null} share
 */
function row(one, demo, share) {
  const label = t('timeline.share_tick', { tick: number(one.tick) });
  return h(
    'tr',
    null,
    h('th', { scope: 'row' }, number(one.tick)),
    h('td', null, demo.ticks && demo.seconds ? clock((one.tick / demo.ticks) * demo.seconds) : '–'),
    h('td', null, h('bdi', null, one.algorithm)),
    h('td', null, steamLink(one.target)),
    h('td', { class: 'data' }, h('code', null, written(one.data))),
    share &&
      h(
        'td',
        null,
        h(
          'button',
          {
            type: 'button',
            class: 'icon-button',
            title: label,
            'aria-label': label,
            onclick: () => share(one.tick),
          },
          icon('link'),
        ),
      ),
  );
}

/** @param {unknown} data */
function written(data) {
  if (data === null || data === undefined) return '–';
  return typeof data === 'string' ? data : JSON.stringify(data);
}
