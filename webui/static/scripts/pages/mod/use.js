/** The lines that make a game server or a shell fetch this mod from here. */

import { getBackupServers } from '../../api/mods.js';
import { fill, h, keyed } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { t } from '../../texts.js';
import { serverConfigLines } from '../overview/paste.js';

/**
 * The address as others have to write it.
 * @param {string} url
 */
export function absolute(url) {
  return new URL(url, location.origin).href;
}

export function useIt() {
  const servers = region({
    load: getBackupServers,
    skeleton: () => skeleton(3),
    render: (answer, root) => fill(root, codeBlock(serverConfigLines(answer), t('use.server_config'))),
  });
  servers.reload();
  const shell = h('div', null);

  /** @param {import('../../api/model.js').Mod} mod */
  function update(mod) {
    const ready = mod.versions.filter((version) => version.state === 'ready');
    const version = ready.find((candidate) => candidate.current) ?? ready[0];
    keyed(
      shell,
      [version ? fetchLines(version) : ''],
      (lines) => lines,
      (lines) => (lines ? codeBlock(lines, t('use.shell')) : h('p', { class: 'soft' }, t('use.nothing'))),
    );
  }
  const element = card(t('use.title'), {}, h('div', { class: 'stack' }, servers.element, shell));
  return { element, update, close: servers.close };
}

/**
 * Fetches the file and checks it.
 * @param {import('../../api/model.js').Version} version
 */
export function fetchLines(version) {
  const get = `curl --fail --remote-name ${absolute(version.url)}`;
  return version.sha256 ? `${get}\necho '${version.sha256}  ${version.name}' | sha256sum --check` : get;
}
