/** A field for the name of something that the daemon knows by a number. */

import { aborted } from '../api/client.js';
import { h, uniqueId } from '../dom.js';
import { toast } from '../shell/toasts.js';
import { t } from '../texts.js';
import { failureText } from './failure.js';

/** @typedef {{ id: string, name: string }} Named */

const typingMs = 250;

/**
 * Offers names while one types. The name has to be whole in the end, in any case.
 * @param {object} parts
 * @param {string} parts.label
 * @param {(part: string, signal: AbortSignal) => Promise<Named[]>} parts.find
 * @param {string} [parts.className] field or filter.
 */
export function lookup({ label, find, className = 'field' }) {
  const id = uniqueId('lookup');
  const offers = h('datalist', { id: `${id}-offers` });
  const hint = h('span', { id: `${id}-hint`, class: 'hint wrong', role: 'alert' });
  const input = h('input', {
    id,
    class: 'input',
    list: offers.id,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': hint.id,
  });
  let controller = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {string} text */
  function ask(text) {
    controller.abort();
    controller = new AbortController();
    return find(text, controller.signal);
  }

  async function offer() {
    const text = input.value.trim();
    if (!text) return;
    try {
      const found = await ask(text);
      offers.replaceChildren(...found.map((one) => h('option', { value: one.name })));
    } catch (error) {
      if (!aborted(error)) offers.replaceChildren(); // what is typed is looked up again in the end
    }
  }
  input.addEventListener('input', () => {
    say('');
    clearTimeout(timer);
    timer = setTimeout(offer, typingMs);
  });

  /** @param {string} text */
  function say(text) {
    hint.textContent = text;
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }

  /**
   * What the name stands for; undefined when nothing was typed or nothing is
   * called so, which the field then says.
   * @returns {Promise<Named | undefined>}
   */
  async function resolve() {
    clearTimeout(timer);
    const text = input.value.trim();
    if (!text) return undefined;
    try {
      const found = await ask(text);
      const one = found.find(({ name }) => name.toLowerCase() === text.toLowerCase());
      if (!one) say(t('lookup.unknown'));
      return one;
    } catch (error) {
      if (!aborted(error)) toast(failureText(error), 'error');
      return undefined;
    }
  }

  return {
    element: h('div', { class: className }, h('label', { for: id }, label), input, offers, hint),
    input,
    resolve,
    say,
    close() {
      clearTimeout(timer);
      controller.abort();
    },
  };
}
