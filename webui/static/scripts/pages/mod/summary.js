/** What a mod is: its ids, its game, its state and why. */

import { h } from '../../dom.js';
import { moving, reason, stateBadge } from '../../elements/badge.js';
import { copyable } from '../../elements/copy.js';
import { ago } from '../../elements/time.js';
import { bytes } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { appName } from '../mods/title.js';

/** @param {import('../../api/model.js').Mod} mod */
export function summary(mod) {
  return h(
    'section',
    { class: 'card summary', 'aria-label': t('mod.summary') },
    h(
      'dl',
      { class: 'tiles' },
      tile(t('mod.state'), stateBadge(mod.state)),
      tile(t('mod.hex'), copyable(mod.hex, t('mod.hex'), { focus: 'hex' })),
      tile(t('mod.decimal'), copyable(mod.id, t('mod.decimal'), { focus: 'decimal' })),
      tile(t('mod.app'), appName(mod.app)),
      tile(t('mod.size'), mod.size ? bytes(mod.size) : '–'),
      tile(t('mod.last_request'), ago(mod.last_requested)),
      mod.page_url.startsWith('https://') && tile(t('mod.page'), workshopLink(mod.page_url)),
    ),
    why(mod),
  );
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/** @param {string} href */
function workshopLink(href) {
  return h(
    'a',
    { href, rel: 'noreferrer', target: '_blank' },
    t('mod.workshop'),
    ' ',
    icon('external', 'inline'),
  );
}

/** @param {import('../../api/model.js').Mod} mod */
function why(mod) {
  if (mod.state === 'ready' || !mod.reason) return null;
  const { tone, mark } = severity(mod.state);
  return h(
    'div',
    { class: `notice ${tone}` },
    icon(mark),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, t('mod.why')),
      h('p', null, reason(mod.reason)),
    ),
  );
}

/**
 * @param {import('../../api/model.js').State} state
 * @returns {{ tone: string, mark: import('../../icons.js').IconName }}
 */
function severity(state) {
  if (moving(state) || state === 'absent') return { tone: 'note', mark: 'info' };
  return state === 'denied' ? { tone: 'warn', mark: 'warning' } : { tone: 'bad', mark: 'error' };
}
