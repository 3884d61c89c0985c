/** A question before something that cannot be undone. */

import { h, uniqueId } from '../dom.js';
import { t } from '../texts.js';

/**
 * @param {object} question
 * @param {string} question.title
 * @param {import('../dom.js').Children} question.body
 * @param {string} question.action The caption of the button that does it.
 * @param {string} [question.typed] What has to be typed first, for what hurts most.
 * @returns {Promise<boolean>}
 */
export function confirm(question) {
  const title = uniqueId('dialog');
  const proceed = h(
    'button',
    { class: 'button danger', value: 'yes', disabled: Boolean(question.typed) },
    question.action,
  );
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', { id: title }, question.title),
    h('div', { class: 'dialog-body' }, question.body),
    question.typed && typedField(question.typed, proceed),
    h(
      'div',
      { class: 'actions end' },
      h('button', { class: 'button', value: 'no', autofocus: !question.typed }, t('action.cancel')),
      proceed,
    ),
  );
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': title }, form);
  const opener = /** @type {HTMLElement | null} */ (document.activeElement);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      opener?.focus();
      resolve(dialog.returnValue === 'yes');
    });
    dialog.showModal();
  });
}

/**
 * @param {string} wanted
 * @param {HTMLButtonElement} proceed
 */
function typedField(wanted, proceed) {
  const id = uniqueId('typed');
  const input = h('input', {
    id,
    class: 'input mono',
    autocomplete: 'off',
    spellcheck: 'false',
    autofocus: true,
  });
  input.addEventListener('input', () => {
    proceed.disabled = input.value.trim() !== wanted;
  });
  return h('p', { class: 'field' }, h('label', { for: id }, t('confirm.type', { what: wanted })), input);
}
