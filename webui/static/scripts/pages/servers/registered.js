/** Every registered game server with its owner, for moderators. */

import { listRegistered } from '../../api/serverlist.js';
import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, empty } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { table } from '../../elements/table.js';
import { t } from '../../texts.js';
import { stateButtons } from './moderate.js';
import { listingText } from './why.js';
import { serverName } from './words.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

const pageSize = 25;
const mostPerPage = 500;

export function registeredServers() {
  const rows = table(
    t('servers.registered'),
    [
      { label: t('servers_column.name') },
      { label: t('servers.owner') },
      { label: t('servers.state') },
      { label: t('servers_column.actions'), hidden: true },
    ],
    'registered',
  );
  const total = h('span', { class: 'soft small' });
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row,
    nothing: () => empty('game', t('servers.none_registered')),
    added: (count) => t('servers.added', { count }),
    counted: (count) => (total.textContent = t('servers.count', { count })),
  });

  /** @param {OwnServer} server @returns {HTMLElement} */
  function row(server) {
    return rows.row(
      [
        h('a', { class: 'row-title', href: `/app/servers/${server.id}` }, serverName(server)),
        h('code', { class: 'small' }, server.connect),
      ],
      server.owner
        ? h(
            'a',
            { href: `/app/players/${server.owner.id}` },
            name(server.owner.name || `#${server.owner.id}`),
          )
        : '–',
      [
        badge(t(`servers_moderation.${server.state}`), server.state === 'open' ? 'good' : 'warn', true),
        h('span', { class: 'small soft' }, listingText(server)),
      ],
      stateButtons(server, server.state, () => void list.refresh()),
    );
  }
  list.show({}, false);
  return {
    element: card(t('servers.registered'), { beside: total, className: 'flush' }, list.element),
    refresh: list.refresh,
    close: list.close,
  };
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { servers, next, total } = await listRegistered(query, signal);
  return { rows: servers, next, total };
}
