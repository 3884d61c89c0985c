/** Clans: one's own, invitations, all there are, and registering one. */

import { listClans } from '../../api/clans.js';
import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { forMembers } from '../../elements/guest.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { querySelect } from '../../elements/query.js';
import { table } from '../../elements/table.js';
import { onDate } from '../../elements/time.js';
import { number } from '../../format.js';
import { onLive } from '../../live.js';
import { navigate } from '../../router.js';
import { t } from '../../texts.js';
import { foundingForm } from './found.js';
import { ownClans } from './own.js';
import { clanIcon, clanTag } from './words.js';

/** @typedef {import('../../api/clans.js').Clan} Clan */

const pageSize = 25;
/** What the API gives at most in one answer. */
const mostPerPage = 500;
/** The values of the parameters; the first one holds when there is none. */
const sorts = /** @type {const} */ (['name', 'members', 'created']);
const states = /** @type {const} */ (['standing', 'disbanded', 'all']);

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function clansPage(place) {
  const title = t('nav.clans');
  if (!may('meta:read')) {
    return { title, element: h('div', { class: 'page' }, pageHead(title), forMembers(t('clans.guest'))) };
  }
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = clanFilters();
  const rows = clanTable();
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing,
    added: (count) => t('clans.added', { count }),
    counted: (count) => (total.textContent = t('clans.count', { count })),
  });
  const own = ownClans(() => list.refresh());
  const form = may('meta:write') ? foundingForm() : null;

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    list.show(wanted(query), Boolean(query.get('q') || query.get('state')));
  }
  follow(place.query);
  const stop = onLive('resync', () => {
    list.refresh();
    own.refresh();
  });
  return {
    title,
    element: h(
      'div',
      { class: 'page' },
      pageHead(title, total),
      own.element,
      form ?? h('p', { class: 'notice note' }, h('span', null, t('clans.unverified'))),
      h('div', { class: 'card flush' }, filters.element, list.element),
    ),
    query: (at) => follow(at.query),
    close() {
      stop();
      own.close();
      list.close();
    },
  };
}

/** @param {URLSearchParams} query */
function wanted(query) {
  return Object.fromEntries(['q', 'sort', 'state'].map((key) => [key, query.get(key) ?? '']));
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { clans, next, total } = await listClans(query, signal);
  return { rows: clans, next, total };
}

function clanFilters() {
  const sort = querySelect(
    t('filter.sort'),
    'sort',
    sorts.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`clan_sort.${value}`) })),
  );
  const state = querySelect(
    t('filter.state'),
    'state',
    states.map((value, i) => ({ value: i === 0 ? '' : value, label: t(`clan_state.${value}`) })),
  );
  const note = h('p', { class: 'filter-search soft' });
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/clans', { replace: true }) },
    t('filter.clear'),
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    const words = query.get('q') ?? '';
    sort.set(query.get('sort') ?? '');
    state.set(query.get('state') ?? '');
    note.hidden = !words;
    note.replaceChildren(t('filter.search'), ' ', h('bdi', { class: 'strong' }, words));
    clear.hidden = !words && !query.get('state');
  }
  return {
    element: h(
      'div',
      { class: 'filters', role: 'group', 'aria-label': t('filter.label') },
      sort.element,
      state.element,
      note,
      clear,
    ),
    follow,
  };
}

function clanTable() {
  const list = table(
    t('nav.clans'),
    [
      { label: t('clans.clan') },
      { label: t('clans.tag') },
      { label: t('clans.members'), figures: true },
      { label: t('clans.created') },
    ],
    'clans',
  );

  /** @param {Clan} clan */
  function row(clan) {
    return list.row(
      h(
        'span',
        { class: 'clan-title' },
        clanIcon(clan.icon_url),
        h(
          'span',
          null,
          h(
            'a',
            { class: 'row-title stretched', href: `/app/clans/${clan.id}`, 'data-focus': `clan-${clan.id}` },
            name(clan.name),
          ),
          clan.disbanded_at &&
            h('span', { class: 'soft small block' }, t('clan.disbanded'), ' ', onDate(clan.disbanded_at)),
        ),
      ),
      clanTag(clan.tag),
      number(clan.members),
      onDate(clan.created_at),
    );
  }
  return { element: list.element, body: list.body, row };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('clans.no_match'), h('p', null, t('clans.no_match_hint')));
  return empty('shield', t('clans.none'), h('p', null, t('clans.none_hint')));
}
