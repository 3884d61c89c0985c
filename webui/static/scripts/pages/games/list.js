/** The games whose mods are here. */

import { listGames } from '../../api/catalog.js';
import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { empty } from '../../elements/blocks.js';
import { cover } from '../../elements/cover.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { t } from '../../texts.js';

const pageSize = 48;
/** What the API gives at most in one answer. */
const mostPerPage = 100;

/** @param {(total: number) => void} counted */
export function gameList(counted) {
  const cards = h('ul', { class: 'mod-cards' });
  return listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: cards,
    body: cards,
    row: gameCard,
    nothing,
    added: (count) => t('games.added', { count }),
    counted,
  });
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { games, next, total } = await listGames(query, signal);
  return { rows: games, next, total };
}

/** @param {import('../../api/model.js').Game} game */
function gameCard(game) {
  return h(
    'li',
    { class: 'mod-card' },
    cover(game.id, game.name),
    h(
      'div',
      { class: 'mod-card-head' },
      h(
        'a',
        { class: 'row-title stretched', href: `/app/games/${game.id}`, 'data-focus': `game-${game.id}` },
        name(game.name),
      ),
      h('p', { class: 'soft small' }, gameCounts(game)),
    ),
    h('p', { class: 'mod-card-tags badges' }, gameBadges(game)),
    game.short_description &&
      h('p', { class: 'mod-card-text small soft', dir: 'auto' }, game.short_description),
  );
}

/** @param {import('../../api/model.js').Game} game */
export function gameCounts(game) {
  return `${t('mods.count', { count: game.mods })} · ${t('games.downloads', { count: game.downloads })}`;
}

/** @param {import('../../api/model.js').Game} game */
export function gameBadges(game) {
  return [
    game.placeholder && badge(t('games.placeholder'), 'note', true),
    ...game.genres.map((genre) => h('span', { class: 'badge plain' }, name(genre.name))),
  ];
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('games.no_match'), h('p', null, t('games.no_match_hint')));
  return empty('game', t('games.none'), h('p', null, t('games.none_hint')));
}
