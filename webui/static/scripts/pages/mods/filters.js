/** State and order of the list, kept in the address. */

import { h, uniqueId } from '../../dom.js';
import { states } from '../../elements/badge.js';
import { here, navigate } from '../../router.js';
import { t } from '../../texts.js';
import { sorts } from './columns.js';

const path = '/app/mods';

/**
 * Changes one part of the query and leaves the others.
 * @param {string} key
 * @param {string} value
 */
export function setFilter(key, value) {
  const { query } = here();
  if (value) query.set(key, value);
  else query.delete(key);
  navigate(query.size ? `${path}?${query}` : path, { replace: true });
}

export function filterBar() {
  const state = select(t('filter.state'), 'state', [
    { value: '', label: t('filter.any_state') },
    ...states.map((value) => ({ value, label: t(`state.${value}`) })),
  ]);
  const sort = select(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`sort.${value}`) })),
  );
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate(path, { replace: true }) },
    t('filter.clear'),
  );
  const search = h('p', { class: 'filter-search soft' });
  const element = h(
    'div',
    { class: 'filters', role: 'group', 'aria-label': t('filter.label') },
    state.element,
    sort.element,
    search,
    clear,
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    state.set(query.get('state') ?? '');
    sort.set(query.get('sort') ?? '');
    const words = query.get('q') ?? '';
    search.hidden = !words;
    search.replaceChildren(t('filter.search'), ' ', h('bdi', { class: 'strong' }, words));
    clear.hidden = !words && !query.get('state');
  }
  return { element, follow };
}

/**
 * @param {string} label
 * @param {string} key
 * @param {{ value: string, label: string }[]} options
 */
function select(label, key, options) {
  const id = uniqueId('filter');
  const field = h(
    'select',
    { id, class: 'select', onchange: () => setFilter(key, field.value) },
    options.map((option) => h('option', { value: option.value }, option.label)),
  );
  return {
    element: h('p', { class: 'filter' }, h('label', { for: id }, label), field),
    /** @param {string} value */
    set(value) {
      field.value = value;
      if (field.selectedIndex < 0) field.selectedIndex = 0;
    },
  };
}
