/** What narrows and orders the list of games, in the address. */

import { listGenres } from '../../api/catalog.js';
import { h } from '../../dom.js';
import { querySelect } from '../../elements/query.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';

/** The values of the parameter `sort`; the first one holds when there is none. */
const sorts = /** @type {const} */ (['-mods', '-downloads', 'name', '-created']);
const narrowing = ['q', 'genre', 'type'];

/**
 * @param {URLSearchParams} query
 * @returns {import('../../elements/pager.js').Query}
 */
export function gamesQuery(query) {
  const wanted = Object.fromEntries(narrowing.map((key) => [key, query.get(key) ?? '']));
  return { ...wanted, sort: query.get('sort') ?? sorts[0] };
}

/** @param {URLSearchParams} query */
export function narrowed(query) {
  return narrowing.some((key) => query.get(key));
}

export function gameFilters() {
  const any = { value: '', label: t('games.any_genre') };
  const genre = querySelect(t('games.genre'), 'genre', [any]);
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`games_sort.${value}`) })),
  );
  const search = h('p', { class: 'filter-search soft' });
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/games', { replace: true }) },
    t('filter.clear'),
  );
  const element = h(
    'div',
    { class: 'filters', role: 'group', 'aria-label': t('filter.label') },
    [genre.element, sort.element],
    search,
    clear,
  );
  const controller = new AbortController();
  listGenres(controller.signal)
    .then(({ genres }) =>
      genre.offer([
        any,
        ...genres.map(({ id, name, games }) => ({ value: id, label: `${name} (${games})` })),
      ]),
    )
    .catch(() => {}); // the list still works, and says itself what is wrong

  /** @param {URLSearchParams} query */
  function follow(query) {
    genre.set(query.get('genre') ?? '');
    sort.set(query.get('sort') ?? '');
    const words = query.get('q') ?? '';
    search.hidden = !words;
    search.replaceChildren(t('filter.search'), ' ', h('bdi', { class: 'strong' }, words));
    clear.hidden = !narrowed(query);
  }
  return { element, follow, close: () => controller.abort() };
}
