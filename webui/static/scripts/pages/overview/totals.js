/** The figures at a glance. */

import { h } from '../../dom.js';
import { figure } from '../../elements/blocks.js';
import { bytes, number } from '../../format.js';
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
