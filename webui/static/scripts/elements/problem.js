/** What the daemon found wrong with itself, in the spoken language as far as we have it. */

import { h } from '../dom.js';
import { sentence } from '../format.js';
import { spoken, tOr } from '../texts.js';

/**
 * The headline of a known code, the daemon's own words, which name paths and
 * numbers, and what to do.
 * @param {{ code: string, text: string, hint?: string }} problem
 */
export function problemText(problem) {
  const english = sentence(problem.text);
  const title = spoken() === 'en' ? english : tOr(`problem.${problem.code}`, english);
  return h(
    'div',
    { class: 'problem' },
    h('p', { class: 'notice-title' }, title),
    title !== english && h('p', { class: 'soft', lang: 'en' }, english),
    problem.hint && h('p', { class: 'soft', lang: 'en' }, sentence(problem.hint)),
  );
}
