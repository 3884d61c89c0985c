/** The field that asks for a mod by id or Workshop address. */

import { addMod } from '../../api/mods.js';
import { ApiError } from '../../api/client.js';
import { h, uniqueId } from '../../dom.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { recogniseItem } from './item.js';

/** @param {() => void} added */
export function addForm(added) {
  const id = uniqueId('add');
  const input = h('input', {
    id,
    class: 'input',
    name: 'item',
    placeholder: t('add.placeholder'),
    'aria-describedby': `${id}-hint`,
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'go',
  });
  const hint = h('p', { id: `${id}-hint`, class: 'hint', 'aria-live': 'polite' }, t('add.hint'));
  const button = h('button', { class: 'button primary' }, icon('plus'), h('span', null, t('add.action')));
  const form = h(
    'form',
    { class: 'add', novalidate: true },
    h('label', { for: id, class: 'add-label' }, t('add.label')),
    h('div', { class: 'add-row' }, input, button),
    hint,
  );

  /**
   * @param {string} text
   * @param {boolean} wrong
   */
  function say(text, wrong) {
    hint.textContent = text;
    hint.classList.toggle('wrong', wrong);
    if (wrong) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }

  input.addEventListener('input', () => {
    const item = recogniseItem(input.value);
    if (!input.value.trim()) say(t('add.hint'), false);
    else if (item) say(t('add.recognised', { id: item.id, hex: item.hex }), false);
    else say(t('add.not_yet'), false);
  });

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const item = recogniseItem(input.value);
    if (!item) {
      say(t('add.not_an_item'), true);
      input.focus();
      return;
    }
    button.disabled = true;
    try {
      await addMod(`0x${item.hex}`); // the spelling that no parser finds ambiguous
      input.value = '';
      say(t('add.hint'), false);
      toast(t('add.done', { id: item.id }));
      added();
    } catch (error) {
      const hintText = error instanceof ApiError && error.hint ? `. ${sentence(error.hint)}` : '';
      say(failureText(error) + hintText, true);
    } finally {
      button.disabled = false;
      input.focus();
    }
  });
  return form;
}
