/** A dialog that asks for a reason, or for other texts, before something is done. */

import { h, uniqueId } from '../dom.js';
import { t } from '../texts.js';
import { failureText } from './failure.js';

/**
 * @typedef {{ key: string, label: string, value?: string, required?: boolean, most?: number, long?: boolean,
 *   options?: { value: string, label: string }[] }} Field options: one of these is chosen.
 */

/**
 * The dialog stays open until it is done; a refusal is said in it.
 * @param {object} question
 * @param {string} question.title
 * @param {import('../dom.js').Children} [question.body]
 * @param {Field[]} question.fields
 * @param {string} question.action The caption of the button that does it.
 * @param {boolean} [question.danger]
 * @param {(values: Record<string, string>) => Promise<void>} question.run
 * @returns {Promise<boolean>} Whether it was done.
 */
export function ask({ title, body, fields, action, danger, run }) {
  const heading = uniqueId('dialog');
  const made = fields.map(field);
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const proceed = h('button', { class: `button ${danger ? 'danger' : 'primary'}` }, action);
  const cancel = h('button', { type: 'button', class: 'button' }, t('action.cancel'));
  const form = h(
    'form',
    null,
    h('h2', { id: heading }, title),
    body && h('div', { class: 'dialog-body' }, body),
    made.map((one) => one.element),
    failed,
    h('div', { class: 'actions end' }, cancel, proceed),
  );
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': heading }, form);
  const opener = /** @type {HTMLElement | null} */ (document.activeElement);
  let done = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (proceed.hasAttribute('aria-busy')) return;
    proceed.setAttribute('aria-busy', 'true');
    failed.textContent = '';
    try {
      await run(Object.fromEntries(made.map(({ key, input }) => [key, input.value.trim()])));
      done = true;
      dialog.close();
    } catch (error) {
      failed.textContent = failureText(error);
    } finally {
      proceed.removeAttribute('aria-busy');
    }
  });
  cancel.addEventListener('click', () => dialog.close());
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      opener?.focus();
      resolve(done);
    });
    dialog.showModal();
    made[0]?.input.focus();
  });
}

/** @param {Field} wanted */
function field({ key, label, value = '', required = false, most = 300, long = false, options }) {
  const id = uniqueId('ask');
  const attributes = { id, class: 'input', maxlength: most, required, autocomplete: 'off' };
  const input = options
    ? h(
        'select',
        { id, class: 'select' },
        options.map((one) => h('option', { value: one.value }, one.label)),
      )
    : long
      ? h('textarea', { ...attributes, rows: 3 })
      : h('input', attributes);
  if (value) input.value = value;
  return { key, input, element: h('div', { class: 'field' }, h('label', { for: id }, label), input) };
}
