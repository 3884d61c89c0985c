/** The span of time that the statistics show, as it stands in the address. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The values of the parameter `range`; the third of the days holds when there is none. */
export const ranges = /** @type {const} */ (['24h', '72h', '168h', '7d', '30d', '90d', '365d']);

/** @typedef {typeof ranges[number]} Range */

export const usual = '30d';

/** @param {number} moment Milliseconds. */
export function day(moment) {
  return new Date(moment).toISOString().slice(0, 10);
}

/**
 * What to ask the API for, which counts whole days of its zone. The end is
 * left to it, because it knows what day it is there, unless the address names
 * two dates. Hours are asked for with a day to spare and cut afterwards.
 * @param {URLSearchParams} query
 * @param {number} now Milliseconds.
 * @returns {{ by: 'hour' | 'day', from: string, to: string, cut: { from: string, to: string } | null }}
 */
export function wanted(query, now) {
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''];
  if (isDay(from) && isDay(to) && from <= to) return { by: 'day', from, to, cut: null };
  const name = query.get('range') ?? '';
  const range = ranges.find((one) => one === name) ?? usual;
  const count = parseInt(range, 10);
  if (range.endsWith('d')) return { by: 'day', from: day(now - (count - 1) * DAY), to: '', cut: null };
  const last = Math.floor(now / HOUR) * HOUR;
  const first = last - (count - 1) * HOUR;
  return { by: 'hour', from: day(first - DAY), to: '', cut: { from: iso(first), to: iso(last) } };
}

/** @param {number} moment Milliseconds. */
function iso(moment) {
  return new Date(moment).toISOString();
}

/**
 * The counts from one hour to another.
 * @param {import('../../api/model.js').Statistics} data
 * @param {{ from: string, to: string } | null} span null = all of them.
 * @returns {import('../../api/model.js').Statistics}
 */
export function cutTo(data, span) {
  if (!span) return data;
  const [first, last] = [Date.parse(span.from), Date.parse(span.to) + HOUR];
  const rows = data.rows.filter(({ time }) => Date.parse(time) >= first && Date.parse(time) < last);
  return { ...data, ...span, rows };
}

/** @param {string} text */
function isDay(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
