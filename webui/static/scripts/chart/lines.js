/**
 * A chart of lines over time: an SVG that stretches with its place, words
 * beside it in HTML, and the same numbers in a table behind it. A time that
 * nobody measured breaks the line: it is not drawn as zero.
 */

import { fill, h } from '../dom.js';
import { number } from '../format.js';
import { t } from '../texts.js';
import { niceTop } from './series.js';

/** @typedef {{ at: number, values: number[] }} Moment at: milliseconds since 1970; a value for each line. */
/** @typedef {{ low: number, high: number }} Scale */

const svg = 'http://www.w3.org/2000/svg';
const width = 1000;
const height = 100;
const mostRows = 300;

/**
 * @param {object} words
 * @param {string} words.label What is shown.
 * @param {string[]} words.lines What each line is.
 * @param {string} words.period Heading of the column of times.
 * @param {(at: number) => string} words.say A time in words.
 * @param {(at: number) => string} words.brief The same, short enough for the axis.
 * @param {number} [words.gapMs] Two moments further apart are not joined.
 * @param {boolean} [words.fromZero] The scale begins at zero.
 */
export function lineChart({ label, lines, period, say, brief, gapMs = Infinity, fromZero = false }) {
  const plot = document.createElementNS(svg, 'svg');
  plot.setAttribute('class', 'chart-plot chart-lines');
  plot.setAttribute('preserveAspectRatio', 'none');
  plot.setAttribute('viewBox', `0 0 ${width} ${height}`);
  plot.setAttribute('role', 'img');
  const scale = h('div', { class: 'chart-scale', 'aria-hidden': 'true' });
  const axis = h('div', { class: 'chart-axis', 'aria-hidden': 'true' });
  const body = h('tbody', null);
  const key = h(
    'p',
    { class: 'chart-key small soft', 'aria-hidden': 'true', hidden: lines.length < 2 },
    lines.map((line, i) => h('span', { class: `chart-key-entry line-${i}` }, line)),
  );
  const element = h(
    'div',
    { class: 'chart' },
    key,
    h('div', { class: 'chart-area' }, scale, h('div', { class: 'chart-canvas' }, plot), axis),
    behind(label, [period, ...lines], body),
  );

  /** @param {Moment[]} moments The oldest first. */
  function update(moments) {
    const range = scaleOf(moments, fromZero);
    plot.replaceChildren(...lines.flatMap((_, line) => path(moments, line, range, gapMs)));
    plot.setAttribute('aria-label', summary(label, lines, moments, say));
    const middle = (range.low + range.high) / 2;
    fill(
      scale,
      [range.high, middle, range.low].map((step) => h('span', null, number(Math.round(step)))),
    );
    const ends = moments.length > 1 ? [moments[0], moments[moments.length - 1]] : moments;
    fill(
      axis,
      ends.map((one) => h('span', null, brief(one.at))),
    );
    fill(body, thinned(moments).reverse().map(row(say)));
  }
  return { element, update };
}

/**
 * @param {Moment[]} moments
 * @param {boolean} fromZero
 * @returns {Scale}
 */
export function scaleOf(moments, fromZero) {
  const values = moments.flatMap((one) => one.values);
  const most = values.reduce((a, b) => Math.max(a, b), fromZero ? 0 : -Infinity);
  if (fromZero) return { low: 0, high: niceTop(most) };
  if (!values.length) return { low: 0, high: 2 };
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const step = niceTop(Math.max(2, (most - least) / 2));
  const low = Math.floor(least / step) * step;
  return { low, high: Math.max(low + 2 * step, Math.ceil(most / step) * step) };
}

/**
 * A line and a dot for each moment that stands alone.
 * @param {Moment[]} moments
 * @param {number} line
 * @param {Scale} range
 * @param {number} gapMs
 */
function path(moments, line, range, gapMs) {
  const first = moments[0]?.at ?? 0;
  const span = (moments[moments.length - 1]?.at ?? 0) - first;
  let drawn = '';
  moments.forEach((one, i) => {
    const x = span ? ((one.at - first) / span) * width : width / 2;
    const y = height - ((one.values[line] - range.low) / (range.high - range.low)) * height;
    const joined = i > 0 && one.at - moments[i - 1].at <= gapMs;
    const place = `${x.toFixed(1)} ${y.toFixed(1)}`;
    drawn += joined ? `L${place}` : `M${place}h0.1`;
  });
  const element = document.createElementNS(svg, 'path');
  element.setAttribute('d', drawn);
  element.setAttribute('class', `line-${line}`);
  return element;
}

/**
 * What a person who does not see the chart is told of it.
 * @param {string} label
 * @param {string[]} lines
 * @param {Moment[]} moments
 * @param {(at: number) => string} say
 */
function summary(label, lines, moments, say) {
  const last = moments[moments.length - 1];
  if (!last) return label;
  const now = lines
    .map((line, i) => t('chart.point', { time: line, value: number(round(last.values[i])) }))
    .join(', ');
  return t('chart.summary_lines', { label, from: say(moments[0].at), to: say(last.at), now });
}

/**
 * @param {string} label
 * @param {string[]} columns
 * @param {HTMLElement} body
 */
function behind(label, columns, body) {
  return h(
    'details',
    { class: 'chart-table' },
    h('summary', null, t('chart.table')),
    h(
      'div',
      { class: 'chart-scroll', tabindex: 0, role: 'region', 'aria-label': t('chart.table_of', { label }) },
      h(
        'table',
        { class: 'table figures-table' },
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            columns.map((column, i) => h('th', { scope: 'col', class: i ? 'figures-column' : null }, column)),
          ),
        ),
        body,
      ),
    ),
  );
}

/** @param {(at: number) => string} say */
function row(say) {
  /** @param {Moment} moment */
  return ({ at, values }) =>
    h(
      'tr',
      null,
      h('th', { scope: 'row' }, say(at)),
      values.map((value) => h('td', { class: 'figures-column' }, number(round(value)))),
    );
}

/**
 * Few enough rows for a table, the last one always among them.
 * @param {Moment[]} moments
 */
function thinned(moments) {
  const every = Math.ceil(moments.length / mostRows);
  return moments.filter((_, i) => (moments.length - 1 - i) % every === 0);
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}
