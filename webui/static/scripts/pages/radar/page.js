/** Which mods of the game servers are out of date, and which servers want a restart. */

import { getServers } from '../../api/servers.js';
import { may } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { calm, region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { addServer } from './add.js';
import { serverCard } from './server.js';

const refreshMs = 30_000;
const calmMs = 500;

const sample = `[[workshop.servers]]
name = "ns2-main"
mapcycle = "/srv/ns2/config/MapCycle.json"
folder = "/srv/ns2/mods"`;

/** @returns {import('../../router.js').Page} */
export function radarPage() {
  const sum = h('p', { class: 'soft', 'aria-live': 'polite' });
  const list = h('div', { class: 'stack' });
  const form = may('mods:write') ? addServer(() => answer.reload()) : null;
  /** Cards are kept, in their places, so that what is open or has the focus stays so. @type {Map<string, ReturnType<typeof serverCard>>} */
  const cards = new Map();

  const answer = region({
    load: getServers,
    skeleton: () => h('div', { class: 'stack' }, skeleton(5, 'card'), skeleton(5, 'card')),
    className: 'stack',
    render({ servers }, root) {
      if (!root.contains(list)) fill(root, list);
      sum.textContent = standing(servers);
      form?.know(servers);
      const names = new Set(servers.map((server) => server.name));
      for (const known of cards.keys()) if (!names.has(known)) cards.delete(known);
      for (const server of inOrder(servers)) {
        const one = cards.get(server.name) ?? serverCard(server.name, () => answer.reload());
        cards.set(server.name, one);
        one.update(server);
      }
      const shown = [...cards.values()].map((one) => one.element);
      const next = shown.length ? shown : [nothing()];
      if (next.length !== list.children.length || next.some((one, i) => one !== list.children[i])) {
        list.replaceChildren(...next);
      }
    },
  });
  answer.reload();
  const soon = calm(answer.reload, calmMs);
  const stops = [onLive('mods.servers', soon), onLive('resync', soon)];
  const timer = setInterval(answer.reload, refreshMs);
  return {
    title: t('nav.radar'),
    element: h('div', { class: 'page' }, pageHead(t('nav.radar'), sum), answer.element, form?.element),
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      answer.close();
    },
  };
}

/** @typedef {import('../../api/model.js').GameServer} GameServer */

/** Those that want a restart first, as things are when the page is opened. @param {GameServer[]} servers */
function inOrder(servers) {
  return [...servers].sort((a, b) => Number(b.outdated > 0) - Number(a.outdated > 0));
}

/** @param {GameServer[]} servers */
function standing(servers) {
  if (servers.length === 0) return t('radar.lead');
  const waiting = servers.filter((server) => server.outdated > 0).length;
  if (waiting) return t('radar.waiting', { count: waiting });
  const known = servers.every((server) => server.mods.every((mod) => mod.state !== 'unknown'));
  return known ? t('radar.all_current') : t('radar.not_known');
}

function nothing() {
  return h(
    'div',
    { class: 'card' },
    empty('radar', t('radar.none'), h('p', null, t('radar.none_hint'))),
    may('mods:write') && [
      codeBlock(sample, 'config.toml'),
      h('p', { class: 'soft small' }, t('radar.none_reload')),
    ],
  );
}
