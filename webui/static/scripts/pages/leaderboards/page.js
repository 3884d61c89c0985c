/** Who is how good, over all servers and on each, and one's own place. */

import { ApiError } from '../../api/client.js';
import { getBoard, getPlace } from '../../api/matches.js';
import { current, may } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { card, empty, pageHead } from '../../elements/blocks.js';
import { forMembers } from '../../elements/guest.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { region } from '../../elements/region.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { number } from '../../format.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { playerLink } from '../clans/words.js';
import { serverSelect } from '../matches/servers.js';
import { rating } from '../matches/words.js';

/** @typedef {import('../../api/matches.js').Place} Place */
/** @typedef {import('../../api/matches.js').Standing} Standing */

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 500;
const overall = 'overall';

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function leaderboardsPage(place) {
  const title = t('nav.leaderboards');
  if (!may('meta:read')) {
    return { title, element: h('div', { class: 'page' }, pageHead(title), forMembers(t('board.guest'))) };
  }
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const least = h('p', { class: 'filter-search soft' });
  const server = serverSelect(t('board.of'), 'server', t('board.overall'));
  const rows = boardTable();
  /** How many matches one needs; known with the first answer. */
  let min = 0;
  const list = listing({
    pages: pager({
      async fetch(query, signal) {
        const { server: board, ...rest } = query;
        const answer = await getBoard(String(board || overall), rest, signal);
        min = answer.min_matches;
        least.textContent = t('board.least', { count: min });
        const places = answer.players.map((one) => ({ ...one, id: one.player.id }));
        return { rows: places, next: answer.next, total: answer.total };
      },
      size: pageSize,
      most: mostPerPage,
    }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing: () => empty('chart', t('board.none'), h('p', null, t('board.none_hint', { count: min }))),
    added: (count) => t('board.added', { count }),
    counted: (count) => (total.textContent = t('board.count', { count })),
  });
  const own = ownPlace();

  /** @param {URLSearchParams} query */
  async function follow(query) {
    const board = query.get('server') ?? '';
    server.set(board);
    await list.show({ server: board }, false);
    own.show(board || overall, min);
  }
  follow(place.query);
  const stop = onLive('resync', () => follow(new URLSearchParams(location.search)));
  return {
    title,
    element: h(
      'div',
      { class: 'page' },
      pageHead(title, total),
      own.element,
      h(
        'div',
        { class: 'card flush' },
        h('div', { class: 'filters', role: 'group', 'aria-label': t('filter.label') }, server.element, least),
        list.element,
      ),
    ),
    query: (at) => follow(at.query),
    close() {
      stop();
      server.close();
      own.close();
      list.close();
    },
  };
}

function boardTable() {
  const list = table(
    t('nav.leaderboards'),
    [
      { label: t('board.place') },
      { label: t('clan.player') },
      { label: t('board.rating'), figures: true },
      { label: t('board.field'), figures: true },
      { label: t('board.command'), figures: true },
      { label: t('board.seen') },
    ],
    'board',
  );

  /** @param {Place & { id: string }} one */
  function row(one) {
    const element = list.row(
      h('span', { class: 'board-place' }, number(one.rank)),
      playerLink(one.player.id, one.player.name, 'row-title'),
      h('strong', null, rating(one.rating)),
      t('board.won_of', { won: one.won_field, played: one.played_field }),
      one.played_command ? t('board.won_of', { won: one.won_command, played: one.played_command }) : '–',
      ago(one.last_seen),
    );
    if (one.id === current().account?.id) element.classList.add('own');
    return element;
  }
  return { element: list.element, body: list.body, row };
}

/** The caller's place in the leaderboard that is shown. */
function ownPlace() {
  let board = '';
  let least = 0;
  const me = current().account?.id ?? '';
  const place = region({
    /** @returns {Promise<Standing | null>} */
    async load(signal) {
      try {
        return await getPlace(board, me, signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null; // he has not played there
        throw error;
      }
    },
    render: (standing, root) =>
      fill(root, card(t('board.own'), { className: 'own-place' }, h('p', null, words(standing)))),
  });

  /** @param {Standing | null} standing */
  function words(standing) {
    if (!standing) return t('board.own_none');
    const values = {
      rating: rating(standing.rating),
      won: standing.won_field,
      played: standing.played_field,
    };
    if (standing.rank > 0) return t('board.own_place', { ...values, rank: standing.rank, of: standing.of });
    const missing = least - standing.played_field;
    const why = missing > 0 ? t('board.own_missing', { count: missing }) : t('board.own_hidden');
    return `${t('board.own_rating', values)} ${why}`;
  }
  return {
    element: place.element,
    /** @param {string} of @param {number} min */
    show(of, min) {
      board = of;
      least = min;
      place.reload();
    },
    close: place.close,
  };
}
