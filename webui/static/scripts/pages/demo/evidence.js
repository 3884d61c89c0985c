/** Addresses that show one moment of a recording to who has no account. */

import { listEvidence, revokeEvidence, shareEvidence } from '../../api/demos/library.js';
import { fill, h, keyed, name, uniqueId } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { card, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { failureText } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { tickWords } from '../demos/words.js';

/** @typedef {import('../../api/demos/model.js').DemoDetail} DemoDetail */
/** @typedef {import('../../api/demos/model.js').Evidence} Evidence */

const DAY = 86_400;
/** For how long an address holds, in seconds; 0 = until it is taken back. */
const spans = /** @type {const} */ ([7 * DAY, DAY, 30 * DAY, 0]);

/** @param {string} id */
export function evidenceCard(id) {
  let length = { ticks: 0, seconds: 0 };
  /** @type {Evidence[]} */
  let all = [];
  const list = h('ul', { class: 'reviews', hidden: true });
  const known = region({
    load: (signal) => listEvidence(id, signal),
    skeleton: () => skeleton(1),
    render({ evidence }, root) {
      if (!root.contains(list)) fill(root, list);
      all = evidence;
      show();
    },
  });

  function show() {
    list.hidden = all.length === 0;
    keyed(
      list,
      all.map((one) => ({ ...one, length })),
      (one) => one.id,
      (one) => entry(id, one, one.length, () => known.reload()),
    );
  }
  const form = shareForm(id, () => known.reload());
  const element = card(
    t('evidence.title'),
    { className: 'evidence-card' },
    h('p', { class: 'soft' }, t('evidence.text')),
    form.element,
    known.element,
  );
  known.reload();

  /** @param {DemoDetail} demo */
  function update(demo) {
    length = { ticks: demo.ticks, seconds: demo.seconds };
    show();
    form.limit(demo.ticks);
  }
  return { element, update, choose: form.choose, close: known.close };
}

/**
 * @param {string} id
 * @param {Evidence} one
 * @param {{ ticks: number, seconds: number }} demo
 * @param {() => void} changed
 */
function entry(id, one, demo, changed) {
  return h(
    'li',
    { class: 'review' },
    h(
      'p',
      { class: 'review-head' },
      h('span', { class: 'strong' }, t('evidence.at', { tick: tickWords(one.tick, demo) })),
      actionButton({
        label: t('evidence.revoke'),
        icon: 'cross',
        tone: 'small',
        focus: `revoke-${one.id}`,
        async run() {
          await revokeEvidence(id, one.id);
          toast(t('evidence.revoked'));
          changed();
        },
      }),
    ),
    one.note && h('p', { class: 'review-note' }, name(one.note)),
    h(
      'p',
      { class: 'soft small' },
      one.expires_at ? [t('evidence.ends'), ' ', ago(one.expires_at)] : t('evidence.endless'),
    ),
  );
}

/**
 * @param {string} id
 * @param {() => void} made
 */
function shareForm(id, made) {
  const [at, until, why] = [uniqueId('evidence'), uniqueId('evidence'), uniqueId('evidence')];
  const tick = h('input', { id: at, class: 'input mono', type: 'number', min: 0, step: 1, value: 0 });
  const span = h(
    'select',
    { id: until, class: 'select' },
    spans.map((value) =>
      h('option', { value }, value ? t('evidence.days', { count: value / DAY }) : t('evidence.endless')),
    ),
  );
  const note = h('input', { id: why, class: 'input', maxlength: 500, autocomplete: 'off' });
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const outcome = h('div', { class: 'made' });
  const button = h('button', { class: 'button' }, icon('link'), t('evidence.make'));
  const form = h(
    'form',
    { class: 'form', novalidate: true, 'aria-label': t('evidence.title') },
    h(
      'div',
      { class: 'field-row' },
      h('div', { class: 'field' }, h('label', { for: at }, t('timeline.tick')), tick),
      h('div', { class: 'field' }, h('label', { for: until }, t('evidence.holds')), span),
    ),
    h('div', { class: 'field' }, h('label', { for: why }, t('evidence.note')), note),
    failed,
    h('p', { class: 'actions' }, button),
    outcome,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    failed.textContent = '';
    const wanted = Number(tick.value);
    if (!Number.isInteger(wanted) || wanted < 0 || (tick.max && wanted > Number(tick.max))) {
      failed.textContent = t('evidence.tick_wrong');
      tick.focus();
      return;
    }
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      const { url } = await shareEvidence(id, {
        tick: wanted,
        note: note.value.trim(),
        expires_in: Number(span.value),
      });
      fill(
        outcome,
        codeBlock(new URL(url, location.href).href, t('evidence.address')),
        h('p', { class: 'hint' }, t('evidence.once')),
      );
      toast(t('evidence.made'));
      made();
    } catch (error) {
      failed.textContent = failureText(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return {
    element: form,
    /** @param {number} ticks */
    limit: (ticks) => {
      if (ticks) tick.max = String(ticks);
    },
    /** @param {number} wanted */
    choose: (wanted) => {
      tick.value = String(wanted);
      tick.focus();
      form.scrollIntoView({ block: 'nearest' });
    },
  };
}
