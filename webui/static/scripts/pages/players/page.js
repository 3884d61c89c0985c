/** Everybody who has an account for the game servers. */

import { listPlayers } from '../../api/players.js';
import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { forMembers } from '../../elements/guest.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { queryField, querySelect } from '../../elements/query.js';
import { table } from '../../elements/table.js';
import { ago, onDate } from '../../elements/time.js';
import { onLive } from '../../live.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/players.js').Player} Player */

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 200;

/** The values of the parameter `sort`; the first one holds when there is none. */
const sorts = /** @type {const} */ (['name', '-last_online', '-created']);
const states = /** @type {const} */ (['unverified', 'closed', 'all']);

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function playersPage(place) {
  if (!may('meta:read')) return membersOnly();
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = playerFilters();
  const rows = playerTable();
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing,
    added: (count) => t('players.added', { count }),
    counted: (count) => (total.textContent = t('players.count', { count })),
  });

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    const [q, state, sort] = ['q', 'state', 'sort'].map((key) => query.get(key) ?? '');
    list.show({ q, state, sort }, Boolean(q || state));
  }
  follow(place.query);
  const stop = onLive('resync', () => list.refresh());
  return {
    title: t('nav.players'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.players'), total),
      h('div', { class: 'card flush' }, may('meta:read') ? filters.element : null, list.element),
    ),
    query: (at) => follow(at.query),
    close() {
      stop();
      filters.close();
      list.close();
    },
  };
}

/** @returns {import('../../router.js').Page} */
function membersOnly() {
  const title = t('nav.players');
  return { title, element: h('div', { class: 'page' }, pageHead(title), forMembers(t('players.guest'))) };
}

function playerFilters() {
  const search = queryField(t('players.search'), 'q', 'search');
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`players_sort.${value}`) })),
  );
  const state = may('meta:moderate')
    ? querySelect(t('filter.state'), 'state', [
        { value: '', label: t('players_state.usual') },
        ...states.map((value) => ({ value, label: t(`players_state.${value}`) })),
      ])
    : null;
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/players', { replace: true }) },
    t('filter.clear'),
  );
  const element = h('div', { class: 'filters', role: 'group', 'aria-label': t('filter.label') }, [
    search.element,
    state?.element ?? null,
    sort.element,
    clear,
  ]);

  /** @param {URLSearchParams} query */
  function follow(query) {
    search.set(query.get('q') ?? '');
    sort.set(query.get('sort') ?? '');
    state?.set(query.get('state') ?? '');
    clear.hidden = !query.get('q') && !query.get('state');
  }
  return { element, follow, close: search.close };
}

function playerTable() {
  const list = table(
    t('nav.players'),
    [{ label: t('players.name') }, { label: t('players.last_online') }, { label: t('players.created') }],
    'players',
  );

  /** @param {Player} player */
  function row(player) {
    return list.row(
      [
        h(
          'a',
          {
            class: 'row-title stretched',
            href: `/app/players/${player.id}`,
            'data-focus': `player-${player.id}`,
          },
          name(player.name),
        ),
        playerMarks(player),
      ],
      ago(player.last_online),
      onDate(player.created_at),
    );
  }
  return { element: list.element, body: list.body, row };
}

/** @param {Player} player */
export function playerMarks({ verified, closed }) {
  if (verified && !closed) return null;
  return h(
    'span',
    { class: 'badges' },
    !verified && badge(t('players.unverified'), 'plain'),
    closed && badge(t('players.closed'), 'bad', true),
  );
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { players, next, total } = await listPlayers(query, signal);
  return { rows: players, next, total };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('players.no_match'), h('p', null, t('players.no_match_hint')));
  return empty('person', t('players.none'), h('p', null, t('players.none_hint')));
}
