/** What the daemon found wrong with itself, in the spoken language as far as we have it. */

import { h } from '../dom.js';
import { spoken, tOr } from '../texts.js';

/**
 * The headline of a known code, the daemon's own words, which name paths and
 * numbers, and what to do.
 * @param {{ code: string, text: string, hint?: string }} problem
 */
export function problemText(problem) {
  const title = spoken() === 'en' ? problem.text : tOr(`problem.${problem.code}`, problem.text);
  return h(
    'div',
    { class: 'problem' },
    h('p', { class: 'notice-title' }, title),
    title !== problem.text && h('p', { class: 'soft', lang: 'en' }, problem.text),
    problem.hint && h('p', { class: 'soft', lang: 'en' }, problem.hint),
  );
}
