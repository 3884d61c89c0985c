/** The room that recordings take, against what they may. */

import { getDemoStorage } from '../../api/demos/library.js';
import { fill, h } from '../../dom.js';
import { card, meter, skeleton } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { bytes, number, percent } from '../../format.js';
import { t } from '../../texts.js';

const nearly = 0.9;

export function demoRoom() {
  const part = region({
    load: getDemoStorage,
    skeleton: () => skeleton(4),
    render: (data, root) => fill(root, ...view(data)),
  });
  part.reload();
  return {
    element: card(t('demos.storage'), {}, part.element),
    refresh: part.reload,
    close: part.close,
  };
}

/** @param {import('../../api/demos/model.js').DemoStorage} data */
function view(data) {
  const share = data.limit ? data.bytes / data.limit : 0;
  const told = data.limit
    ? t('demos.stored_of', { size: bytes(data.bytes), limit: bytes(data.limit), share: percent(share) })
    : t('demos.stored', { size: bytes(data.bytes) });
  return [
    h(
      'div',
      { class: 'room' },
      h('p', null, told),
      data.limit > 0 && meter(share, t('demos.storage'), { tone: share >= nearly ? 'bad' : '', text: told }),
    ),
    h(
      'dl',
      { class: 'tiles' },
      tile(t('demos.kept'), number(data.demos)),
      tile(t('demos.flagged_kept'), number(data.kept)),
      tile(t('demos.pruned'), number(data.pruned)),
      tile(t('demos.spool'), bytes(data.spool)),
    ),
  ];
}

/**
 * @param {string} term
 * @param {string} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}
