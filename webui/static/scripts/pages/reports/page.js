/** What players reported, for moderators, and the messages that players are shown. */

import { handleReport, listReports } from '../../api/demos/review.js';
import { h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { queryField, querySelect } from '../../elements/query.js';
import { calm } from '../../elements/region.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { handled, reasonBadge, target } from '../demo/tables.js';
import { demoTitle } from '../demos/words.js';
import { broadcasts } from './broadcasts.js';

/** @typedef {import('../../api/demos/model.js').InboxReport & { id: string }} Row */

const calmMs = 1_000;
const pageSize = 50;
const mostPerPage = 100;
const narrowing = ['state', 'reason', 'target'];

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function reportsPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const filters = reportFilters();
  const rows = reportTable(() => list.refresh());
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: rows.element,
    body: rows.body,
    row: rows.row,
    nothing,
    added: (count) => t('reports.added', { count }),
    counted: (count) => (total.textContent = t('reports.count', { count })),
  });
  const messages = broadcasts();

  /** @param {URLSearchParams} query */
  function follow(query) {
    filters.follow(query);
    const wanted = Object.fromEntries(narrowing.map((key) => [key, query.get(key) ?? '']));
    list.show(wanted, Boolean(wanted.reason || wanted.target || wanted.state));
  }
  follow(place.query);
  const soon = calm(list.refresh, calmMs);
  const stop = onLive('resync', soon);
  return {
    title: t('nav.reports'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.reports'), total),
      h('div', { class: 'card flush' }, filters.element, list.element),
      messages.element,
    ),
    query: (at) => follow(at.query),
    close() {
      soon.cancel();
      stop();
      filters.close();
      messages.close();
      list.close();
    },
  };
}

function reportFilters() {
  const state = querySelect(t('filter.state'), 'state', [
    { value: '', label: t('report.open') },
    { value: 'handled', label: t('report.handled') },
    { value: 'all', label: t('filter.any_state') },
  ]);
  const reason = querySelect(t('report.reason'), 'reason', [
    { value: '', label: t('reports.any_reason') },
    .../** @type {const} */ (['cheater', 'bot']).map((value) => ({
      value,
      label: t(`report_reason.${value}`),
    })),
  ]);
  const player = queryField(t('demo.target'), 'target', 'search');
  const element = h('div', { class: 'filters', role: 'group', 'aria-label': t('filter.label') }, [
    state.element,
    reason.element,
    player.element,
  ]);

  /** @param {URLSearchParams} query */
  function follow(query) {
    state.set(query.get('state') ?? '');
    reason.set(query.get('reason') ?? '');
    player.set(query.get('target') ?? '');
  }
  return { element, follow, close: player.close };
}

/** @param {() => void} changed */
function reportTable(changed) {
  const list = table(
    t('nav.reports'),
    [
      { label: t('demo.target') },
      { label: t('report.reason') },
      { label: t('demos.recording') },
      { label: t('report.made') },
      { label: t('demos.state') },
      { label: t('reports.done'), hidden: true },
    ],
    'reports',
  );

  /** @param {Row} report */
  function row(report) {
    const title = demoTitle({ name: report.name, id: report.demo });
    return list.row(
      [
        target(report),
        report.times > 1 &&
          h(
            'a',
            { class: 'small', href: `/app/demos?player=${report.target}` },
            t('reports.times', { count: report.times }),
          ),
      ].flat(),
      reasonBadge(report.reason),
      [
        h('a', { class: 'row-title', href: `/app/demos/${report.demo}` }, name(title)),
        report.map && h('span', { class: 'soft small' }, name(report.map)),
      ],
      ago(report.created_at),
      handled(report),
      !report.handled_at &&
        actionButton({
          label: t('reports.done'),
          icon: 'check',
          tone: 'small',
          focus: `done-${report.id}`,
          async run() {
            await handleReport(report.demo, report.target);
            toast(t('reports.noted'));
            changed();
          },
        }),
    );
  }
  return { element: list.element, body: list.body, row };
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { reports, next, total } = await listReports(query, signal);
  return { rows: reports.map((one) => ({ ...one, id: `${one.demo}-${one.target}` })), next, total };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('reports.no_match'));
  return empty('flag', t('reports.none'), h('p', null, t('reports.none_hint')));
}
