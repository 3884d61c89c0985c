/** The game servers as a table whose headings sort, cards on phones. */

import { listServers } from '../../api/serverlist.js';
import { h, name, uniqueId } from '../../dom.js';
import { empty } from '../../elements/blocks.js';
import { copyable } from '../../elements/copy.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { current, may } from '../../api/session.js';
import { t } from '../../texts.js';
import { favouriteServers } from './favourites.js';
import { narrowed, serversQuery, sortBy, sorts } from './filters.js';
import { favouriteButton, fullness, joinHref, serverName } from './words.js';

/** @typedef {import('../../api/serverlist.js').ListedServer} ListedServer */

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 500;

/**
 * The columns and which way round the order by each begins.
 * @type {{ key: 'name' | 'players' | 'map' | 'game_type' | 'updated' | 'actions', down?: boolean, figures?: boolean }[]}
 */
const columns = [
  { key: 'name' },
  { key: 'players', down: true, figures: true },
  { key: 'map' },
  { key: 'game_type' },
  { key: 'updated', down: true },
  { key: 'actions' },
];

/** @param {(total: number, totals: { servers: number, players: number } | null) => void} counted */
export function serverList(counted) {
  const head = tableHead();
  const body = h('tbody', { role: 'rowgroup' });
  /** @type {{ servers: number, players: number } | null} */
  let totals = null;

  /**
   * @param {import('../../elements/pager.js').Query} query
   * @param {AbortSignal} signal
   */
  async function portion({ favourites, ...query }, signal) {
    totals = null;
    if (favourites) return favouriteServers(/** @type {Record<string, string>} */ (query), signal);
    const answer = await listServers(query, signal);
    totals = answer.totals;
    return { rows: answer.servers, next: answer.next, total: answer.total };
  }

  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: frame(head.element, body),
    body,
    row: (server) => row(server, () => wantsFavourites && list.refresh()),
    nothing: (filtered) => nothing(filtered, wantsFavourites),
    added: (count) => t('servers.added', { count }),
    counted: (total) => counted(total, totals),
  });
  let wantsFavourites = false;

  /** @param {URLSearchParams} query */
  function show(query) {
    const wanted = serversQuery(query);
    wantsFavourites = Boolean(wanted.favourites);
    head.mark(wanted.sort, wanted.reverse === 'true');
    return list.show(wanted, narrowed(query));
  }
  return { element: list.element, show, refresh: list.refresh, close: list.close };
}

/**
 * @param {HTMLElement} head
 * @param {HTMLElement} body
 */
function frame(head, body) {
  const caption = uniqueId('servers');
  return h(
    'table',
    { class: 'table cards servers', role: 'table', 'aria-labelledby': caption },
    h('caption', { id: caption, class: 'visually-hidden' }, t('nav.servers')),
    head,
    body,
  );
}

function tableHead() {
  const cells = columns.map(({ key, figures }) =>
    h(
      'th',
      { role: 'columnheader', scope: 'col', class: figures ? 'figures-column' : null },
      key === 'actions'
        ? h('span', { class: 'visually-hidden' }, t('servers_column.actions'))
        : h(
            'button',
            { type: 'button', class: 'sort', onclick: () => sortBy(key) },
            t(`servers_column.${key}`),
            icon('up', 'sort-up'),
            icon('down', 'sort-down'),
          ),
    ),
  );

  /**
   * @param {string} by
   * @param {boolean} reverse
   */
  function mark(by, reverse) {
    columns.forEach(({ key, down = false }, i) => {
      if (key === 'actions') return;
      const now = key === (by || sorts[0]);
      cells[i].setAttribute('aria-sort', now ? (down === reverse ? 'ascending' : 'descending') : 'none');
    });
  }
  return { element: h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, cells)), mark };
}

/**
 * @param {ListedServer} server
 * @param {() => void} changed
 */
function row(server, changed) {
  const href = joinHref(server);
  /** @type {import('../../dom.js').Children[]} */
  const cells = [
    [
      h(
        'a',
        {
          class: 'row-title stretched',
          href: `/app/servers/${server.id}`,
          'data-focus': `server-${server.id}`,
        },
        serverName(server),
      ),
      server.passworded && h('span', { class: 'soft small' }, t('servers.passworded')),
      !server.online && h('span', { class: 'soft small' }, t('servers.offline')),
      h(
        'span',
        { class: 'over' },
        copyable(server.connect, t('servers.address'), { focus: `copy-${server.id}` }),
      ),
    ],
    fullness(server),
    server.map ? name(server.map) : dash(),
    server.game_type ? name(server.game_type) : dash(),
    ago(server.updated),
    h(
      'span',
      { class: 'row-actions over' },
      href &&
        h(
          'a',
          { class: 'icon-button', href, title: t('servers.join') },
          icon('signin'),
          h('span', { class: 'visually-hidden' }, t('servers.join_of', { name: server.plain_name })),
        ),
      favouriteButton(server, { changed }),
    ),
  ];
  return h(
    'tr',
    { role: 'row' },
    cells.map((children, at) => {
      const { key, figures } = columns[at];
      return h(
        'td',
        {
          role: 'cell',
          class: figures ? 'figures-column' : key === 'actions' ? 'actions-column' : null,
          'data-label': at === 0 || key === 'actions' ? null : t(`servers_column.${key}`),
        },
        h('div', { class: 'cell' }, children),
      );
    }),
  );
}

function dash() {
  return h(
    'span',
    { class: 'soft' },
    h('span', { 'aria-hidden': 'true' }, '–'),
    h('span', { class: 'visually-hidden' }, t('servers.unknown')),
  );
}

/**
 * @param {boolean} filtered
 * @param {boolean} favourites
 */
function nothing(filtered, favourites) {
  if (favourites)
    return empty('star', t('servers.no_favourites'), h('p', null, t('servers.no_favourites_hint')));
  if (filtered) return empty('search', t('servers.no_match'), h('p', null, t('servers.no_match_hint')));
  const own = current().account && may('meta:write');
  return empty(
    'game',
    t('servers.none'),
    h('p', null, t('servers.none_hint')),
    h(
      'p',
      { class: 'actions' },
      h(
        'a',
        { class: 'button', href: own ? '/app/me' : '/app/signin?to=/app/me' },
        t('servers.register_own'),
      ),
    ),
  );
}
