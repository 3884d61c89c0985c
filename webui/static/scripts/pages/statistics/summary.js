/** The sums since counting began. */

import { h } from '../../dom.js';
import { figure } from '../../elements/blocks.js';
import { duration, number } from '../../format.js';
import { t } from '../../texts.js';

/** @param {import('../../api/model.js').StatisticsSummary} sums */
export function sumsView(sums) {
  return h(
    'section',
    { class: 'figures', 'aria-label': t('statistics.sums') },
    figure('download', number(sums.sent), t('statistics.sent', { count: sums.sent })),
    figure('mods', number(sums.mods), t('totals.mods', { count: sums.mods }), '/app/catalog'),
    figure('game', number(sums.games), t('statistics.games', { count: sums.games }), '/app/games'),
    figure('clock', sums.fast_ms ? duration(sums.fast_ms) : '–', t('statistics.fast')),
    figure('steam', sums.full_ms ? duration(sums.full_ms) : '–', t('statistics.full')),
    h(
      'p',
      { class: 'soft small figures-note' },
      [
        t('statistics.genres', { count: sums.genres }),
        t('statistics.tags', { count: sums.tags }),
        t('statistics.dependencies', { count: sums.dependencies }),
        t('statistics.days', { count: sums.days }),
      ].join(' · '),
    ),
  );
}
