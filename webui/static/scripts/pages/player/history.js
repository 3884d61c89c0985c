/** How the rating of a player went on the server where he was rated last. */

import { listPlayed } from '../../api/players.js';
import { lineChart } from '../../chart/lines.js';
import { fill, h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { coloured } from '../../elements/coloured.js';
import { region } from '../../elements/region.js';
import { dateOnly, dateTime } from '../../format.js';
import { t } from '../../texts.js';

/** Matches that are drawn, what the API gives at most in one answer. */
const most = '200';

/** Nothing stands there for who has not been rated twice. @param {string} id */
export function ratingHistory(id) {
  const chart = lineChart({
    label: t('player.rating_history'),
    lines: [t('player.rating')],
    period: t('player.match'),
    say: (at) => dateTime(new Date(at)),
    brief: (at) => dateOnly(new Date(at)),
  });
  const server = h('span', { class: 'soft small' });
  const drawn = card(t('player.rating_history'), { beside: server }, chart.element);
  const history = region({
    load: (signal) => listPlayed(id, { limit: most }, signal),
    render({ matches }, root) {
      const counted = matches.filter((one) => one.rating && !one.voided_at);
      const rated = counted.filter((one) => one.server_id === counted[0].server_id).reverse();
      if (rated.length < 2) {
        fill(root);
        return;
      }
      fill(server, coloured(rated[0].server || `#${rated[0].server_id}`));
      chart.update(rated.map((one) => ({ at: Date.parse(one.at), values: [one.rating?.after ?? 0] })));
      if (!root.contains(drawn)) fill(root, drawn);
    },
  });
  return { element: history.element, load: history.reload, close: history.close };
}
