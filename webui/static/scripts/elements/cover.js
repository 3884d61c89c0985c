/**
 * What stands where other pages show a picture: the page loads nothing from
 * another host, so a mod gets its initials on one of a few quiet colours.
 */

import { h } from '../dom.js';

const tones = 5;

/**
 * @param {string} id Chooses the colour, so that a mod keeps it.
 * @param {string} title
 */
export function cover(id, title) {
  const sum = [...id].reduce((total, digit) => total + digit.charCodeAt(0), 0);
  return h('span', { class: `cover tone-${sum % tones}`, 'aria-hidden': 'true' }, initials(title));
}

/**
 * The first letters of the first two words.
 * @param {string} title
 */
export function initials(title) {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  const letters = words.slice(0, 2).map((word) => [...word][0].toUpperCase());
  return letters.join('') || '–';
}
