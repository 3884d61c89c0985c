/** The list of what needs the operator, the worst first. */

import { h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { badge } from '../../elements/badge.js';
import { problemText } from '../../elements/problem.js';
import { icon } from '../../icons.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/model.js').Attention} Attention */

/** @type {Record<string, { rank: number, tone: string, icon: import('../../icons.js').IconName }>} */
const severities = {
  critical: { rank: 0, tone: 'bad', icon: 'error' },
  error: { rank: 0, tone: 'bad', icon: 'error' },
  warning: { rank: 1, tone: 'warn', icon: 'warning' },
  info: { rank: 2, tone: 'note', icon: 'info' },
};

/** @param {string} severity */
function look(severity) {
  return severities[severity] ?? severities.info;
}

/** @param {Attention[] | null} list */
export function attention(list) {
  const items = [...(list ?? [])].sort((a, b) => look(a.severity).rank - look(b.severity).rank);
  if (items.length === 0) return allWell();
  return card(
    t('attention.title'),
    { beside: badge(t('attention.count', { count: items.length }), look(items[0].severity).tone) },
    h('ul', { class: 'attention' }, items.map(item)),
  );
}

/** @param {Attention} entry */
function item(entry) {
  const { tone, icon: mark } = look(entry.severity);
  return h(
    'li',
    { class: `attention-item ${tone}` },
    icon(mark),
    h('div', null, h('span', { class: 'visually-hidden' }, severityWord(tone), ': '), problemText(entry)),
    link(entry.link),
  );
}

/** @param {string} tone */
function severityWord(tone) {
  return tOr(`severity.${tone}`, tone);
}

/** @param {string} href */
function link(href) {
  if (!href) return null;
  if (!href.startsWith('/') && !href.startsWith('https://')) return null;
  return h('a', { class: 'button small', href }, t('attention.open'));
}

function allWell() {
  return h(
    'section',
    { class: 'card all-well', 'aria-label': t('attention.title') },
    icon('check'),
    h('div', null, h('h2', null, t('attention.none')), h('p', { class: 'soft' }, t('attention.none_hint'))),
  );
}
