/** State and order of the list, kept in the address. */

import { h } from '../../dom.js';
import { states } from '../../elements/badge.js';
import { querySelect } from '../../elements/query.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';
import { sorts } from './columns.js';

const path = '/app/mods';

export function filterBar() {
  const state = querySelect(t('filter.state'), 'state', [
    { value: '', label: t('filter.any_state') },
    ...states.map((value) => ({ value, label: t(`state.${value}`) })),
  ]);
  const sort = querySelect(
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
