/** Counts over time: what was not counted is zero, and the scale has round steps. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** More columns than this are thinner than a screen's dots. */
const mostBuckets = 1_000;

/** @typedef {{ time: string, count: number }} Point time: YYYY-MM-DD, or an hour in RFC 3339. */

/**
 * Every day or hour from the first to the last, those without a row as zero.
 * @param {{ by: 'hour' | 'day', from: string, to: string }} range Both ends are included.
 * @param {Point[]} rows
 * @returns {Point[]}
 */
export function series({ by, from, to }, rows) {
  const step = by === 'day' ? DAY : HOUR;
  // Where the zone is not whole hours from UTC, its hours begin between UTC's.
  const shift = by === 'hour' && rows.length ? Date.parse(rows[0].time) % HOUR : 0;
  /** @param {string} time */
  const bucket = (time) => Math.floor((Date.parse(by === 'day' ? time.slice(0, 10) : time) - shift) / step);
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const { time, count } of rows) counts.set(bucket(time), (counts.get(bucket(time)) ?? 0) + count);
  const last = bucket(to);
  const first = Math.max(bucket(from), last - mostBuckets + 1);
  if (!Number.isFinite(first) || !Number.isFinite(last)) return [];
  /** @type {Point[]} */
  const points = [];
  for (let at = first; at <= last; at += 1) {
    const time = new Date(at * step + shift).toISOString();
    points.push({ time: by === 'day' ? time.slice(0, 10) : time, count: counts.get(at) ?? 0 });
  }
  return points;
}

/**
 * The top of a scale that holds the value: its half is a whole number too.
 * @param {number} value
 */
export function niceTop(value) {
  if (value <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((step) => Math.round(step * power));
  return steps.find((step) => step >= value && step % 2 === 0) ?? 10 * power;
}

const KIB = 1024;

/**
 * The same for bytes: round in the unit in which they are written.
 * @param {number} value
 */
export function niceBytes(value) {
  const unit = KIB ** Math.max(0, Math.floor(Math.log(Math.max(1, value)) / Math.log(KIB)));
  return niceTop(value / unit) * unit;
}

/**
 * Levels day by day; a day on which nobody looked has the level of the day before.
 * @param {Point[]} rows The oldest first.
 * @returns {Point[]}
 */
export function levels(rows) {
  /** @type {Point[]} */
  const points = [];
  for (const row of rows) {
    const last = points[points.length - 1];
    const gap = last ? Math.round((Date.parse(row.time) - Date.parse(last.time)) / DAY) : 0;
    for (let day = 1; day < Math.min(gap, mostBuckets); day += 1) {
      const time = new Date(Date.parse(last.time) + day * DAY).toISOString().slice(0, 10);
      points.push({ time, count: last.count });
    }
    points.push(row);
  }
  return points.slice(-mostBuckets);
}

/**
 * The point with the highest count, the latest of equals.
 * @param {Point[]} points
 */
export function peak(points) {
  return points.reduce((best, point) => (point.count >= best.count ? point : best), points[0]);
}

/** @param {Point[]} points */
export function sum(points) {
  return points.reduce((total, point) => total + point.count, 0);
}
