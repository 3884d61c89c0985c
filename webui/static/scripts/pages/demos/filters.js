/** What narrows and orders the library of recordings, all of it in the address. */

import { mayJudge } from '../../api/demos/library.js';
import { h, uniqueId } from '../../dom.js';
import { queryField, querySelect, setQuery } from '../../elements/query.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';
import { demoSources, demoStates, sourceName } from './words.js';

const DAY = 86_400_000;

/** The values of the parameter `sort`; the first one holds when there is none. */
const sorts = /** @type {const} */ (['newest', 'oldest', 'size', 'score']);

/** What one types or picks, behind a summary. */
const typed = /** @type {const} */ (['map', 'server', 'player', 'from', 'to']);
/** Maps and servers are matched whole, players in part. @type {Record<string, string>} */
const samples = { map: 'pl_upward', server: '203.0.113.5:27015' };
const narrowing = ['q', ...typed, 'uploader', 'state', 'source', 'flagged'];

/**
 * @param {URLSearchParams} query
 * @returns {import('../../elements/pager.js').Query}
 */
export function demosQuery(query) {
  const wanted = Object.fromEntries([...narrowing, 'sort'].map((key) => [key, query.get(key) ?? '']));
  return { ...wanted, from: midnight(wanted.from, 0), to: midnight(wanted.to, 1) };
}

/**
 * The moment at which a day begins (UTC, as the days of the calendar do); what
 * is no day, from an address that somebody wrote, narrows nothing.
 * @param {string} day YYYY-MM-DD
 * @param {number} later Days after it.
 */
function midnight(day, later) {
  const begins = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : NaN;
  return Number.isNaN(begins) ? '' : new Date(begins + later * DAY).toISOString();
}

/** @param {URLSearchParams} query */
export function narrowed(query) {
  return narrowing.some((key) => query.get(key));
}

export function demoFilters() {
  const state = querySelect(t('filter.state'), 'state', [
    { value: '', label: t('filter.any_state') },
    ...demoStates.map((value) => ({ value, label: t(`demo_state.${value}`) })),
  ]);
  const source = querySelect(t('demos.source'), 'source', [
    { value: '', label: t('demos.any_source') },
    ...demoSources.map((value) => ({ value, label: sourceName(value) })),
  ]);
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`demo_sort.${value}`) })),
  );
  const flagged = mayJudge() ? flag() : null;
  const fields = typed.map((key) =>
    queryField(
      t(`demo_filter.${key}`),
      key,
      key === 'from' || key === 'to' ? 'date' : 'search',
      samples[key],
    ),
  );
  const more = h(
    'details',
    { class: 'more more-filters' },
    h('summary', null, t('demos.more_filters')),
    h(
      'div',
      { class: 'field-row' },
      fields.map((field) => field.element),
    ),
  );
  const note = h('p', { class: 'filter-search soft' });
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/demos', { replace: true }) },
    t('filter.clear'),
  );
  const element = h(
    'div',
    { class: 'filters demo-filters', role: 'group', 'aria-label': t('filter.label') },
    [state.element, source.element, sort.element, flagged?.element ?? null, note, clear, more],
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    for (const [field, key] of /** @type {const} */ ([
      [state, 'state'],
      [source, 'source'],
      [sort, 'sort'],
    ]))
      field.set(query.get(key) ?? '');
    flagged?.set(query.get('flagged') === 'true');
    typed.forEach((key, i) => fields[i].set(query.get(key) ?? ''));
    if (typed.some((key) => query.get(key))) more.open = true;
    note.hidden = !query.get('q');
    note.replaceChildren(t('filter.search'), ' ', h('bdi', { class: 'strong' }, query.get('q') ?? ''));
    clear.hidden = !narrowed(query);
  }
  return { element, follow, close: () => fields.forEach((field) => field.close()) };
}

function flag() {
  const id = uniqueId('filter');
  const field = h('input', {
    id,
    type: 'checkbox',
    class: 'checkbox',
    onchange: () => setQuery({ flagged: field.checked ? 'true' : '' }),
  });
  return {
    element: h('p', { class: 'filter check' }, field, h('label', { for: id }, t('demos.flagged'))),
    /** @param {boolean} is */
    set: (is) => (field.checked = is),
  };
}
