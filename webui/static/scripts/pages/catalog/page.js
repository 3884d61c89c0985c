/** The catalogue: every mod that this host gives away, to search, narrow and order. */

import { listCatalog } from '../../api/catalog.js';
import { h } from '../../dom.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { calm } from '../../elements/region.js';
import { onJobState, onLive } from '../../live.js';
import { t } from '../../texts.js';
import { modCard } from './card.js';
import { catalogFilters, catalogQuery, narrowed } from './filters.js';

const calmMs = 1_500;
const pageSize = 24;
/** What the API gives at most in one answer. */
const mostPerPage = 100;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function catalogPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = catalogFilters();
  const cards = h('ul', { class: 'mod-cards' });
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: cards,
    body: cards,
    row: modCard,
    nothing,
    added: (count) => t('mods.added_rows', { count }),
    counted: (count) => (total.textContent = t('mods.count', { count })),
  });

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    list.show(catalogQuery(query), narrowed(query));
  }
  follow(place.query);

  const soon = calm(() => {
    list.refresh();
    filters.refresh();
  }, calmMs);
  const stops = [onLive('mods.changed', soon), onJobState(soon), onLive('resync', soon)];

  return {
    title: t('nav.catalog'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.catalog'), total),
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

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { mods, next, total } = await listCatalog(query, signal);
  return { rows: mods, next, total };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('mods.no_match'), h('p', null, t('catalog.no_match_hint')));
  return empty('mods', t('catalog.none'), h('p', null, t('catalog.none_hint')));
}
