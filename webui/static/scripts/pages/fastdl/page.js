/** The game folders that players download from. */

import { getTrees } from '../../api/fastdl.js';
import { may } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { treeCard } from './tree.js';

const refreshMs = 15_000;

const sample = `[[workshop.fastdl]]
name = "tf2"
roots = ["/srv/tf2/tf/custom/*", "/srv/tf2/tf/download", "/srv/tf2/tf"]`;

/** @returns {import('../../router.js').Page} */
export function fastdlPage() {
  const list = h('div', { class: 'stack' });
  /** Cards are kept through refreshes, so that reports stay open. @type {Map<string, ReturnType<typeof treeCard>>} */
  const cards = new Map();
  const answer = region({
    load: getTrees,
    skeleton: () => h('div', { class: 'stack' }, skeleton(6, 'card')),
    render({ trees }, root) {
      if (!root.contains(list)) fill(root, list);
      const names = new Set(trees.map((tree) => tree.name));
      for (const [name, one] of cards) {
        if (names.has(name)) continue;
        one.close();
        cards.delete(name);
      }
      const shown = trees.map((tree) => {
        const one = cards.get(tree.name) ?? treeCard(tree.name, () => answer.reload());
        cards.set(tree.name, one);
        one.update(tree);
        return one.element;
      });
      const next = shown.length ? shown : [nothing()];
      if (next.length !== list.children.length || next.some((one, i) => one !== list.children[i])) {
        list.replaceChildren(...next);
      }
    },
  });
  answer.reload();
  const timer = setInterval(answer.reload, refreshMs);
  const stop = onLive('resync', answer.reload);
  return {
    title: t('nav.fastdl'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.fastdl'), h('p', { class: 'soft' }, t('fastdl.lead'))),
      answer.element,
    ),
    close() {
      clearInterval(timer);
      stop();
      for (const one of cards.values()) one.close();
      answer.close();
    },
  };
}

function nothing() {
  return h(
    'div',
    { class: 'card' },
    empty('download', t('fastdl.none'), h('p', null, t('fastdl.none_hint'))),
    may('mods:write') && [
      codeBlock(sample, 'config.toml'),
      h('p', { class: 'soft small' }, t('fastdl.none_reload')),
    ],
  );
}
