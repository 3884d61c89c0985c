/** How much was stored on each of the last days. */

import { barChart } from '../../chart/bars.js';
import { levels, niceBytes } from '../../chart/series.js';
import { fill, h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { bytes } from '../../format.js';
import { locale, t } from '../../texts.js';

/** The chart is kept through refreshes, so that an open table stays open. */
export function history() {
  const chart = barChart({
    label: t('storage.history'),
    period: t('statistics.day'),
    say: calendar({ dateStyle: 'medium' }),
    brief: calendar({ day: 'numeric', month: 'short' }),
    value: bytes,
    top: niceBytes,
    levels: true,
  });
  const none = h('p', { class: 'soft' }, t('storage.no_history'));
  const place = h('div', null);
  const element = card(t('storage.history'), {}, place);

  /** @param {import('../../api/model.js').Storage['days']} days */
  function update(days) {
    const shown = days.length > 1 ? chart.element : none;
    if (!place.contains(shown)) fill(place, shown);
    if (days.length > 1) chart.update(levels(days.map(({ day, bytes: count }) => ({ time: day, count }))));
  }
  return { element, update };
}

/**
 * A calendar day of the server (UTC): the reader's own zone must not move it.
 * @param {Intl.DateTimeFormatOptions} parts
 */
function calendar(parts) {
  const format = new Intl.DateTimeFormat(locale(), { ...parts, timeZone: 'UTC' });
  /** @param {string} day */
  return (day) => format.format(new Date(day));
}
