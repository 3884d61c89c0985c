/** The overview of an administrator. */

import { getOverview } from '../../api/overview.js';
import { fill, h, keyed } from '../../dom.js';
import { skeleton } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { onJobState, onLive } from '../../live.js';
import { t } from '../../texts.js';
import { attention } from './attention.js';
import { machine } from './machine.js';
import { linesToPaste } from './paste.js';
import { totals } from './totals.js';
import { traffic } from './traffic.js';

const refreshMs = 30_000;
const calmMs = 1_500;

export function operatorOverview() {
  const beside = h('p', { class: 'soft' });
  const urgent = h('div', null);
  const figures = h('div', null);
  const server = h('div', null);
  const rates = h('div', null);
  const paste = linesToPaste();
  const main = region({
    load: getOverview,
    skeleton: () => h('div', { class: 'stack' }, skeleton(2, 'card'), skeleton(3, 'card')),
    render(data, root) {
      fill(
        beside,
        h('span', null, t('overview.version', { version: data.version })),
        ' · ',
        t('overview.started'),
        ' ',
        ago(data.started_at),
      );
      if (!root.contains(paste.element)) {
        fill(
          root,
          urgent,
          figures,
          h('div', { class: 'columns' }, h('div', { class: 'stack' }, paste.element, rates), server),
        );
      }
      const { listeners, paths, disk, version, commit, go } = data;
      paste.seen(data.totals.requests);
      keyed(urgent, [data.attention], () => 'attention', attention);
      keyed(rates, data.rates ? [data.rates] : [], () => 'rates', traffic);
      keyed(figures, [data.totals], () => 'totals', totals);
      keyed(server, [{ listeners, paths, disk, version, commit, go }], () => 'machine', machine);
    },
    className: 'stack',
  });
  main.reload();
  const soon = calm(main.reload, calmMs);
  const stops = [onLive('mods.changed', soon), onJobState(soon), onLive('resync', soon)];
  const timer = setInterval(main.reload, refreshMs);
  return {
    beside,
    element: main.element,
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      main.close();
      paste.close();
    },
  };
}
