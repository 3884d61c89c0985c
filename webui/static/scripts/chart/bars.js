/**
 * A column chart: an SVG that stretches with its place, words beside it in
 * HTML, and the same numbers in a table behind it.
 */

import { fill, h } from '../dom.js';
import { number } from '../format.js';
import { t } from '../texts.js';
import { niceTop, peak, sum } from './series.js';

/** @typedef {import('./series.js').Point} Point */

const svg = 'http://www.w3.org/2000/svg';
const column = 10;
const height = 100;
/** More columns than this touch each other: gaps would be thinner than a dot. */
const dense = 120;

/**
 * @param {object} words
 * @param {string} words.label What is counted.
 * @param {string} words.period Heading of the column of times.
 * @param {(time: string) => string} words.say A time in words.
 * @param {(time: string, among: number) => string} words.brief The same, short enough for the axis.
 * @param {(value: number) => string} [words.value] A value in words; by default a number.
 * @param {(value: number) => number} [words.top] The top of the scale that holds a value.
 * @param {boolean} [words.levels] The values are not counts but how much there was, so they have no sum.
 */
export function barChart({
  label,
  period,
  say,
  brief,
  value = number,
  top: above = niceTop,
  levels = false,
}) {
  const plot = document.createElementNS(svg, 'svg');
  plot.setAttribute('class', 'chart-plot');
  plot.setAttribute('preserveAspectRatio', 'none');
  plot.setAttribute('role', 'img');
  const scale = h('div', { class: 'chart-scale', 'aria-hidden': 'true' });
  const axis = h('div', { class: 'chart-axis', 'aria-hidden': 'true' });
  const readout = h('p', { class: 'chart-readout soft small', 'aria-hidden': 'true' });
  const body = h('tbody', null);
  const element = h(
    'div',
    { class: 'chart' },
    readout,
    h('div', { class: 'chart-area' }, scale, h('div', { class: 'chart-canvas' }, plot), axis),
    behind(label, period, levels ? t('chart.level') : t('chart.count'), body),
  );
  /** @type {Point[]} */
  let points = [];
  let marked = -1;

  /** @param {Point} point */
  const words = (point) => t('chart.point', { time: say(point.time), value: value(point.count) });

  /** @param {number} at -1 = none. */
  function mark(at) {
    if (at === marked) return;
    plot.children[marked]?.classList.remove('on');
    plot.children[at]?.classList.add('on');
    marked = at;
    const point = points[at];
    const best = peak(points);
    readout.textContent = point ? words(point) : best?.count ? t('chart.peak', { point: words(best) }) : '';
  }
  plot.addEventListener('pointermove', (event) => {
    const box = plot.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * points.length);
    mark(Math.max(0, Math.min(points.length - 1, at)));
  });
  plot.addEventListener('pointerleave', () => mark(-1));

  /** @param {Point[]} next */
  function update(next) {
    points = next;
    const best = peak(points);
    const top = above(best?.count ?? 0);
    const gap = points.length > dense ? 0 : 2;
    plot.setAttribute('viewBox', `0 0 ${Math.max(1, points.length) * column} ${height}`);
    plot.replaceChildren(...points.map((point, i) => bar(i, point.count / top, gap)));
    plot.setAttribute('aria-label', summary({ label, say, words, levels }, points));
    fill(
      scale,
      [top, top / 2, 0].map((step) => h('span', null, value(step))),
    );
    fill(axis, ends(points, brief));
    fill(
      body,
      points
        .filter((point) => point.count)
        .reverse()
        .map(row(say, value)),
    );
    marked = -2;
    mark(-1);
  }
  return { element, update };
}

/**
 * The first, the middle and the last time.
 * @param {Point[]} points
 * @param {(time: string, among: number) => string} brief
 */
function ends(points, brief) {
  const middle = points[Math.floor((points.length - 1) / 2)];
  return [points[0], points.length > 2 && middle, points.length > 1 && points[points.length - 1]].map(
    (point) => point && h('span', null, brief(point.time, points.length)),
  );
}

/**
 * @param {number} at
 * @param {number} share
 * @param {number} gap
 */
function bar(at, share, gap) {
  const rect = document.createElementNS(svg, 'rect');
  const tall = share * height;
  const attributes = { x: at * column + gap / 2, y: height - tall, width: column - gap, height: tall };
  for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, value.toFixed(2));
  return rect;
}

/**
 * What a person who does not see the chart is told of it.
 * @param {{ label: string, say: (time: string) => string, words: (point: Point) => string, levels: boolean }} told
 * @param {Point[]} points
 */
function summary({ label, say, words, levels }, points) {
  if (points.length === 0) return label;
  const last = points[points.length - 1];
  const text = levels
    ? t('chart.summary_levels', { label, from: say(points[0].time), point: words(last) })
    : t('chart.summary', {
        label,
        from: say(points[0].time),
        to: say(last.time),
        total: number(sum(points)),
      });
  const best = peak(points);
  return best.count ? `${text} ${t('chart.peak', { point: words(best) })}` : text;
}

/**
 * @param {string} label
 * @param {string} period
 * @param {string} amount Heading of the column of values.
 * @param {HTMLElement} body
 */
function behind(label, period, amount, body) {
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
        h('thead', null, h('tr', null, h('th', { scope: 'col' }, period), h('th', { scope: 'col' }, amount))),
        body,
      ),
    ),
  );
}

/**
 * @param {(time: string) => string} say
 * @param {(value: number) => string} value
 */
function row(say, value) {
  /** @param {Point} point */
  return ({ time, count }) =>
    h('tr', null, h('th', { scope: 'row' }, say(time)), h('td', { class: 'figures-column' }, value(count)));
}
