/** The figures at a glance. */

import { h } from '../../dom.js';
import { bytes, number } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';

/** @param {import('../../api/model.js').Overview['totals']} sums */
export function totals(sums) {
  return h(
    'section',
    { class: 'figures', 'aria-label': t('totals.title') },
    figure('mods', number(sums.mods), t('totals.mods', { count: sums.mods }), '/app/mods'),
    figure('layers', number(sums.versions), t('totals.versions', { count: sums.versions })),
    figure('disk', bytes(sums.bytes), t('totals.bytes')),
    figure('download', number(sums.requests), t('totals.requests', { count: sums.requests })),
  );
}

/**
 * @param {import('../../icons.js').IconName} mark
 * @param {string} value
 * @param {string} label
 * @param {string} [href]
 */
function figure(mark, value, label, href = '') {
  const words = h('span', { class: 'figure-label' }, label);
  return h(
    'div',
    { class: 'card figure' },
    icon(mark, 'figure-icon'),
    h(
      'p',
      { class: 'figure-text' },
      h('span', { class: 'figure-value' }, value),
      ' ',
      href ? h('a', { class: 'stretched', href }, words) : words,
    ),
  );
}
