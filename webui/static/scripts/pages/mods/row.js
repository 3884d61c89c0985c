/** One mod in the list. */

import { h, name } from '../../dom.js';
import { reason, stateBadge } from '../../elements/badge.js';
import { ago, onDate } from '../../elements/time.js';
import { bytes, number } from '../../format.js';
import { t } from '../../texts.js';
import { columns } from './columns.js';
import { appName, modTitle } from './title.js';

/** @typedef {import('../../api/model.js').Mod} Mod */

/** @param {Mod} mod */
export function row(mod) {
  const ready = mod.versions.filter((version) => version.state === 'ready');
  const current = mod.versions.find((version) => version.current) ?? ready[0];
  return h(
    'tr',
    { role: 'row' },
    cell(0, title(mod)),
    cell(1, stateBadge(mod.state), mod.state !== 'ready' && reason(mod.reason)),
    cell(
      2,
      current ? onDate(current.time) : '–',
      current && h('span', { class: 'soft small nowrap' }, ago(current.time)),
    ),
    cell(3, number(ready.length)),
    cell(4, mod.size ? bytes(mod.size) : '–'),
    cell(5, ago(mod.last_requested)),
  );
}

/** @param {Mod} mod */
function title(mod) {
  return [
    h(
      'a',
      { class: 'row-title stretched', href: `/app/mods/${mod.id}`, 'data-focus': `mod-${mod.id}` },
      name(modTitle(mod)),
    ),
    h('span', { class: 'soft small' }, h('code', null, mod.hex), ' · ', appName(mod.app)),
  ];
}

/**
 * @param {number} column
 * @param {...import('../../dom.js').Children} children
 */
function cell(column, ...children) {
  const { label, figures } = columns[column];
  return h(
    'td',
    { role: 'cell', class: figures ? 'figures-column' : null, 'data-label': column === 0 ? null : t(label) },
    h('div', { class: 'cell' }, ...children),
  );
}
