/** The matches of a player, and what each did to his rating. */

import { listPlayed } from '../../api/players.js';
import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, empty } from '../../elements/blocks.js';
import { coloured } from '../../elements/coloured.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { table } from '../../elements/table.js';
import { onDate } from '../../elements/time.js';
import { number } from '../../format.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/players.js').Played} Played */

const pageSize = 25;
/** What the API gives at most in one answer. */
const mostPerPage = 200;
const tones = { won: 'good', draw: 'plain', lost: 'bad' };

/** @param {string} id */
export function playedCard(id) {
  const rows = table(
    t('player.matches'),
    [
      { label: t('player.match') },
      { label: t('player.server') },
      { label: t('player.role') },
      { label: t('player.outcome') },
      { label: t('player.rating'), figures: true },
    ],
    'played',
  );
  const pages = pager({
    fetch: async (query, signal) => {
      const { matches, next, total } = await listPlayed(id, query, signal);
      return { rows: matches, next, total };
    },
    size: pageSize,
    most: mostPerPage,
  });
  const count = h('span', { class: 'soft small' });
  const list = listing({
    pages,
    frame: rows.element,
    body: rows.body,
    row: (one) => rows.row(...cells(one)),
    nothing: () => empty('flag', t('player.no_matches'), h('p', null, t('player.no_matches_hint'))),
    added: (added) => t('player.matches_added', { count: added }),
    counted: (total) => (count.textContent = t('player.match_count', { count: total })),
  });

  return {
    element: card(t('player.matches'), { className: 'flush', beside: count }, list.element),
    load: () => list.show({}, false),
    refresh: list.refresh,
    close: list.close,
  };
}

/** @param {Played} one @returns {import('../../dom.js').Children[]} */
function cells(one) {
  const { rating } = one;
  return [
    [
      h(
        'a',
        { class: 'row-title stretched', href: `/app/matches/${one.id}`, 'data-focus': `match-${one.id}` },
        onDate(one.at, true),
      ),
      one.map && h('span', { class: 'soft small' }, name(one.map)),
    ],
    coloured(one.server || `#${one.server_id}`),
    t(`player_role.${one.role}`),
    [
      badge(t(`player_outcome.${one.outcome}`), tones[one.outcome], true),
      one.voided_at && h('span', { class: 'soft small' }, t('player.voided')),
    ],
    rating
      ? [number(Math.round(rating.after)), h('span', { class: 'soft small nowrap' }, signed(rating.change))]
      : h('span', { class: 'soft' }, '–'),
  ];
}

/** @param {number} change */
function signed(change) {
  const rounded = Math.round(change * 10) / 10;
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : '±'}${number(Math.abs(rounded))}`;
}
