/** The recordings that grow at this moment. */

import { ApiError } from '../../api/client.js';
import { listLive } from '../../api/demos/library.js';
import { fill, h, keyed, name } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { bytes, speed } from '../../format.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { demoBadge, demoTitle, place } from './words.js';

const refreshMs = 5_000;
const calmMs = 500;

/** Nothing stands there while nobody records. @param {() => void} changed Recordings began or ended. */
export function liveDemos(changed) {
  const count = h('span', { class: 'badge busy' });
  const list = h('ul', { class: 'live-demos' });
  const whole = card(t('demos.live'), { beside: count }, list);
  let known = '';
  const now = region({
    load: listLive,
    className: 'live-part',
    refuse(error) {
      if (!(error instanceof ApiError) || error.status !== 404) return null;
      clearInterval(timer);
      return document.createDocumentFragment();
    },
    render({ demos }, root) {
      count.textContent = t('demos.live_count', { count: demos.length });
      keyed(list, demos, (demo) => demo.id, entry);
      if (demos.length === 0) root.replaceChildren();
      else if (!root.contains(whole)) fill(root, whole);
      const ids = demos.map((demo) => demo.id).join();
      if (known && known !== ids) changed();
      known = ids || ' ';
    },
  });
  now.reload();
  const soon = calm(now.reload, calmMs);
  const timer = setInterval(() => {
    if (!document.hidden) now.reload();
  }, refreshMs);
  const stops = [onLive('demos.live', soon), onLive('resync', soon)];
  return {
    element: now.element,
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      now.close();
    },
  };
}

/** @param {import('../../api/demos/model.js').LiveDemo} demo */
function entry(demo) {
  return h(
    'li',
    { class: 'live-demo' },
    h(
      'div',
      { class: 'live-demo-name' },
      h(
        'a',
        { class: 'row-title stretched', href: `/app/demos/${demo.id}`, 'data-focus': `live-${demo.id}` },
        name(demoTitle(demo)),
      ),
      place(demo),
    ),
    h('span', { class: 'soft small' }, t('demos.since'), ' ', ago(demo.start_at)),
    h(
      'span',
      { class: 'live-demo-bytes' },
      h('strong', null, bytes(demo.received)),
      h('span', { class: 'soft small nowrap' }, demo.rate > 0 ? speed(demo.rate) : t('demos.silent')),
    ),
    demoBadge(demo.state),
  );
}
