/** What analysts think of the players of a recording, and saying so. */

import { putReview } from '../../api/demos/review.js';
import { h, keyed, name, uniqueId } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { failureText } from '../../elements/failure.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';
import { steamLink } from '../demos/words.js';

/** @typedef {import('../../api/demos/model.js').DemoDetail} DemoDetail */
/** @typedef {import('../../api/demos/model.js').Review} Review */

/** @type {Record<string, string>} */
const tones = { confirmed: 'bad', inconclusive: 'warn', benign: 'good', error: 'note', none: 'plain' };

/** In the order in which they are offered. */
const verdicts = /** @type {const} */ (['confirmed', 'inconclusive', 'benign', 'error', 'none']);

/** @param {string} verdict */
export function verdictBadge(verdict) {
  return badge(tOr(`verdict.${verdict}`, verdict), tones[verdict], true);
}

/**
 * @param {string} id
 * @param {() => void} changed
 */
export function reviewsCard(id, changed) {
  const list = h('ul', { class: 'reviews' });
  const none = h('p', { class: 'soft' }, t('review.none'));
  const form = verdictForm(id, changed);
  const element = card(t('review.title'), { className: 'reviews-card' }, none, list, form.element);

  /** @param {DemoDetail} demo */
  function update(demo) {
    none.hidden = demo.reviews.length > 0;
    list.hidden = demo.reviews.length === 0;
    keyed(list, demo.reviews, (one) => `${one.target}-${one.reviewer}`, entry);
    form.offer(demo);
  }
  return { element, update };
}

/** @param {Review} review */
function entry(review) {
  return h(
    'li',
    { class: 'review' },
    h('p', { class: 'review-head' }, steamLink(review.target), verdictBadge(review.verdict)),
    review.note && h('p', { class: 'review-note' }, name(review.note)),
    h(
      'p',
      { class: 'soft small' },
      review.mine ? t('review.mine') : name(review.reviewer || t('review.nobody')),
      ' · ',
      ago(review.created_at),
    ),
  );
}

/**
 * @param {string} id
 * @param {() => void} changed
 */
function verdictForm(id, changed) {
  const [player, verdict, note] = [uniqueId('review'), uniqueId('review'), uniqueId('review')];
  const known = h('datalist', { id: `${player}-known` });
  const target = h('input', {
    id: player,
    class: 'input mono',
    list: known.id,
    inputmode: 'numeric',
    autocomplete: 'off',
    placeholder: '7656119…',
    'aria-describedby': `${player}-hint`,
  });
  const hint = h('p', { id: `${player}-hint`, class: 'hint' }, t('review.target_hint'));
  const choice = h(
    'select',
    { id: verdict, class: 'select' },
    h('option', { value: '' }, t('review.verdict_choose')), // nobody is judged by what happens to stand first
    verdicts.map((value) => h('option', { value }, t(`verdict.${value}`))),
  );
  const words = h('textarea', { id: note, class: 'input', rows: 3, maxlength: 4000 });
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const button = h('button', { class: 'button primary' }, icon('check'), t('review.save'));
  const form = h(
    'form',
    { class: 'form verdict', novalidate: true, 'aria-label': t('review.form') },
    h('div', { class: 'field' }, h('label', { for: player }, t('demo.target')), target, known, hint),
    h('div', { class: 'field' }, h('label', { for: verdict }, t('review.verdict')), choice),
    h('div', { class: 'field' }, h('label', { for: note }, t('review.note')), words),
    failed,
    h('p', { class: 'actions' }, button),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    failed.textContent = '';
    const wrong = !/^\d{17}$/.test(target.value.trim());
    hint.textContent = wrong ? t('review.target_wrong') : t('review.target_hint');
    hint.classList.toggle('wrong', wrong);
    if (wrong) {
      target.setAttribute('aria-invalid', 'true');
      target.focus();
      return;
    }
    target.removeAttribute('aria-invalid');
    if (!choice.value) {
      failed.textContent = t('review.verdict_missing');
      choice.focus();
      return;
    }
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await putReview(id, { target: target.value.trim(), verdict: choice.value, note: words.value.trim() });
      words.value = '';
      choice.value = '';
      toast(t('review.saved'));
      changed();
    } catch (error) {
      failed.textContent = failureText(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });

  /** Who is suspected comes first, and stands in the field until somebody types. @param {DemoDetail} demo */
  function offer(demo) {
    const players = [...demo.analysis, ...demo.detections, ...demo.reports].map((one) => one.target);
    const all = [...new Set(players)];
    known.replaceChildren(...all.slice(0, 50).map((value) => h('option', { value })));
    if (!target.value && document.activeElement !== target) target.value = all[0] ?? '';
  }
  return { element: form, offer };
}
