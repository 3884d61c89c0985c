/** Fields of the sign-in and set-up forms, and the frame around them. */

import { h, uniqueId } from '../../dom.js';
import { pageHead } from '../../elements/blocks.js';
import { t } from '../../texts.js';

/**
 * A narrow page with one form.
 * @param {string} title
 * @param {...import('../../dom.js').Children} children
 */
export function gate(title, ...children) {
  return h(
    'div',
    { class: 'gate' },
    h('img', { class: 'gate-logo', src: '/app/static/images/logo.svg', alt: '', width: 56, height: 56 }),
    h('div', { class: 'card gate-card' }, pageHead(title), ...children),
  );
}

/**
 * @param {string} label
 * @param {import('../../dom.js').Attributes} attributes
 * @param {...import('../../dom.js').Children} below
 */
export function field(label, attributes, ...below) {
  const id = uniqueId('field');
  const input = h('input', { id, class: 'input', ...attributes });
  return { input, element: h('div', { class: 'field' }, h('label', { for: id }, label), input, ...below) };
}

/**
 * A password that can be looked at.
 * @param {string} label
 * @param {import('../../dom.js').Attributes} attributes
 * @param {...import('../../dom.js').Children} below
 */
export function passwordField(label, attributes, ...below) {
  const id = uniqueId('field');
  const input = h('input', { id, class: 'input', type: 'password', ...attributes });
  const show = h(
    'button',
    { type: 'button', class: 'reveal', 'aria-pressed': 'false', 'aria-controls': id },
    t('password.show'),
  );
  show.addEventListener('click', () => {
    const visible = input.type === 'password';
    input.type = visible ? 'text' : 'password';
    show.setAttribute('aria-pressed', String(visible));
  });
  return {
    input,
    element: h(
      'div',
      { class: 'field' },
      h('label', { for: id }, label),
      h('div', { class: 'reveal-box' }, input, show),
      ...below,
    ),
  };
}

/** The place for what went wrong with the whole form. */
export function formError() {
  const element = h('p', { class: 'notice bad', role: 'alert', hidden: true });
  return {
    element,
    /** @param {string} text */
    say(text) {
      element.hidden = !text;
      element.textContent = text;
    },
  };
}
