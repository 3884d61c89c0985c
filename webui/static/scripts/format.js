/** Numbers, sizes and moments as people read them, in the spoken language. */

import { locale, t } from './texts.js';

const KIB = 1024;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30.44 * DAY;
const YEAR = 365.25 * DAY;

/** @type {[number, Intl.RelativeTimeFormatUnit][]} */
const steps = [
  [YEAR, 'year'],
  [MONTH, 'month'],
  [DAY, 'day'],
  [HOUR, 'hour'],
  [MINUTE, 'minute'],
];

/**
 * The daemon's texts also follow a colon in terminals, so some begin small.
 * @param {string} text
 */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {number} value */
export function number(value) {
  return new Intl.NumberFormat(locale()).format(value);
}

/** A measure that may be tiny, to two figures. @param {number} value */
export function measure(value) {
  return new Intl.NumberFormat(locale(), { maximumSignificantDigits: 2 }).format(value);
}

/** @param {number} count */
export function bytes(count) {
  const units = /** @type {const} */ (['unit.b', 'unit.kib', 'unit.mib', 'unit.gib', 'unit.tib']);
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const figure = new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
  return `${figure}\u00a0${t(units[unit])}`;
}

/** @param {number} bytesPerSecond */
export function speed(bytesPerSecond) {
  return t('unit.per_second', { value: bytes(bytesPerSecond) });
}

/**
 * "7 ms" below a second, "1.2 sec" above.
 * @param {number} ms
 */
export function duration(ms) {
  const unit = ms < 1000 ? 'millisecond' : 'second';
  const value = ms < 1000 ? ms : ms / 1000;
  const maximumFractionDigits = value < 10 && unit === 'second' ? 1 : 0;
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, maximumFractionDigits }).format(value);
}

/**
 * "1:02:03", as players of films write it.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [
    Math.floor(whole / HOUR),
    Math.floor((whole % HOUR) / MINUTE),
    whole % MINUTE,
  ];
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {number} share between 0 and 1 */
export function percent(share) {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(share);
}

/**
 * "3 hours ago", "in 5 minutes"; below a minute "now", "in 12 seconds".
 * @param {Date} moment
 * @param {Date} [now]
 */
export function relative(moment, now = new Date()) {
  const seconds = (moment.getTime() - now.getTime()) / 1000;
  for (const [length, unit] of steps) {
    if (Math.abs(seconds) >= length) return inUnits(Math.trunc(seconds / length), unit);
  }
  if (seconds > 0) return inUnits(Math.ceil(seconds), 'second');
  return t('time.just_now');
}

/**
 * Only days have names ("yesterday"): "last year" would be a calendar year.
 * @param {number} count
 * @param {Intl.RelativeTimeFormatUnit} unit
 */
function inUnits(count, unit) {
  return new Intl.RelativeTimeFormat(locale(), { numeric: unit === 'day' ? 'auto' : 'always' }).format(
    count,
    unit,
  );
}

/**
 * The date in the browser's zone.
 * @param {Date} moment
 */
export function dateOnly(moment) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(moment);
}

/**
 * Date and time in the browser's zone, short enough for a table.
 * @param {Date} moment
 */
export function dateTime(moment) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(moment);
}

/**
 * Everything about a moment: weekday, seconds and zone.
 * @param {Date} moment
 */
export function fullDateTime(moment) {
  return new Intl.DateTimeFormat(locale(), {
    weekday: 'long',
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(moment);
}

/**
 * Parses a moment of the API; zero times and empty strings are no moment.
 * @param {string | null | undefined} text
 */
export function moment(text) {
  if (!text || text.startsWith('0001-')) return null;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}
