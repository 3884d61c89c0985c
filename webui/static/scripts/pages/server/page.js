/** One game server: how to join it, what it needs, where its matches are. */

import { ApiError } from '../../api/client.js';
import { getListedServer } from '../../api/serverlist.js';
import { may } from '../../api/session.js';
import { fill, h, keyed, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, empty, pageHead, skeleton } from '../../elements/blocks.js';
import { withoutColours } from '../../elements/coloured.js';
import { codeBlock, copyable } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { stateButtons } from '../servers/moderate.js';
import { connectLine, favouriteButton, fullness, joinHref, serverName } from '../servers/words.js';

/** @typedef {import('../../api/serverlist.js').ListedServer} ListedServer */

const everyMs = 20_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function serverPage(place) {
  const id = decodeURIComponent(place.params[0]);
  const title = h('span', null, t('server.title'));
  const facts = h('div', null);
  const mods = h('div', null);
  const staff = h('div', null);
  const parts = h('div', { class: 'stack' }, facts, mods, staff);

  const content = region({
    load: (signal) => getListedServer(id, signal),
    className: 'stack',
    skeleton: () => h('div', { class: 'stack' }, skeleton(5, 'card'), skeleton(2, 'card')),
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? unknown() : null),
    render(server, root) {
      document.title = `${withoutColours(server.name) || server.connect} · Quartermaster`;
      keyed(
        title,
        [server.name || server.connect],
        (one) => one,
        () => h('span', null, serverName(server)),
      );
      if (!root.contains(parts)) fill(root, parts);
      keyed(facts, [server], () => 'facts', factsCard);
      keyed(mods, server.mods.length ? [server.mods] : [], () => 'mods', modsCard);
      keyed(
        staff,
        may('meta:moderate') ? [server.id] : [],
        () => 'staff',
        () => staffCard(server, content.reload),
      );
    },
  });
  content.reload();
  const timer = setInterval(() => !document.hidden && content.reload(), everyMs);
  const stops = [onLive('serverlist.totals', content.reload), onLive('resync', content.reload)];
  return {
    title: t('server.title'),
    element: h(
      'div',
      { class: 'page' },
      h(
        'nav',
        { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
        h('a', { href: '/app/servers' }, t('nav.servers')),
      ),
      pageHead(title),
      content.element,
    ),
    close() {
      clearInterval(timer);
      for (const stop of stops) stop();
      content.close();
    },
  };
}

/** @param {ListedServer} server */
function factsCard(server) {
  const href = joinHref(server);
  const state = server.online
    ? badge(t('servers.online'), 'good', true)
    : badge(t('servers.offline'), 'plain', true);
  return card(
    t('server.join'),
    {
      beside: h(
        'span',
        { class: 'badges' },
        state,
        server.passworded && badge(t('servers.passworded'), 'warn'),
      ),
    },
    server.description ? h('p', null, name(server.description)) : null,
    codeBlock(connectLine(server), t('server.connect_line')),
    h(
      'p',
      { class: 'actions' },
      href && h('a', { class: 'button primary', href }, icon('signin'), t('servers.join')),
      favouriteButton(server, { words: true }),
      may('meta:read') &&
        h(
          'a',
          { class: 'button', href: `/app/matches?server=${server.id}` },
          icon('flag'),
          t('server.matches'),
        ),
      may('meta:read') &&
        h(
          'a',
          { class: 'button', href: `/app/leaderboards?server=${server.id}` },
          icon('chart'),
          t('server.board'),
        ),
    ),
    h('dl', { class: 'facts pairs' }, pairs(server)),
  );
}

/** @param {ListedServer} server */
function pairs(server) {
  const none = () => h('span', { class: 'soft' }, t('servers.unknown'));
  /** @type {[string, import('../../dom.js').Children][]} */
  const all = [
    [t('servers_column.players'), fullness(server)],
    [t('servers_column.map'), server.map ? name(server.map) : none()],
    [t('servers_column.game_type'), server.game_type ? name(server.game_type) : none()],
    [t('server.region'), server.region ? name(server.region) : none()],
    [t('server.version'), server.version ? name(server.version) : none()],
    [t('server.seen'), ago(server.updated)],
    [t('servers.address'), copyable(server.connect, t('servers.address'), { focus: 'copy-address' })],
  ];
  return all.map(([label, value]) => h('div', null, h('dt', null, label), h('dd', null, value)));
}

/** @param {ListedServer['mods']} mods */
function modsCard(mods) {
  return card(
    t('server.mods'),
    {},
    h('p', { class: 'soft' }, t('server.mods_text')),
    h(
      'ul',
      { class: 'plain-list' },
      mods.map(({ id, url }) =>
        h(
          'li',
          null,
          h('a', { href: `/app/mods/${id}` }, t('server.mod', { id })),
          ' ',
          url
            ? h(
                'a',
                { class: 'button small', href: url, download: true },
                icon('download'),
                t('server.download'),
              )
            : h('span', { class: 'soft small' }, t('server.no_download')),
        ),
      ),
    ),
  );
}

/**
 * @param {ListedServer} server
 * @param {() => void} changed
 */
function staffCard(server, changed) {
  return card(
    t('moderate.title'),
    {},
    h('p', { class: 'soft' }, t('server.moderate_text')),
    stateButtons(server, 'open', changed), // only open ones are shown here
  );
}

function unknown() {
  return empty(
    'game',
    t('server.unknown'),
    h('p', null, t('server.unknown_hint')),
    h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/servers' }, t('server.to_list'))),
  );
}
