/** What is said of a recording: counts of its analysis, reports of players, and who else saw the match. */

import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { number } from '../../format.js';
import { t, tOr } from '../../texts.js';
import { demoTable } from '../demos/row.js';
import { steamLink } from '../demos/words.js';

/** @param {import('../../api/demos/model.js').AnalysisCount[]} counts */
export function analysisCard(counts) {
  const list = table(
    t('demo.analysis'),
    [
      { label: t('demo.target') },
      { label: t('timeline.algorithm') },
      { label: t('demo.detections'), figures: true },
    ],
    'analysis',
  );
  list.body.append(
    ...counts.map((one) =>
      list.row(
        steamLink(one.target),
        name(one.algorithm),
        h('span', { class: 'strong' }, number(one.detections)),
      ),
    ),
  );
  return card(t('demo.analysis'), { className: 'flush' }, list.element);
}

/** @param {string} reason */
export function reasonBadge(reason) {
  return badge(tOr(`report_reason.${reason}`, reason), reason === 'cheater' ? 'bad' : 'warn');
}

/** @param {import('../../api/demos/model.js').Report[]} reports */
export function reportsCard(reports) {
  const list = table(
    t('demo.reports'),
    [
      { label: t('demo.target') },
      { label: t('report.reason') },
      { label: t('report.made') },
      { label: t('demos.state') },
    ],
    'reports',
  );
  list.body.append(
    ...reports.map((one) =>
      list.row(target(one), reasonBadge(one.reason), ago(one.created_at), handled(one)),
    ),
  );
  return card(t('demo.reports'), { className: 'flush' }, list.element);
}

/** @param {import('../../api/demos/model.js').Report} report */
export function target(report) {
  return [
    steamLink(report.target),
    !report.checked && h('span', { class: 'soft small' }, t('report.unchecked')),
  ];
}

/** @param {import('../../api/demos/model.js').Report} report */
export function handled(report) {
  if (!report.handled_at) return badge(t('report.open'), 'warn', true);
  return [
    badge(t('report.handled'), 'good', true),
    h(
      'span',
      { class: 'soft small' },
      report.handled_by && [name(report.handled_by), ' · '],
      ago(report.handled_at),
    ),
  ];
}

/** @param {import('../../api/demos/model.js').Demo[]} witnesses */
export function witnessesCard(witnesses) {
  const list = demoTable(t('demo.witnesses'));
  list.body.append(...witnesses.map(list.row));
  return card(
    t('demo.witnesses'),
    { className: 'flush witnesses', beside: h('span', { class: 'soft small' }, t('demo.witnesses_hint')) },
    list.element,
  );
}
