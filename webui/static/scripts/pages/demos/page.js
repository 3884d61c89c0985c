/** The library of recordings: what is being recorded, what is kept, when and how much. */

import { listDemos, mayJudge } from '../../api/demos/library.js';
import { may } from '../../api/session.js';
import { h } from '../../dom.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { calm } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { recordedHours } from './calendar.js';
import { demoFilters, demosQuery, narrowed } from './filters.js';
import { liveDemos } from './live.js';
import { demoRoom } from './room.js';
import { retentionCard } from './retention.js';
import { demoTable } from './row.js';

const calmMs = 1_500;
const pageSize = 25;
/** What the API gives at most in one answer. */
const mostPerPage = 100;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function demosPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = demoFilters();
  const rows = demoTable(t('nav.demos'));
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing,
    added: (count) => t('demos.added', { count }),
    counted: (count) => (total.textContent = t('demos.count', { count })),
  });
  const soon = calm(() => {
    list.refresh();
    for (const part of below) part.refresh();
  }, calmMs);
  const known = may('demos:read');
  const live = known ? liveDemos(soon) : null;
  const rules = may('demos:moderate') ? retentionCard(soon) : null;
  const below = known ? [recordedHours(), ...(may('demos:moderate') ? [demoRoom()] : [])] : [];

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    list.show(demosQuery(query), narrowed(query));
  }
  follow(place.query);
  const stops = [
    onLive('resync', soon),
    onLive('demos.live', ({ state }) => {
      if (state === 'stored') soon();
    }),
  ];

  return {
    title: t('nav.demos'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.demos'), total),
      live?.element ?? null,
      h('div', { class: 'card flush' }, known ? filters.element : null, list.element),
      h(
        'div',
        { class: 'columns' },
        below.map((part) => part.element),
      ),
      rules?.element ?? null,
    ),
    query: (at) => follow(at.query),
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      live?.close();
      rules?.close();
      for (const part of below) part.close();
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
  const { demos, next, total } = await listDemos(query, signal);
  return { rows: demos, next, total };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('demos.no_match'), h('p', null, t('demos.no_match_hint')));
  return empty(
    'film',
    t('demos.none'),
    h('p', null, mayJudge() ? t('demos.none_hint') : t('demos.none_player')),
  );
}
