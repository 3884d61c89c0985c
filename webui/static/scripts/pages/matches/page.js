/** Matches that game servers reported. */

import { listMatches } from '../../api/matches.js';
import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { coloured } from '../../elements/coloured.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { forMembers } from '../../elements/guest.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { table } from '../../elements/table.js';
import { onDate } from '../../elements/time.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { matchesQuery, matchFilters, narrowed } from './filters.js';
import { rating, resultBadges, teamName } from './words.js';

/** @typedef {import('../../api/matches.js').Match} Match */

const pageSize = 25;
/** What the API gives at most in one answer. */
const mostPerPage = 200;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function matchesPage(place) {
  const title = t('nav.matches');
  if (!may('meta:read')) {
    return { title, element: h('div', { class: 'page' }, pageHead(title), forMembers(t('matches.guest'))) };
  }
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = matchFilters();
  const rows = matchTable();
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing,
    added: (count) => t('matches.added', { count }),
    counted: (count) => (total.textContent = t('matches.count', { count })),
  });

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    list.show(matchesQuery(query), narrowed(query));
  }
  follow(place.query);
  const stop = onLive('resync', () => list.refresh());
  return {
    title,
    element: h(
      'div',
      { class: 'page' },
      pageHead(title, total),
      h('div', { class: 'card flush' }, filters.element, list.element),
    ),
    query: (at) => follow(at.query),
    close() {
      stop();
      filters.close();
      list.close();
    },
  };
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { matches, next, total } = await listMatches(query, signal);
  return { rows: matches, next, total };
}

function matchTable() {
  const list = table(
    t('nav.matches'),
    [
      { label: t('match.ended') },
      { label: t('match.server') },
      { label: t('match.teams') },
      { label: t('match.result') },
    ],
    'matches',
  );

  /** @param {Match} match */
  function row(match) {
    return list.row(
      [
        h(
          'a',
          {
            class: 'row-title stretched',
            href: `/app/matches/${match.id}`,
            'data-focus': `match-${match.id}`,
          },
          onDate(match.at, true),
        ),
        match.map && h('span', { class: 'soft small' }, name(match.map)),
      ],
      match.server
        ? coloured(match.server)
        : h('span', { class: 'soft' }, t('match.server_gone', { id: match.server_id })),
      h(
        'ul',
        { class: 'match-teams' },
        match.teams.map((team) =>
          h(
            'li',
            { class: team.won ? 'strong' : null },
            t('match.team_short', { team: teamName(team), count: team.players, rating: rating(team.mean) }),
          ),
        ),
      ),
      h('span', { class: 'badges' }, resultBadges(match)),
    );
  }
  return { element: list.element, body: list.body, row };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('matches.no_match'), h('p', null, t('matches.no_match_hint')));
  return empty('flag', t('matches.none'), h('p', null, t('matches.none_hint')));
}
