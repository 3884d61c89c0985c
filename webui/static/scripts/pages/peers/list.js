/** How each peer is doing. */

import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, empty } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { bytes, number } from '../../format.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/model.js').Peer} Peer */

/** @type {Record<string, string>} */
const tones = { ok: 'good', unknown: 'plain', resting: 'note', unreachable: 'warn', refused: 'bad' };

const sample = `[[workshop.peers]]
url = "http://mods.example.org:27020"
trust = "key"
key = "…"`;

/** @param {Peer[]} peers */
export function peerList(peers) {
  const answering = peers.filter((peer) => peer.state === 'ok').length;
  const list = table(
    t('peers.title'),
    [
      { label: t('peers.peer') },
      { label: t('peers.state') },
      { label: t('peers.trust') },
      { label: t('peers.versions'), figures: true },
      { label: t('peers.fetched'), figures: true },
      { label: t('peers.refused'), figures: true },
      { label: t('peers.seen') },
    ],
    'peers',
  );
  list.body.append(
    ...peers.map((peer, at) =>
      list.row(
        who(peer, at),
        state(peer),
        [
          h('span', null, t(`trust.${peer.trust}`)),
          h('span', { class: 'soft small' }, t(`trust_hint.${peer.trust}`)),
        ],
        peer.indexed ? number(peer.versions) : h('span', { class: 'soft' }, t('peers.no_index')),
        [
          number(peer.fetched),
          peer.fetched > 0 && h('span', { class: 'soft small nowrap' }, bytes(peer.fetched_bytes)),
        ],
        number(peer.refused),
        ago(peer.last_seen),
      ),
    ),
  );
  const sum = t('peers.answering', { count: answering, all: peers.length });
  return card(
    t('peers.title'),
    { className: 'flush', beside: badge(sum, answering === peers.length ? 'good' : 'warn') },
    list.element,
  );
}

/**
 * @param {Peer} peer
 * @param {number} at
 */
function who(peer, at) {
  const title = peer.url || t('peers.nameless', { n: String(at + 1) });
  return [
    h('span', { class: 'strong' }, name(title)),
    peer.software && h('span', { class: 'soft small' }, name(peer.software)),
  ];
}

/** @param {Peer} peer */
function state(peer) {
  return [
    badge(tOr(`peer_state.${peer.state}`, peer.state), tones[peer.state], true),
    peer.last_error && h('span', { class: 'small', lang: 'en' }, peer.last_error),
    peer.failing_since && h('span', { class: 'soft small' }, t('peers.since'), ' ', ago(peer.failing_since)),
    peer.retry_at && h('span', { class: 'soft small' }, t('queue.next_try'), ' ', ago(peer.retry_at)),
  ];
}

export function noPeers() {
  return h(
    'div',
    { class: 'card' },
    empty('link', t('peers.none'), h('p', null, t('peers.none_hint'))),
    may('mods:write') && [
      codeBlock(sample, 'config.toml'),
      h('p', { class: 'soft small' }, t('peers.none_restart')),
    ],
  );
}
