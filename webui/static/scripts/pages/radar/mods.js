/** The mods of a game server: what it runs and what Steam has. */

import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { table } from '../../elements/table.js';
import { ago, onDate } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { modTitle } from '../mods/title.js';

/** @typedef {import('../../api/model.js').ServerMod} ServerMod */

/** @type {Record<ServerMod['state'], { rank: number, tone: string }>} */
const states = {
  outdated: { rank: 0, tone: 'warn' },
  gone: { rank: 1, tone: 'bad' },
  unknown: { rank: 2, tone: 'plain' },
  current: { rank: 3, tone: 'good' },
};

/**
 * What needs a look, the worst first.
 * @param {string} caption
 * @param {ServerMod[]} mods
 */
export function modTable(caption, mods) {
  const list = table(
    caption,
    [
      { label: t('radar.mod') },
      { label: t('radar.state') },
      { label: t('radar.versions') },
      { label: t('radar.since') },
    ],
    'inset server-mods',
  );
  const sorted = [...mods].sort((a, b) => states[a.state].rank - states[b.state].rank);
  list.body.append(...sorted.map((mod) => list.row(title(mod), state(mod), versions(mod), since(mod))));
  return list.element;
}

/**
 * What is as it should be.
 * @param {string} caption
 * @param {ServerMod[]} mods
 */
export function currentTable(caption, mods) {
  const list = table(caption, [{ label: t('radar.mod') }, { label: t('version.version') }], 'inset');
  list.body.append(...mods.map((mod) => list.row(title(mod), versions(mod))));
  return list.element;
}

/** @param {ServerMod} mod */
function title(mod) {
  return [
    h(
      'a',
      { class: 'row-title', href: `/app/mods/${mod.id}`, 'data-focus': `mod-${mod.id}` },
      name(modTitle(mod)),
    ),
    h('span', { class: 'soft small' }, h('code', null, mod.hex)),
  ];
}

/** @param {ServerMod} mod */
function state(mod) {
  return [
    badge(t(`radar_state.${mod.state}`), states[mod.state].tone, true),
    mod.tried && h('span', { class: 'soft small' }, t('radar.tried')),
  ];
}

/** @param {ServerMod} mod */
function versions(mod) {
  const same = mod.running > 0 && mod.running === mod.current;
  return [
    h(
      'span',
      { class: 'step' },
      moment(mod.running),
      !same &&
        mod.current > 0 && [
          icon('next', 'inline'),
          h('span', { class: 'visually-hidden' }, t('radar.to')),
          h('strong', null, moment(mod.current)),
        ],
    ),
    mod.basis && h('span', { class: 'soft small' }, t(`radar_basis.${mod.basis}`)),
  ];
}

/** @param {ServerMod} mod */
function since(mod) {
  return mod.since ? ago(new Date(mod.since * 1000).toISOString()) : null;
}

/** @param {number} seconds */
function moment(seconds) {
  return onDate(seconds ? new Date(seconds * 1000).toISOString() : null, true);
}
