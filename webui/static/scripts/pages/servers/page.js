/** The game servers that are online now, for everybody. */

import { h } from '../../dom.js';
import { pageHead } from '../../elements/blocks.js';
import { calm } from '../../elements/region.js';
import { number } from '../../format.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { current, may } from '../../api/session.js';
import { announce } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { narrowed, serverFilters } from './filters.js';
import { listHistory } from './history.js';
import { serverList } from './list.js';
import { registeredServers } from './registered.js';

const calmMs = 1_500;
/** Maps and players change without a word; so often is asked. */
const everyMs = 20_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function serversPage(place) {
  const counts = h('p', { class: 'soft', 'aria-live': 'off' });
  const filters = serverFilters();
  let filtered = false;

  /** @param {{ servers: number, players: number }} totals */
  function tell({ servers, players }) {
    counts.textContent = `${t('servers.count', { count: servers })}, ${t('servers.player_count', { count: players })}`;
  }
  const list = serverList((total, totals) => {
    if (totals) tell(totals);
    if (filtered) announce(t('servers.found', { count: number(total) }));
  });
  const history = listHistory();
  const registered = may('meta:moderate') ? registeredServers() : null;
  const soon = calm(() => {
    list.refresh();
    registered?.refresh();
  }, calmMs);

  /** @param {URLSearchParams} query */
  function follow(query) {
    filtered = narrowed(query);
    filters.follow(query);
    list.show(query);
  }
  follow(place.query);
  const stops = [
    onLive('serverlist.totals', (totals) => {
      tell(totals);
      soon();
    }),
    onLive('resync', () => {
      soon();
      history.refresh();
    }),
  ];
  const timer = setInterval(() => !document.hidden && list.refresh(), everyMs);
  return {
    title: t('nav.servers'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.servers'), counts, ownServers()),
      h('div', { class: 'card flush' }, filters.element, list.element),
      history.element,
      registered?.element ?? null,
    ),
    query: (at) => follow(at.query),
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      filters.close();
      list.close();
      history.close();
      registered?.close();
    },
  };
}

function ownServers() {
  const href = current().account ? '/app/me' : '/app/signin?to=%2Fapp%2Fme';
  return h('a', { class: 'button small', href }, icon('plus'), t('servers.register_own'));
}
