/** What narrows and orders the list of game servers, all of it in the address. */

import { h, uniqueId } from '../../dom.js';
import { queryField, querySelect, setQuery } from '../../elements/query.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';

/** The values of the parameter `sort`; the first one holds when there is none. */
export const sorts = /** @type {const} */ (['players', 'name', 'map', 'game_type', 'room', 'updated']);

const typed = /** @type {const} */ (['game_type', 'map', 'mod']);
const flags = /** @type {const} */ (['has_players', 'not_full', 'not_passworded', 'favourites']);
const narrowing = ['q', ...typed, ...flags];

/**
 * @param {URLSearchParams} query
 * @returns {Record<string, string>}
 */
export function serversQuery(query) {
  return Object.fromEntries([...narrowing, 'sort', 'reverse'].map((key) => [key, query.get(key) ?? '']));
}

/** @param {URLSearchParams} query */
export function narrowed(query) {
  return narrowing.some((key) => query.get(key));
}

/** Turns an order round, or takes another. @param {string} by */
export function sortBy(by) {
  const query = new URLSearchParams(location.search);
  const same = (query.get('sort') || sorts[0]) === by;
  const reverse = same && query.get('reverse') !== 'true';
  setQuery({ sort: by === sorts[0] ? '' : by, reverse: reverse ? 'true' : '' });
}

export function serverFilters() {
  const search = queryField(t('servers.search'), 'q', 'search');
  const fields = [search, ...typed.map((key) => queryField(t(`servers_filter.${key}`), key, 'search'))];
  const checks = flags.map(check);
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`servers_sort.${value}`) })),
    (value) => setQuery({ sort: value, reverse: '' }),
  );
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/servers', { replace: true }) },
    t('filter.clear'),
  );
  const element = h(
    'div',
    { class: 'filters server-filters', role: 'group', 'aria-label': t('filter.label') },
    h(
      'div',
      { class: 'field-row' },
      fields.map((field) => field.element),
    ),
    checks.map((one) => one.element),
    sort.element,
    clear,
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    ['q', ...typed].forEach((key, i) => fields[i].set(query.get(key) ?? ''));
    flags.forEach((key, i) => checks[i].set(query.get(key) === 'true'));
    sort.set(query.get('sort') ?? '');
    clear.hidden = !narrowed(query);
  }
  return { element, follow, close: () => fields.forEach((field) => field.close()) };
}

/** @param {typeof flags[number]} key */
function check(key) {
  const id = uniqueId('filter');
  const field = h('input', {
    id,
    type: 'checkbox',
    class: 'checkbox',
    onchange: () => setQuery({ [key]: field.checked ? 'true' : '' }),
  });
  return {
    element: h('p', { class: 'filter check' }, field, h('label', { for: id }, t(`servers_filter.${key}`))),
    /** @param {boolean} is */
    set: (is) => (field.checked = is),
  };
}
