/** How many servers and players there were in the last day. */

import { getListHistory } from '../../api/serverlist.js';
import { lineChart } from '../../chart/lines.js';
import { fill, h } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { dateTime } from '../../format.js';
import { locale, t } from '../../texts.js';

/** The daemon keeps one point for each five minutes; a longer pause is one in which nobody counted. */
const gapMs = 11 * 60_000;

export function listHistory() {
  const chart = lineChart({
    label: t('servers.history'),
    lines: [t('servers.line.players'), t('servers.line.servers')],
    period: t('servers.line.time'),
    say: (at) => dateTime(new Date(at)),
    brief: (at) =>
      new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }).format(new Date(at)),
    gapMs,
    fromZero: true,
  });
  const body = region({
    load: getListHistory,
    skeleton: () => skeleton(4),
    render({ points }, root) {
      if (points.length === 0) {
        fill(root, h('p', { class: 'soft' }, t('servers.history_none')));
        return;
      }
      if (!root.contains(chart.element)) fill(root, chart.element);
      chart.update(
        points.map(({ at, players, servers }) => ({ at: Date.parse(at), values: [players, servers] })),
      );
    },
  });
  body.reload();
  return { element: card(t('servers.history'), {}, body.element), refresh: body.reload, close: body.close };
}
