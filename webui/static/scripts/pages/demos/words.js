/** What recordings are called and how they stand. */

import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { bytes, clock, number } from '../../format.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/demos/model.js').Demo} Demo */
/** @typedef {import('../../api/demos/model.js').DemoState} DemoState */

/** @satisfies {Record<DemoState, string>} */
const tones = {
  live: 'busy',
  idle: 'warn',
  closed: 'plain',
  empty: 'warn',
  analysed: 'good',
  pruned: 'plain',
};

/** All states, in the order in which filters offer them. */
export const demoStates = /** @type {DemoState[]} */ (Object.keys(tones));

/** The ways in which recordings come. */
export const demoSources = ['stream', 'watch', 'push', 'upload', 'demostf', 'matchzy', 'import'];

/** @param {DemoState} state */
export function demoBadge(state) {
  return badge(tOr(`demo_state.${state}`, state), tones[state] ?? 'plain', true);
}

/** @param {string} source */
export function sourceName(source) {
  return tOr(`demo_source.${source}`, source);
}

/** @param {{ name: string, id?: string }} demo */
export function demoTitle(demo) {
  return demo.name || t('demos.unnamed', { id: (demo.id ?? '').slice(0, 8) });
}

/**
 * What is worth a look at a recording.
 * @param {{ detections: number, reports: number, suspicion?: string }} demo
 */
export function marks(demo) {
  return [
    demo.detections > 0 && badge(t('demos.detections', { count: demo.detections }), 'bad'),
    demo.reports > 0 && badge(t('demos.reports', { count: demo.reports }), 'warn'),
    Boolean(demo.suspicion) && badge(t('demos.odd'), 'note'),
  ];
}

/** Map and server as far as they are known. @param {{ map: string, server: string }} demo */
export function place(demo) {
  const parts = [demo.map, demo.server].filter(Boolean);
  if (parts.length === 0) return null;
  return h(
    'span',
    { class: 'soft small' },
    parts.map((part, i) => [i > 0 ? ' · ' : null, name(part)]).flat(),
  );
}

/** @param {{ seconds: number, ticks: number }} demo */
export function length(demo) {
  if (!demo.seconds) return '–';
  const ticks = demo.ticks ? t('demos.ticks', { count: demo.ticks }) : '';
  return [
    h('span', { class: 'nowrap' }, clock(demo.seconds)),
    ticks && h('span', { class: 'soft small nowrap' }, ticks),
  ];
}

/** @param {{ size: number, received: number }} demo */
export function weight(demo) {
  const size = demo.size || demo.received;
  return size ? bytes(size) : '–';
}

/**
 * The SteamID as it is known on the web, which opens in a new place.
 * @param {string} id
 */
export function steamLink(id) {
  if (!/^\d{17}$/.test(id)) return h('code', null, id);
  return h(
    'a',
    { href: `https://steamcommunity.com/profiles/${id}`, rel: 'noreferrer', target: '_blank' },
    h('code', { translate: 'no' }, id),
  );
}

/**
 * @param {number} at
 * @param {{ seconds: number, ticks: number }} demo
 */
export function tickWords(at, demo) {
  if (!demo.ticks || !demo.seconds) return number(at);
  return `${number(at)} (${clock((at / demo.ticks) * demo.seconds)})`;
}
