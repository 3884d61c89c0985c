/** The lines that a game server needs to know of us. */

import { getBackupServers } from '../../api/mods.js';
import { append, h } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
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
      root.replaceChildren();
      append(root, [codeBlock(serverConfigLines(servers), 'ServerConfig.json → settings')]);
    },
  });
  lines.reload();
  const element = card(
    t('paste.title'),
    {},
    h('p', { class: 'soft' }, t('paste.text')),
    lines.element,
    h('p', { class: 'soft small' }, t('paste.restart')),
  );
  return { element, close: lines.close };
}
