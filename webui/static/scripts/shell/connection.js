/** Says whether the page hears the daemon. */

import { h } from '../dom.js';
import { liveState, onLive } from '../live.js';
import { t } from '../texts.js';

export function connection() {
  const text = h('span', { class: 'connection-text' });
  const element = h(
    'p',
    { class: 'connection', role: 'status' },
    h('span', { class: 'connection-dot', 'aria-hidden': 'true' }),
    text,
  );

  function follow() {
    const state = liveState();
    element.dataset.state = state;
    text.textContent = t(`live.${state}`);
    element.title = t(`live.${state}_hint`);
  }
  follow();
  const stop = onLive('state', follow);
  return { element, dispose: stop };
}
