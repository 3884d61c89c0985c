/** The versions of a mod and what can be done with them. */

import { may } from '../../api/session.js';
import { fill, h, keyed, uniqueId } from '../../dom.js';
import { card, empty } from '../../elements/blocks.js';
import { badge, reason, stateBadge } from '../../elements/badge.js';
import { copyable } from '../../elements/copy.js';
import { ago, onDate } from '../../elements/time.js';
import { bytes } from '../../format.js';
import { icon } from '../../icons.js';
import { t, tOr } from '../../texts.js';
import { versionActions } from './actions.js';

/** @typedef {import('../../api/model.js').Mod} Mod */
/** @typedef {import('../../api/model.js').Version} Version */

const labels = /** @type {const} */ ([
  'version.version',
  'version.state',
  'version.size',
  'version.sha256',
  'version.requested',
]);
const shortHash = 10;

/** @param {() => void} changed */
export function versions(changed) {
  const body = h('tbody', { role: 'rowgroup' });
  const heads = labels.map((label) => h('th', { role: 'columnheader', scope: 'col' }, t(label)));
  const caption = uniqueId('versions');
  const writable = may('mods:write');
  const actionsHead = h(
    'th',
    { role: 'columnheader', scope: 'col' },
    h('span', { class: 'visually-hidden' }, t('version.actions')),
  );
  const table = h(
    'table',
    { class: 'table cards versions', role: 'table', 'aria-labelledby': caption },
    h('caption', { id: caption, class: 'visually-hidden' }, t('version.title')),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads, actionsHead)),
    body,
  );
  const place = h('div', null);
  const count = badge('');
  const element = card(t('version.title'), { className: 'flush', beside: count }, place);

  /** @param {Mod} mod */
  function update(mod) {
    count.textContent = t('version.count', { count: mod.versions.length });
    if (mod.versions.length === 0) {
      fill(place, empty('folder', t('version.none'), h('p', null, t('version.none_hint'))));
      return;
    }
    if (!table.isConnected || !place.contains(table)) fill(place, table);
    const whole = mod.versions.filter((version) => version.state === 'ready').length;
    keyed(
      body,
      mod.versions.map((version) => ({ version, last: version.state === 'ready' && whole === 1, writable })),
      ({ version }) => String(version.version),
      ({ version, last }) => row(mod, version, last, writable ? changed : null),
    );
  }
  return { element, update };
}

/**
 * @param {Mod} mod
 * @param {Version} version
 * @param {boolean} last The only whole copy there is.
 * @param {(() => void) | null} changed
 */
function row(mod, version, last, changed) {
  return h(
    'tr',
    { role: 'row' },
    cell(0, what(version)),
    cell(1, stateBadge(version.state), version.state === 'ready' ? null : reason(version.reason)),
    cell(2, version.size ? bytes(version.size) : '–', from(version)),
    cell(3, hash(version)),
    cell(4, ago(version.last_requested)),
    h(
      'td',
      { role: 'cell', class: 'actions-column' },
      h('div', { class: 'cell' }, versionActions(mod, version, last, changed)),
    ),
  );
}

/**
 * @param {number} column
 * @param {...import('../../dom.js').Children} children
 */
function cell(column, ...children) {
  return h(
    'td',
    { role: 'cell', 'data-label': column === 0 ? null : t(labels[column]) },
    h('div', { class: 'cell' }, ...children),
  );
}

/** @param {Version} version */
function what(version) {
  return [
    h('span', { class: 'strong' }, onDate(version.time, true)),
    h('span', { class: 'soft small' }, ago(version.time), ' · ', h('code', null, version.version)),
    h(
      'span',
      { class: 'badges' },
      version.current && badge(t('version.current'), 'brand'),
      version.pinned && h('span', { class: 'badge plain' }, icon('pin'), t('version.pinned')),
      version.irreplaceable &&
        h(
          'span',
          { class: 'badge warn', title: t('version.irreplaceable_hint') },
          icon('shield'),
          t('version.irreplaceable'),
        ),
    ),
  ];
}

/** @param {Version} version */
function from(version) {
  const source = version.source || version.provenance?.source;
  if (!source) return null;
  const origin = version.provenance?.peer || version.origin;
  return [
    h(
      'span',
      { class: 'soft small origin' },
      tOr(`source.${source}`, source),
      origin && [' · ', h('bdi', { title: origin }, origin)],
    ),
    arrived(version),
  ];
}

/**
 * When it came, and what made sure that it is the right one.
 * @param {Version} version
 */
function arrived({ provenance, stored_at: stored }) {
  const when = provenance?.time ?? stored;
  const proof = provenance?.verified_by;
  if (!when && !proof) return null;
  return h(
    'span',
    { class: 'soft small' },
    when && [t('version.arrived'), ' ', ago(when)],
    when && proof && ' · ',
    proof && t('version.proved', { by: tOr(`proof.${proof}`, proof) }),
  );
}

/** @param {Version} version */
function hash(version) {
  if (!version.sha256) return '–';
  return [
    copyable(version.sha256, 'SHA-256', {
      shown: `${version.sha256.slice(0, shortHash)}…`,
      focus: `sha-${version.version}`,
    }),
    h('span', { class: 'soft small nowrap' }, t('version.verified'), ' ', ago(version.verified_at)),
  ];
}
