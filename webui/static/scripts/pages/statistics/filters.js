/** Span of time and what is counted, both in the address. */

import { h, uniqueId } from '../../dom.js';
import { chipBar } from '../../elements/chips.js';
import { querySelect, setQuery } from '../../elements/query.js';
import { t } from '../../texts.js';
import { day, ranges, usual } from './range.js';

const customDays = 30;
const dayMs = 86_400_000;
/** The value of the select while the address names two dates. */
const dates = 'dates';

export function statisticsFilters() {
  const range = querySelect(
    t('statistics.range'),
    'range',
    [
      ...ranges.map((value) => ({
        value: value === usual ? '' : value,
        label: t(`statistics_range.${value}`),
      })),
      { value: dates, label: t('statistics_range.dates') },
    ],
    (value) => setQuery(value === dates ? lastDays() : { range: value, from: '', to: '' }),
  );
  const from = dateField('from', t('statistics.from'));
  const to = dateField('to', t('statistics.to'));
  const types = typeBar();
  const element = h(
    'div',
    { class: 'filters', role: 'group', 'aria-label': t('filter.label') },
    [range.element, from.element, to.element],
    types.element,
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    const custom = Boolean(query.get('from') && query.get('to'));
    range.set(custom ? dates : (query.get('range') ?? ''));
    for (const field of [from, to]) field.follow(query, custom);
  }
  return { element, follow, offer: types.offer };
}

function lastDays() {
  const now = Date.now();
  return { range: '', from: day(now - (customDays - 1) * dayMs), to: day(now) };
}

/**
 * @param {'from' | 'to'} key
 * @param {string} label
 */
function dateField(key, label) {
  const id = uniqueId('date');
  const field = h('input', { id, type: 'date', class: 'input', required: true });
  field.addEventListener('change', () => field.value && setQuery({ [key]: field.value }));
  const element = h('p', { class: 'filter' }, h('label', { for: id }, label), field);
  return {
    element,
    /** @param {URLSearchParams} query @param {boolean} shown */
    follow(query, shown) {
      element.hidden = !shown;
      field.value = query.get(key) ?? '';
    },
  };
}

/**
 * Requests are counted by address: those types begin with "/" and interest
 * few, so that they stand in the select.
 */
function typeBar() {
  /** @type {import('../../elements/chips.js').Chip[]} */
  let shown = [];
  const bar = chipBar(t('statistics.types'), t('statistics.other_types'), (type) => {
    const now = shown.filter((one) => one.on).map((one) => one.id);
    const next = now.includes(type) ? now.filter((one) => one !== type) : [...now, type];
    if (next.length) setQuery({ type: next }); // the last one stays: a page without a chart says nothing
  });

  /** @param {{ id: string, label: string, on: boolean }[]} types */
  function offer(types) {
    shown = types.map((one) => ({ ...one, likely: !one.id.startsWith('/') }));
    bar.update(shown);
  }
  return { element: bar.element, offer };
}
