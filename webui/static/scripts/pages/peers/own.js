/** What others need to know of this server. */

import { h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { codeBlock, copyable } from '../../elements/copy.js';
import { t } from '../../texts.js';

/** @param {Omit<import('../../api/model.js').Peers, 'peers'>} told */
export function ourselves({ public_key: key, lines }) {
  return card(
    t('peers.own'),
    {},
    h('p', { class: 'soft' }, t('peers.own_text')),
    h(
      'dl',
      { class: 'facts' },
      h(
        'div',
        null,
        h('dt', null, t('peers.key')),
        h('dd', null, key ? copyable(key, t('peers.key')) : t('peers.no_key')),
      ),
    ),
    lines && h('div', { class: 'columns' }, blocks(lines)),
  );
}

/** @param {NonNullable<import('../../api/model.js').Peers['lines']>} lines */
function blocks({ workshop_peers: block, mod_backup_servers: servers }) {
  const list = servers.map((server) => `  ${JSON.stringify(server)}`).join(',\n');
  return [
    codeBlock(block.trimEnd(), t('peers.block')),
    codeBlock(`"mod_backup_servers": [\n${list}\n]`, t('use.server_config')),
  ];
}
