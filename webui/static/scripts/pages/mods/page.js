/** The list of mods: add, watch the queue, filter, open. */

import { may } from '../../api/session.js';
import { h } from '../../dom.js';
import { pageHead } from '../../elements/blocks.js';
import { calm } from '../../elements/region.js';
import { onJobState, onLive } from '../../live.js';
import { here } from '../../router.js';
import { t } from '../../texts.js';
import { addForm } from './add.js';
import { filterBar } from './filters.js';
import { modList } from './list.js';
import { queue } from './queue.js';
import { statusStrip } from './status.js';

const calmMs = 1_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function modsPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = filterBar();
  const list = modList((count) => (total.textContent = t('mods.count', { count })));
  const jobs = queue();
  const status = may('mods:read') ? statusStrip() : null;

  filters.follow(place.query);
  list.show(place.query);

  const soon = calm(() => {
    list.refresh();
    status?.reload();
  }, calmMs);
  const stops = [
    onLive('mods.changed', soon),
    onJobState(soon),
    onLive('resync', () => {
      soon();
      jobs.reload();
    }),
  ];

  return {
    title: t('nav.mods'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.mods'), total),
      status?.element,
      may('mods:write') && addForm(() => jobs.reload()),
      jobs.element,
      h('div', { class: 'card flush' }, filters.element, list.element),
    ),
    query() {
      const { query } = here();
      filters.follow(query);
      list.show(query);
    },
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      list.close();
      jobs.close();
      status?.close();
    },
  };
}
