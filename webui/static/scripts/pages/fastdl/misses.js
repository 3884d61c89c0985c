/** What players asked for in vain, the most wanted first. */

import { forgetMisses, getMisses } from '../../api/fastdl.js';
import { fill, h, keyed, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { region } from '../../elements/region.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { number, sentence } from '../../format.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

const shown = 100;

/** @param {string} tree */
export function missReport(tree) {
  const title = h('h3', null, t('misses.title'));
  const anew = actionButton({
    label: t('misses.anew'),
    icon: 'trash',
    tone: 'small',
    run: () => forget(tree, report.reload),
  });
  const rows = h('div', null);
  const report = region({
    load: (signal) => getMisses(tree, shown, signal),
    skeleton: () => skeleton(3),
    render(data, root) {
      if (!root.contains(rows)) fill(root, rows);
      anew.hidden = data.misses.length === 0;
      keyed(
        rows,
        [data],
        () => 'misses',
        ({ misses, total }) => list(misses, total),
      );
    },
  });
  anew.hidden = true;
  const element = h(
    'section',
    { class: 'report', 'aria-label': t('misses.of', { name: tree }) },
    h('header', { class: 'card-head' }, title, anew),
    report.element,
  );
  return { element, reload: report.reload, close: report.close };
}

/**
 * @param {string} tree
 * @param {() => void} reload
 */
async function forget(tree, reload) {
  const sure = await confirm({
    title: t('misses.anew_title'),
    body: h('p', null, t('misses.anew_text')),
    action: t('misses.anew'),
  });
  if (!sure) return;
  await forgetMisses(tree);
  toast(t('misses.forgotten'));
  reload();
}

/**
 * @param {import('../../api/model.js').Miss[]} misses
 * @param {number} total
 */
function list(misses, total) {
  if (misses.length === 0) return h('p', { class: 'soft' }, t('misses.none'));
  const files = table(
    t('misses.title'),
    [
      { label: t('misses.file') },
      { label: t('misses.requests'), figures: true },
      { label: t('misses.why') },
      { label: t('misses.last') },
    ],
    'inset misses',
  );
  files.body.append(
    ...misses.map((miss) =>
      files.row(
        h('code', { class: 'path' }, name(miss.path)),
        number(miss.requests),
        tOr(`miss.${miss.reason}`, sentence(miss.text)),
        [ago(miss.last), miss.server && h('span', { class: 'soft small' }, name(miss.server))],
      ),
    ),
  );
  const more = total - misses.length;
  return h(
    'div',
    { class: 'stack' },
    files.element,
    more > 0 && h('p', { class: 'soft small' }, t('misses.more', { count: more })),
  );
}
