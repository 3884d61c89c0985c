/** What fills the store, for how long there is room, and tidying up. */

import { getStorage } from '../../api/storage.js';
import { may } from '../../api/session.js';
import { fill, h, keyed } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { history } from './history.js';
import { roomFigures, roomView } from './room.js';
import { gameShares, sourceShares } from './shares.js';
import { tidying } from './tidy.js';

const refreshMs = 60_000;
const calmMs = 2_000;

/** @returns {import('../../router.js').Page} */
export function storagePage() {
  const figures = h('div', null);
  const room = h('div', null);
  const shares = h('div', null);
  const days = history();
  const tidy = may('mods:write') ? tidying(() => report.reload()) : null;
  const whole = [figures, room, days.element, shares, tidy?.element ?? null];

  const report = region({
    load: getStorage,
    skeleton: () =>
      h('div', { class: 'stack' }, skeleton(1, 'strip'), skeleton(4, 'card'), skeleton(5, 'card')),
    className: 'stack',
    render(data, root) {
      if (!root.contains(figures)) fill(root, ...whole);
      const { by_game: games, by_source: sources, days: past, ...sums } = data;
      keyed(figures, [sums], () => 'figures', roomFigures);
      keyed(
        room,
        [sums],
        () => 'room',
        (one) => (one.bytes ? roomView(one) : nothing()),
      );
      keyed(
        shares,
        data.bytes ? [{ games, sources }] : [],
        () => 'shares',
        (one) => h('div', { class: 'columns' }, gameShares(one.games), sourceShares(one.sources)),
      );
      days.update(past);
    },
  });
  report.reload();
  const soon = calm(report.reload, calmMs);
  const stops = [onLive('mods.changed', soon), onLive('resync', soon)];
  const timer = setInterval(report.reload, refreshMs);

  return {
    title: t('nav.storage'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.storage'), h('p', { class: 'soft' }, t('storage.lead'))),
      report.element,
    ),
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      report.close();
    },
  };
}

function nothing() {
  return h('div', { class: 'card' }, empty('disk', t('storage.none'), h('p', null, t('storage.none_hint'))));
}
