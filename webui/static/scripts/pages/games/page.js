/** The games, and how to narrow and order them. */

import { h } from '../../dom.js';
import { pageHead } from '../../elements/blocks.js';
import { calm } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { gameFilters, gamesQuery, narrowed } from './filters.js';
import { gameList } from './list.js';

const calmMs = 2_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function gamesPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = gameFilters();
  const list = gameList((count) => (total.textContent = t('games.count', { count })));

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    list.show(gamesQuery(query), narrowed(query));
  }
  follow(place.query);
  const soon = calm(list.refresh, calmMs);
  const stops = [onLive('mods.changed', soon), onLive('resync', soon)];

  return {
    title: t('nav.games'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.games'), total),
      h('div', { class: 'card flush' }, filters.element, list.element),
    ),
    query: (at) => follow(at.query),
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      list.close();
      filters.close();
    },
  };
}
