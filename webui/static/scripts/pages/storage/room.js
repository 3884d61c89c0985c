/** How much is stored, what of it may go, and how long there is room. */

import { h } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, figure } from '../../elements/blocks.js';
import { bytes, dateOnly, moment } from '../../format.js';
import { t } from '../../texts.js';

/** @typedef {Omit<import('../../api/model.js').Storage, 'by_game' | 'by_source' | 'days'>} Sums */

/** The parts of the bar, what must stay first. */
const parts = /** @type {const} */ (['pinned', 'irreplaceable', 'evictable']);

/**
 * What may still come: up to the quota, or to what is to stay free on the disk.
 * @param {Sums} sums
 */
export function roomLeft({ bytes: stored, limit, free, min_free: reserve }) {
  const onDisk = free - reserve;
  return Math.max(0, limit > 0 ? Math.min(limit - stored, onDisk) : onDisk);
}

/** @param {Sums} sums */
export function roomFigures(sums) {
  const growth = sums.forecast.bytes_per_day;
  return h(
    'section',
    { class: 'figures', 'aria-label': t('storage.figures') },
    figure('layers', bytes(sums.bytes), t('storage.stored')),
    figure('shield', sums.limit ? bytes(sums.limit) : t('storage.no_limit'), t('storage.limit')),
    figure('disk', bytes(sums.free), t('storage.free')),
    figure('up', growth ? `${growth > 0 ? '+' : ''}${bytes(growth)}` : '–', t('storage.growth')),
  );
}

/** @param {Sums} sums */
export function roomView(sums) {
  const left = roomLeft(sums);
  const over = left === 0;
  return card(
    t('storage.room'),
    { beside: over ? badge(t('storage.full'), 'warn', true) : null },
    bar(sums, left),
    h(
      'ul',
      { class: 'legend' },
      parts.map((part) => {
        const { bytes: size, versions } = sums[part];
        return entry(part, bytes(size), t('storage.versions', { count: versions }));
      }),
      entry('left', bytes(left), leftBy(sums)),
    ),
    h('p', { class: 'forecast' }, forecast(sums)),
  );
}

/**
 * @param {typeof parts[number] | 'left'} part
 * @param {string} size
 * @param {string} detail
 */
function entry(part, size, detail) {
  return h(
    'li',
    { class: `legend-entry ${part}` },
    h('p', { class: 'strong' }, t(`storage_part.${part}`), ' · ', size),
    h('p', { class: 'soft small' }, detail, '. ', t(`storage_hint.${part}`)),
  );
}

/** @param {Sums} sums */
function leftBy(sums) {
  if (sums.limit && sums.limit - sums.bytes <= sums.free - sums.min_free) {
    return t('storage.left_limit', { limit: bytes(sums.limit) });
  }
  return t('storage.left_disk', { reserve: bytes(sums.min_free) });
}

/**
 * @param {Sums} sums
 * @param {number} left
 */
function bar(sums, left) {
  const whole = parts.reduce((all, part) => all + sums[part].bytes, left) || 1;
  const segments = parts.map((part) => {
    const segment = h('span', { class: part });
    segment.style.inlineSize = `${(sums[part].bytes / whole) * 100}%`;
    return segment;
  });
  const label = t('storage.bar', { stored: bytes(sums.bytes), left: bytes(left) });
  return h('div', { class: 'stacked', role: 'img', 'aria-label': label }, segments);
}

/** @param {Sums} sums */
function forecast(sums) {
  const { bytes_per_day: growth, full_at: until, text } = sums.forecast;
  if (text.startsWith('No forecast yet')) return t('forecast.unknown');
  const full = moment(until);
  if (!full) return growth > 0 ? t('forecast.years', { rate: bytes(growth) }) : t('forecast.steady');
  const when = roomLeft(sums)
    ? t('forecast.until', { rate: bytes(growth), date: dateOnly(full) })
    : t('forecast.now');
  const evictable = sums.evictable.bytes;
  return evictable ? `${when} ${t('forecast.evicts', { size: bytes(evictable) })}` : when;
}
