/** A form that sends something to the daemon and says in place what went wrong. */

import { ApiError } from '../../api/client.js';
import { h } from '../../dom.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { formError } from './form.js';

/** @typedef {{ input: HTMLElement, text: string }} Mistake */

/**
 * @param {object} parts
 * @param {import('../../dom.js').Children} parts.fields
 * @param {import('../../dom.js').Children} parts.button What stands in the button.
 * @param {string} [parts.tone] primary, danger; wide.
 * @param {() => Mistake | null} [parts.check] What has to be mended first.
 * @param {() => Promise<void>} parts.run
 * @param {(error: unknown) => string} [parts.explain]
 */
export function submitForm({ fields, button: caption, tone = 'primary', check, run, explain = explained }) {
  const error = formError();
  const button = h('button', { class: `button ${tone}` }, caption);
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    error.element,
    fields,
    h('p', { class: 'actions' }, button),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = check?.() ?? null;
    error.say(wrong?.text ?? '');
    if (wrong) {
      wrong.input.focus();
      return;
    }
    button.disabled = true;
    try {
      await run();
    } catch (cause) {
      error.say(explain(cause));
    } finally {
      button.disabled = false;
    }
  });
  return { element: form, say: error.say };
}

/** The failure, the fields at fault, and what to do. @param {unknown} error */
export function explained(error) {
  if (!(error instanceof ApiError)) return failureText(error);
  const fields = error.fields.map(({ name, message }) => `${name} ${message}`.trim());
  return [failureText(error), ...fields, sentence(error.hint)].filter(Boolean).join('. ');
}
