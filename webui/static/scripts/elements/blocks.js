/** The building blocks that pages share: headings, cards, empty states, skeletons, meters. */

import { h, uniqueId } from '../dom.js';
import { icon } from '../icons.js';

/** @typedef {import('../dom.js').Children} Children */

/**
 * The head of a page; its h1 takes the focus after navigation.
 * @param {Children} title
 * @param {...Children} beside
 */
export function pageHead(title, ...beside) {
  return h('header', { class: 'page-head' }, h('h1', { tabindex: -1 }, title), ...beside);
}

/**
 * @param {string} title
 * @param {{ className?: string, beside?: Children }} options
 * @param {...Children} children
 */
export function card(title, options, ...children) {
  const id = uniqueId('card');
  return h(
    'section',
    { class: `card ${options.className ?? ''}`.trim(), 'aria-labelledby': id },
    h('header', { class: 'card-head' }, h('h2', { id }, title), options.beside ?? null),
    ...children,
  );
}

/**
 * An empty state: what would stand here and how to get it.
 * @param {import('../icons.js').IconName} picture
 * @param {string} title
 * @param {...Children} body
 */
export function empty(picture, title, ...body) {
  return h(
    'div',
    { class: 'empty' },
    h('span', { class: 'empty-picture' }, icon(picture)),
    h('p', { class: 'empty-title' }, title),
    ...body,
  );
}

/**
 * Grey bars where content will stand.
 * @param {number} lines
 * @param {string} [className]
 */
export function skeleton(lines, className = '') {
  const bars = Array.from({ length: lines }, () => h('span', { class: 'bone' }));
  return h('div', { class: `skeleton ${className}`.trim(), 'aria-hidden': 'true' }, bars);
}

/**
 * A filled bar.
 * @param {number} value between 0 and 1
 * @param {string} label
 * @param {{ tone?: string, text?: string }} [options]
 */
export function meter(value, label, options = {}) {
  const share = Math.max(0, Math.min(1, value));
  const fill = h('span', { class: 'meter-fill' });
  fill.style.inlineSize = `${(share * 100).toFixed(1)}%`;
  return h(
    'span',
    {
      class: `meter ${options.tone ?? ''}`.trim(),
      role: 'progressbar',
      'aria-label': label,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
      'aria-valuenow': Math.round(share * 100),
      'aria-valuetext': options.text,
    },
    fill,
  );
}

/**
 * One number at a glance.
 * @param {import('../icons.js').IconName} mark
 * @param {string} value
 * @param {string} label
 * @param {string} [href]
 */
export function figure(mark, value, label, href = '') {
  const words = h('span', { class: 'figure-label' }, label);
  return h(
    'div',
    { class: 'card figure' },
    icon(mark, 'figure-icon'),
    h(
      'p',
      { class: 'figure-text' },
      h('span', { class: 'figure-value' }, value),
      ' ',
      href ? h('a', { class: 'stretched', href }, words) : words,
    ),
  );
}
