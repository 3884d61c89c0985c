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
    className: 'stack',
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
  const limit = data.rules.max_bytes;
  const share = limit ? data.bytes / limit : 0;
  const told = limit
    ? t('demos.stored_of', { size: bytes(data.bytes), limit: bytes(limit), share: percent(share) })
    : t('demos.stored', { size: bytes(data.bytes) });
  const kept = data.sources.reduce((sum, source) => sum + source.recordings, 0);
  return [
    h(
      'div',
      { class: 'room' },
      h('p', null, told),
      limit > 0 && meter(share, t('demos.storage'), { tone: share >= nearly ? 'bad' : '', text: told }),
    ),
    h(
      'dl',
      { class: 'tiles' },
      tile(t('demos.kept'), number(kept)),
      tile(t('demos.deletable'), bytes(data.deletable)),
      tile(t('demos.pruned'), number(data.pruned)),
      tile(t('demos.disk_free'), bytes(data.free)),
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
