/** Small marks: the state of a version, and plain labels. */

import { h } from '../dom.js';
import { t, tOr } from '../texts.js';

/** @typedef {import('../api/model.js').State} State */

/** @satisfies {Record<State, string>} */
const tones = {
  ready: 'good',
  absent: 'plain',
  resolving: 'busy',
  queued: 'busy',
  fetching: 'busy',
  verifying: 'busy',
  zipping: 'busy',
  denied: 'warn',
  failed: 'bad',
  quarantined: 'bad',
};

/** All states, in the order in which filters offer them. */
export const states = /** @type {State[]} */ (Object.keys(tones));

/** @param {State | 'removed'} state */
export function moving(state) {
  return /** @type {Record<string, string>} */ (tones)[state] === 'busy';
}

/** @param {State | 'removed'} state */
export function stateBadge(state) {
  return badge(
    tOr(`state.${state}`, state),
    /** @type {Record<string, string>} */ (tones)[state] ?? 'plain',
    true,
  );
}

/**
 * @param {string} text
 * @param {string} [tone] good, warn, bad, busy, brand or plain.
 * @param {boolean} [dot] With a mark of its own, so that colour is not alone.
 */
export function badge(text, tone = 'plain', dot = false) {
  return h('span', { class: `badge ${tone}${dot ? ' dotted' : ''}` }, text);
}

/**
 * The public reason text in the spoken language, the exact text beside it when
 * they differ, because that is what game clients and logs show.
 * @param {string} text
 * @returns {Node | null}
 */
export function reason(text) {
  if (!text) return null;
  const said = tOr(`reason.${text}`, text);
  if (said === text) return h('span', { class: 'reason' }, text);
  return h('span', { class: 'reason' }, said, ' ', h('q', { lang: 'en', title: t('reason.exact') }, text));
}
