/** Short messages at the edge of the page, read out by screen readers. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';

/** @typedef {'good' | 'error' | 'quiet'} Tone */

const stayMs = { good: 5_000, quiet: 2_400, error: 12_000 };
const most = 4;

const tray = h('div', {
  class: 'toasts',
  role: 'status',
  'aria-live': 'polite',
  'aria-relevant': 'additions',
});

/** The element that holds the messages; the shell puts it in the page once. */
export function toastTray() {
  return tray;
}

/**
 * @param {string} text
 * @param {Tone} [tone]
 */
export function toast(text, tone = 'good') {
  while (tray.children.length >= most) tray.firstElementChild?.remove();
  const item = h(
    'div',
    { class: `toast ${tone}` },
    icon(tone === 'error' ? 'error' : 'check'),
    h('p', null, text),
    h(
      'button',
      {
        type: 'button',
        class: 'icon-button',
        'aria-label': t('action.dismiss'),
        onclick: () => item.remove(),
      },
      icon('cross'),
    ),
  );
  tray.append(item);
  setTimeout(() => item.remove(), stayMs[tone]);
}

/**
 * Says something to screen readers alone, such as how many rows a search left.
 * @param {string} text
 */
export function announce(text) {
  voice.textContent = text;
}

const voice = h('p', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });

/** The element that announce() speaks through. */
export function announcer() {
  return voice;
}
