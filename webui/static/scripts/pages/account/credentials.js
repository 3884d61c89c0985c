/** What a game server signs in with, shown this once, and how it reports itself. */

import { h } from '../../dom.js';
import { codeBlock, copyable } from '../../elements/copy.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

/**
 * @param {OwnServer & { password: string }} server
 * @param {() => void} close
 */
export function credentials(server, close) {
  return h(
    'div',
    { class: 'credentials' },
    h(
      'p',
      { class: 'notice note' },
      icon('info'),
      h('span', null, t('own.once', { name: server.plain_name || server.connect })),
    ),
    h(
      'dl',
      { class: 'facts pairs' },
      h('div', null, h('dt', null, t('own.login')), h('dd', null, copyable(server.id, t('own.login')))),
      h(
        'div',
        { class: 'wide' },
        h('dt', null, t('own.password')),
        h('dd', { class: 'server-password' }, copyable(server.password, t('own.password'))),
      ),
    ),
    codeBlock(heartbeat(server), t('own.heartbeat')),
    h('p', { class: 'soft small' }, t('own.heartbeat_text')),
    h(
      'p',
      { class: 'actions' },
      h('button', { type: 'button', class: 'button', onclick: close }, icon('check'), t('own.noted')),
    ),
  );
}

/** A report of the server by hand, to try it. @param {OwnServer & { password: string }} server */
function heartbeat(server) {
  const body = {
    host_name: server.host_name,
    port: server.host_port,
    display_name: server.name,
    description: server.description ?? '',
    game_type: server.game_type ?? '',
    max_player_count: server.max_players,
    current_map: server.map ?? '',
    current_player_count: 0,
  };
  const json = JSON.stringify(body).replaceAll("'", String.raw`'\''`);
  return `curl -u ${server.id}:${server.password} -H 'Content-Type: application/json' \\\n  -d '${json}' \\\n  ${location.origin}/v1/server/update`;
}
