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
 * What to ask the API for. The end is left to the server, which knows what day
 * it is in its zone, unless the address names two dates.
 * @param {URLSearchParams} query
 * @param {number} now Milliseconds.
 * @returns {{ by: 'hour' | 'day', from: string, to: string }}
 */
export function wanted(query, now) {
  const [from, to] = [query.get('from') ?? '', query.get('to') ?? ''];
  if (isDay(from) && isDay(to) && from <= to) return { by: 'day', from, to };
  const name = query.get('range') ?? '';
  const range = ranges.find((one) => one === name) ?? usual;
  const count = parseInt(range, 10);
  if (range.endsWith('d')) return { by: 'day', from: day(now - (count - 1) * DAY), to: '' };
  const first = Math.floor(now / HOUR - (count - 1)) * HOUR;
  return { by: 'hour', from: new Date(first).toISOString().replace('.000Z', 'Z'), to: '' };
}

/** @param {string} text */
function isDay(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
