/** The messages that clients which record show their players. */

import { deleteBroadcast, listBroadcasts, postBroadcast } from '../../api/demos/review.js';
import { fill, h, keyed, name, uniqueId } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card, skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { failureText } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/demos/model.js').Broadcast} Broadcast */

const importances = /** @type {const} */ (['low', 'medium', 'high']);

/** @type {Record<string, string>} */
const tones = { high: 'bad', medium: 'warn' };

export function broadcasts() {
  const list = h('ul', { class: 'reviews' });
  const known = region({
    load: listBroadcasts,
    skeleton: () => skeleton(2),
    render({ broadcasts: all }, root) {
      if (all.length === 0) {
        fill(root, h('p', { class: 'soft' }, t('broadcasts.none')));
        return;
      }
      if (!root.contains(list)) fill(root, list);
      keyed(
        list,
        all,
        (one) => one.message,
        (one) => entry(one, () => known.reload()),
      );
    },
  });
  const element = card(
    t('broadcasts.title'),
    {},
    h('p', { class: 'soft' }, t('broadcasts.text')),
    known.element,
    messageForm(() => known.reload()),
  );
  known.reload();
  return { element, close: known.close };
}

/**
 * @param {Broadcast} one
 * @param {() => void} changed
 */
function entry(one, changed) {
  return h(
    'li',
    { class: 'review' },
    h(
      'p',
      { class: 'review-head' },
      badge(tOr(`importance.${one.importance}`, one.importance), tones[one.importance]),
      actionButton({
        label: t('broadcasts.remove'),
        icon: 'trash',
        tone: 'small',
        focus: `remove-${one.message}`,
        async run() {
          const sure = await confirm({
            title: t('broadcasts.remove_title'),
            body: h('p', null, name(one.message)),
            action: t('broadcasts.remove'),
          });
          if (!sure) return;
          await deleteBroadcast(one.message);
          toast(t('broadcasts.removed'));
          changed();
        },
      }),
    ),
    h('p', { class: 'review-note' }, name(one.message)),
    h('p', { class: 'soft small' }, ago(one.created_at)),
  );
}

/** @param {() => void} made */
function messageForm(made) {
  const [what, how] = [uniqueId('message'), uniqueId('message')];
  const message = h('textarea', { id: what, class: 'input', rows: 2, maxlength: 1000 });
  const importance = h(
    'select',
    { id: how, class: 'select' },
    importances.map((value) => h('option', { value }, t(`importance.${value}`))),
  );
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const button = h('button', { class: 'button primary' }, icon('plus'), t('broadcasts.add'));
  const form = h(
    'form',
    { class: 'form', novalidate: true, 'aria-label': t('broadcasts.add') },
    h('div', { class: 'field' }, h('label', { for: what }, t('broadcasts.message')), message),
    h('div', { class: 'field' }, h('label', { for: how }, t('broadcasts.importance')), importance),
    failed,
    h('p', { class: 'actions' }, button),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wanted = message.value.trim();
    failed.textContent = wanted ? '' : t('broadcasts.empty');
    if (!wanted) {
      message.focus();
      return;
    }
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await postBroadcast(wanted, importance.value);
      message.value = '';
      toast(t('broadcasts.added'));
      made();
    } catch (error) {
      failed.textContent = failureText(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return form;
}
