/** Who looks at a recording now, so that two analysts do not do the same work. */

import { giveBack, takeLease } from '../../api/demos/review.js';
import { fill, h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/**
 * @param {string} id
 * @param {() => void} changed
 */
export function leaseBar(id, changed) {
  const words = h('p', null);
  const take = actionButton({
    label: t('lease.take'),
    icon: 'inbox',
    async run() {
      await takeLease(id);
      toast(t('lease.taken'));
      changed();
    },
  });
  const back = actionButton({
    label: t('lease.back'),
    icon: 'back',
    async run() {
      await giveBack(id);
      toast(t('lease.given'));
      changed();
    },
  });
  const element = h(
    'section',
    { class: 'card lease', 'aria-label': t('lease.label') },
    icon('person'),
    words,
    h('p', { class: 'actions' }, take, back),
  );

  /** @param {import('../../api/demos/model.js').DemoDetail} demo */
  function update({ lease }) {
    fill(words, told(lease));
    const focused = element.contains(document.activeElement);
    take.hidden = Boolean(lease);
    back.hidden = !lease?.mine;
    if (focused && document.activeElement === document.body) (take.hidden ? back : take).focus();
  }
  return { element, update };
}

/** @param {import('../../api/demos/model.js').Lease | undefined} lease */
function told(lease) {
  if (!lease) return [t('lease.free')];
  if (lease.mine) return [t('lease.mine'), ' ', ago(lease.until)];
  return [name(lease.by ?? '–'), ' · ', t('lease.theirs'), ' ', ago(lease.until)];
}
