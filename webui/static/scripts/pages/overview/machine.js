/** Where the daemon listens, where it keeps things and how much room there is. */

import { h } from '../../dom.js';
import { card, meter } from '../../elements/blocks.js';
import { copyable } from '../../elements/copy.js';
import { bytes, percent } from '../../format.js';
import { t, tOr } from '../../texts.js';

/** Below this share of free space the bar changes its colour. */
const tight = 0.1;

/** @param {Pick<import('../../api/model.js').Overview, 'listeners' | 'paths' | 'disk' | 'version' | 'commit' | 'go'>} data */
export function machine(data) {
  const build = [data.version, data.commit.slice(0, 12), data.go].filter(Boolean).join(' · ');
  return card(
    t('machine.title'),
    { className: 'machine' },
    h(
      'dl',
      { class: 'facts' },
      data.disk?.total ? fact(t('machine.disk'), [disk(data.disk)]) : null,
      fact(
        t('machine.listeners'),
        data.listeners.map((listener) => copyable(listener, t('machine.address'))),
      ),
      Object.entries(data.paths)
        .filter(([, path]) => path)
        .map(([key, path]) => fact(tOr(`path.${key}`, key), [copyable(path, tOr(`path.${key}`, key))])),
      fact(t('machine.build'), [copyable(build, t('machine.build'))]),
    ),
  );
}

/**
 * @param {string} term
 * @param {Node[]} values
 */
function fact(term, values) {
  return h(
    'div',
    null,
    h('dt', null, term),
    values.map((value) => h('dd', null, value)),
  );
}

/** @param {import('../../api/model.js').Overview['disk']} room */
function disk(room) {
  const free = room.free / room.total;
  return h(
    'div',
    { class: 'room' },
    h('p', null, t('disk.free_of', { free: bytes(room.free), total: bytes(room.total) })),
    meter(1 - free, t('disk.used'), { tone: free < tight ? 'bad' : '', text: percent(1 - free) }),
  );
}
