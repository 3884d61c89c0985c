/** Buttons that copy, and blocks of text that carry one. */

import { h, uniqueId } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';
import { toast } from '../shell/toasts.js';

const confirmMs = 1_600;

/**
 * @param {string} text What is copied.
 * @param {string} label What it is, for the button's name: "the hex id".
 * @param {{ words?: boolean, focus?: string }} [options] words: a visible caption instead of the icon alone.
 */
export function copyButton(text, label, options = {}) {
  const caption = t('copy.label', { what: label });
  const shown = h(
    'span',
    { class: options.words ? '' : 'visually-hidden' },
    options.words ? t('copy.short') : caption,
  );
  const button = h(
    'button',
    {
      type: 'button',
      class: options.words ? 'button small' : 'icon-button',
      title: caption,
      'aria-label': options.words ? caption : null,
      'data-focus': options.focus,
    },
    icon('copy', 'when-idle'),
    icon('check', 'when-done'),
    shown,
  );
  button.addEventListener('click', async () => {
    const copied = await toClipboard(text);
    if (!copied) return toast(t('copy.failed'), 'error');
    button.classList.add('done');
    toast(t('copy.done', { what: label }), 'quiet');
    setTimeout(() => button.classList.remove('done'), confirmMs);
  });
  return button;
}

/**
 * Lines to paste somewhere, with their copy button.
 * @param {string} text
 * @param {string} label
 */
export function codeBlock(text, label) {
  const caption = uniqueId('code');
  return h(
    'figure',
    { class: 'code' },
    h('figcaption', { id: caption }, h('span', null, label), copyButton(text, label, { words: true })),
    h(
      'pre',
      { tabindex: 0, role: 'region', 'aria-labelledby': caption },
      h('code', { translate: 'no' }, text),
    ),
  );
}

/**
 * A short value in the code face with its copy button.
 * @param {string} text
 * @param {string} label
 * @param {{ shown?: string, focus?: string }} [options] shown: an abbreviation of the value.
 */
export function copyable(text, label, options = {}) {
  return h(
    'span',
    { class: 'copyable' },
    h('code', { translate: 'no', title: options.shown ? text : null }, options.shown ?? text),
    copyButton(text, label, { focus: options.focus }),
  );
}

/** @param {string} text */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return viaSelection(text);
  }
}

/**
 * The way that also works over plain HTTP, where browsers hide the clipboard.
 * @param {string} text
 */
function viaSelection(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = h('textarea', {
    class: 'visually-hidden',
    'aria-hidden': 'true',
    tabindex: -1,
    readonly: true,
  });
  field.value = text;
  (focused?.closest('dialog') ?? document.body).append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  focused?.focus();
  return copied;
}
