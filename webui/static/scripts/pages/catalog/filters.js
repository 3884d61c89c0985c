/** What narrows and orders the catalogue, all of it in the address. */

import { getGame, listGames } from '../../api/catalog.js';
import { h, uniqueId } from '../../dom.js';
import { querySelect, setQuery } from '../../elements/query.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';
import { tagBar } from './tags.js';

/** The values of the parameter `sort`; the first one holds when there is none. */
export const sorts = /** @type {const} */ ([
  '-downloads',
  '-requested',
  '-updated',
  '-created',
  'name',
  '-size',
]);

/** What narrows the list, as opposed to ordering it. */
const narrowing = ['q', 'game', 'tag', 'source', 'state', 'dependency', 'independent'];

const states = /** @type {const} */ (['ready', 'fetching']);
const sources = /** @type {const} */ (['steam', 'local']);

/**
 * @param {URLSearchParams} query
 * @returns {import('../../elements/pager.js').Query}
 */
export function catalogQuery(query) {
  const wanted = Object.fromEntries([...narrowing, 'sort'].map((key) => [key, query.get(key) ?? '']));
  return { ...wanted, tag: query.getAll('tag') };
}

/** @param {URLSearchParams} query */
export function narrowed(query) {
  return narrowing.some((key) => query.get(key));
}

export function catalogFilters() {
  const game = gameSelect();
  const state = querySelect(t('filter.state'), 'state', [
    { value: '', label: t('filter.any_state') },
    ...states.map((value) => ({ value, label: t(`state.${value}`) })),
  ]);
  const source = querySelect(t('catalog.source'), 'source', [
    { value: '', label: t('catalog.any_source') },
    ...sources.map((value) => ({ value, label: t(`source.${value}`) })),
  ]);
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`catalog_sort.${value}`) })),
  );
  const independent = checkbox();
  const tags = tagBar();
  const note = h('p', { class: 'filter-search soft' });
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/catalog', { replace: true }) },
    t('filter.clear'),
  );
  const element = h(
    'div',
    { class: 'filters catalog-filters', role: 'group', 'aria-label': t('filter.label') },
    [game.element, state.element, source.element, sort.element, independent.element],
    tags.element,
    note,
    clear,
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    game.set(query.get('game') ?? '');
    state.set(query.get('state') ?? '');
    source.set(query.get('source') ?? '');
    sort.set(query.get('sort') ?? '');
    independent.set(query.get('independent') === 'true');
    tags.follow(query);
    note.hidden = !query.get('q') && !query.get('dependency');
    note.replaceChildren(...words(query));
    clear.hidden = !narrowed(query);
  }

  function close() {
    game.close();
    tags.close();
  }
  return { element, follow, refresh: tags.refresh, close };
}

/** @param {URLSearchParams} query */
function words(query) {
  const [q, dependency] = [query.get('q'), query.get('dependency')];
  return [
    ...(q ? [t('filter.search'), ' ', h('bdi', { class: 'strong' }, q)] : []),
    ...(q && dependency ? [' · '] : []),
    ...(dependency ? [t('catalog.needing'), ' ', h('bdi', { class: 'strong' }, dependency)] : []),
  ];
}

/** The games with the most mods, and the chosen one. A change of game drops the tags of the old one. */
function gameSelect() {
  const any = { value: '', label: t('catalog.any_game') };
  const field = querySelect(t('mod.app'), 'game', [any], (game) => setQuery({ game, tag: '' }));
  const controller = new AbortController();
  let options = [any];
  let wanted = '';
  /** Games whose names were asked for, so that an unknown one is asked for once. @type {Set<string>} */
  const asked = new Set(['']);

  listGames({ sort: '-mods', limit: '100' }, controller.signal)
    .then(({ games }) => {
      options = [any, ...games.map((game) => ({ value: game.id, label: game.name }))];
      for (const { value } of options) asked.add(value);
      field.offer(options);
      set(wanted);
    })
    .catch(() => {}); // the list still works, and says itself what is wrong

  /** @param {string} value */
  function set(value) {
    wanted = value;
    field.set(value);
    if (options.length === 1 || asked.has(value)) return;
    asked.add(value);
    getGame(value, controller.signal)
      .then((game) => field.offer((options = [...options, { value, label: game.name }])))
      .catch(() => {}); // its id stands in the select
  }
  return { element: field.element, set, close: () => controller.abort() };
}

function checkbox() {
  const id = uniqueId('filter');
  const field = h('input', {
    id,
    type: 'checkbox',
    class: 'checkbox',
    onchange: () => setQuery({ independent: field.checked ? 'true' : '' }),
  });
  return {
    element: h('p', { class: 'filter check' }, field, h('label', { for: id }, t('catalog.independent'))),
    /** @param {boolean} on */
    set: (on) => (field.checked = on),
  };
}
