/** How much was given away, by day and by hour. */

import { getStatistics, getStatisticsSummary } from '../../api/catalog.js';
import { fill, h, keyed } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { here } from '../../router.js';
import { t } from '../../texts.js';
import { charts, typeLabel } from './charts.js';
import { statisticsFilters } from './filters.js';
import { cutTo, wanted } from './range.js';
import { sumsView } from './summary.js';

const refreshMs = 60_000;
/** What is shown when the address names nothing: files that left this host. */
const usualTypes = ['files_sent', 'ns2_sent', 'fastdl_sent'];

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function statisticsPage(place) {
  const zone = h('p', { class: 'soft' });
  const filters = statisticsFilters();
  const drawn = charts();
  const sums = region({
    load: getStatisticsSummary,
    skeleton: () => skeleton(1, 'strip'),
    render: (data, root) => keyed(root, [data], () => 'sums', sumsView),
  });
  const chosen = () => {
    const named = here().query.getAll('type');
    return named.length ? named : usualTypes;
  };
  const counts = region({
    load: (signal) => load(here().query, chosen(), signal),
    skeleton: () => skeleton(5, 'card'),
    render(data, root) {
      zone.textContent = t('statistics.zone', { zone: data.time_zone });
      const on = chosen();
      filters.offer(
        data.types.map((type) => ({ id: type.type, label: typeLabel(type), on: on.includes(type.type) })),
      );
      const shown = data.rows.some((row) => row.count > 0 && on.includes(row.type));
      if (!shown) {
        fill(root, h('div', { class: 'card' }, nothing()));
        return;
      }
      if (!root.contains(drawn.element)) fill(root, drawn.element);
      drawn.update(data, on);
    },
  });

  function reload() {
    sums.reload();
    counts.reload();
  }
  filters.follow(place.query);
  reload();
  const timer = setInterval(reload, refreshMs);
  const stop = onLive('resync', reload);

  return {
    title: t('nav.statistics'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.statistics'), zone),
      sums.element,
      h('div', { class: 'card flush' }, filters.element),
      counts.element,
    ),
    query(at) {
      filters.follow(at.query);
      counts.reload();
    },
    close() {
      clearInterval(timer);
      stop();
      sums.close();
      counts.close();
    },
  };
}

/**
 * The counts of the chosen types, and the names of all types that can be
 * chosen: an answer names only those that it has counts of.
 * @param {URLSearchParams} query
 * @param {string[]} chosen
 * @param {AbortSignal} signal
 */
async function load(query, chosen, signal) {
  const { cut, ...span } = wanted(query, Date.now());
  const [data, lately] = await Promise.all([
    getStatistics({ ...span, type: chosen }, signal),
    getStatistics({ by: 'day' }, signal),
  ]);
  const named = new Map([...lately.types, ...data.types].map((type) => [type.type, type]));
  for (const type of query.getAll('type')) {
    if (!named.has(type)) named.set(type, { type, label_en: type, label_ru: type });
  }
  return { ...cutTo(data, cut), types: [...named.values()] };
}

function nothing() {
  return empty('chart', t('statistics.none'), h('p', null, t('statistics.none_hint')));
}
