/** The backup servers of others, and what they need to know of this one. */

import { getPeers } from '../../api/peers.js';
import { fill, h, keyed } from '../../dom.js';
import { pageHead, skeleton } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { noPeers, peerList } from './list.js';
import { ourselves } from './own.js';

const refreshMs = 30_000;

/** @returns {import('../../router.js').Page} */
export function peersPage() {
  const list = h('div', null);
  const own = h('div', null);
  const answer = region({
    load: getPeers,
    skeleton: () => h('div', { class: 'stack' }, skeleton(4, 'card'), skeleton(3, 'card')),
    className: 'stack',
    render({ peers, ...told }, root) {
      if (!root.contains(list)) fill(root, list, own);
      keyed(
        list,
        [peers],
        () => 'peers',
        (one) => (one.length ? peerList(one) : noPeers()),
      );
      keyed(own, [told], () => 'own', ourselves);
    },
  });
  answer.reload();
  const timer = setInterval(answer.reload, refreshMs);
  const stop = onLive('resync', answer.reload);
  return {
    title: t('nav.peers'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.peers'), h('p', { class: 'soft' }, t('peers.lead'))),
      answer.element,
    ),
    close() {
      clearInterval(timer);
      stop();
      answer.close();
    },
  };
}
