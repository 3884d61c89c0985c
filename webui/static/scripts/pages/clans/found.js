/** Registering a clan. */

import { ApiError } from '../../api/client.js';
import { createClan } from '../../api/clans.js';
import { h, uniqueId } from '../../dom.js';
import { failureText } from '../../elements/failure.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { clanTag, mostIconBytes } from './words.js';

/** A form behind a summary. */
export function foundingForm() {
  const tag = textField(t('clans.tag'), t('clan.tag_hint'), 100);
  const called = textField(t('clan.name'), '', 100);
  const picture = pictureField();
  const seen = h('p', { class: 'tag-preview soft', hidden: true });
  tag.input.addEventListener('input', () => {
    seen.hidden = !tag.input.value;
    seen.replaceChildren(t('clan.tag_seen'), ' ', clanTag(tag.input.value));
  });
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const button = h('button', { class: 'button primary' }, icon('plus'), t('clan.register'));
  const form = h(
    'form',
    { class: 'form clan-form', novalidate: true },
    tag.element,
    seen,
    called.element,
    picture.element,
    failed,
    h('p', { class: 'actions' }, button),
  );
  /** @type {Record<string, { say: (text: string) => void, input: HTMLInputElement }>} */
  const fields = { tag, name: called, icon: picture };

  /** @param {unknown} error */
  function refuse(error) {
    const wrong = error instanceof ApiError ? error.fields.filter(({ name }) => name in fields) : [];
    for (const { name } of wrong) fields[name].say(failureText(error));
    if (wrong.length) fields[wrong[0].name].input.focus();
    else failed.textContent = failureText(error);
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.hasAttribute('aria-busy')) return;
    failed.textContent = '';
    for (const one of Object.values(fields)) one.say('');
    button.setAttribute('aria-busy', 'true');
    try {
      const file = picture.input.files?.[0];
      const image = file ? { icon: await base64(file) } : {};
      const made = await createClan({ tag: tag.input.value, name: called.input.value, ...image });
      toast(t('clan.registered', { name: made.name }));
      navigate(`/app/clans/${made.id}`);
    } catch (error) {
      refuse(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return h(
    'details',
    { class: 'card more found-clan' },
    h('summary', null, h('span', { class: 'strong' }, t('clan.register'))),
    form,
  );
}

/**
 * @param {string} label
 * @param {string} help
 * @param {number} most
 */
export function textField(label, help, most) {
  const id = uniqueId('clan');
  const input = h('input', {
    id,
    class: 'input',
    maxlength: most,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': `${id}-hint`,
  });
  return hinted(id, label, input, help);
}

export function pictureField() {
  const id = uniqueId('clan');
  const input = h('input', {
    id,
    class: 'input',
    type: 'file',
    accept: 'image/png',
    'aria-describedby': `${id}-hint`,
  });
  return hinted(id, t('clan.icon'), input, t('clan.icon_hint'));
}

/**
 * @param {string} id
 * @param {string} label
 * @param {HTMLInputElement} input
 * @param {string} help
 */
function hinted(id, label, input, help) {
  const hint = h('p', { id: `${id}-hint`, class: 'hint', 'aria-live': 'polite' }, help);
  return {
    input,
    element: h('div', { class: 'field' }, h('label', { for: id }, label), input, hint),
    /** Says what is wrong with it; '' = nothing. @param {string} text */
    say(text) {
      hint.textContent = text || help;
      hint.classList.toggle('wrong', Boolean(text));
      if (text) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    },
  };
}

/**
 * The text of a file's bytes. What is too large to be taken is cut, so that
 * the daemon and not the browser says so.
 * @param {File} file
 */
async function base64(file) {
  const bytes = new Uint8Array(await file.slice(0, mostIconBytes + 1).arrayBuffer());
  const parts = [];
  for (let at = 0; at < bytes.length; at += 0x8000)
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(parts.join(''));
}
