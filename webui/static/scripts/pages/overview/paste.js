/** The lines that a game server needs to know of us. */

import { getBackupServers } from '../../api/mods.js';
import { fill, h } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';

/**
 * The text between the braces of the settings object of ServerConfig.json.
 * @param {import('../../api/model.js').BackupServers} servers
 */
export function serverConfigLines(servers) {
  const list = servers.mod_backup_servers.map((server) => JSON.stringify(server)).join(', ');
  return `"mod_backup_servers": [${list}],\n"mod_backup_before_steam": ${servers.mod_backup_before_steam}`;
}

export function linesToPaste() {
  const lines = region({
    load: getBackupServers,
    skeleton: () => skeleton(3),
    render(servers, root) {
      fill(
        root,
        codeBlock(serverConfigLines(servers), t('use.server_config')),
        servers.hint ? h('p', { class: 'soft small' }, t('paste.local')) : null,
      );
    },
    className: 'stack',
  });
  lines.reload();
  const proof = h('p', { class: 'proof soft small', hidden: true });
  const element = card(
    t('paste.title'),
    {},
    h('p', { class: 'soft' }, t('paste.text')),
    lines.element,
    h('p', { class: 'soft small' }, t('paste.restart')),
    proof,
  );

  /**
   * Says whether the lines do what they are for.
   * @param {number} requests Files that game clients asked for so far.
   */
  function seen(requests) {
    proof.hidden = false;
    proof.classList.toggle('good', requests > 0);
    fill(
      proof,
      icon(requests > 0 ? 'check' : 'clock'),
      h('span', null, requests > 0 ? t('paste.seen', { count: requests }) : t('paste.waiting')),
    );
  }
  return { element, seen, close: lines.close };
}
