/** What analysts should look at next. */

import { getReviewQueue, takeLease } from '../../api/demos/review.js';
import { fill, h, keyed, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { queryField } from '../../elements/query.js';
import { calm, region } from '../../elements/region.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { onLive } from '../../live.js';
import { here, navigate } from '../../router.js';
import { t } from '../../texts.js';
import { demoTitle, length, marks, place } from '../demos/words.js';

const limit = '100';
const calmMs = 1_000;
const refreshMs = 30_000;

/**
 * @param {import('../../router.js').Place} at
 * @returns {import('../../router.js').Page}
 */
export function queuePage(at) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const algorithm = queryField(t('queue_demos.algorithm'), 'algorithm', 'search');
  const rows = waitingTable();
  const list = region({
    load: (signal) => getReviewQueue({ limit, algorithm: here().query.get('algorithm') ?? '' }, signal),
    className: 'list',
    skeleton: () => skeleton(8, 'rows'),
    render({ demos, total: count }, root) {
      total.textContent = t('queue_demos.count', { count });
      if (demos.length === 0) {
        fill(root, nothing());
        return;
      }
      if (!root.contains(rows.element)) fill(root, rows.element);
      keyed(rows.body, demos, (demo) => demo.id, rows.row);
    },
  });
  algorithm.set(at.query.get('algorithm') ?? '');
  list.reload();
  const soon = calm(list.reload, calmMs);
  const timer = setInterval(soon, refreshMs);
  const stop = onLive('resync', soon);
  return {
    title: t('nav.queue'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.queue'), total, h('p', { class: 'soft' }, t('queue_demos.lead'))),
      h(
        'div',
        { class: 'card flush' },
        h('div', { class: 'filters', role: 'group', 'aria-label': t('filter.label') }, algorithm.element),
        list.element,
      ),
    ),
    query(next) {
      algorithm.set(next.query.get('algorithm') ?? '');
      list.reload();
    },
    close() {
      clearInterval(timer);
      soon.cancel();
      stop();
      algorithm.close();
      list.close();
    },
  };
}

function waitingTable() {
  const list = table(
    t('nav.queue'),
    [
      { label: t('demos.recording') },
      { label: t('queue_demos.why') },
      { label: t('demos.length'), figures: true },
      { label: t('demos.begun') },
      { label: t('queue_demos.take'), hidden: true },
    ],
    'demos waiting',
  );

  /** @param {import('../../api/demos/model.js').Demo} demo */
  function row(demo) {
    const href = `/app/demos/${demo.id}`;
    return list.row(
      [
        h('a', { class: 'row-title', href, 'data-focus': `demo-${demo.id}` }, name(demoTitle(demo))),
        place(demo),
      ],
      h('span', { class: 'badges' }, marks(demo)),
      length(demo),
      ago(demo.start_at),
      actionButton({
        label: t('queue_demos.take'),
        icon: 'inbox',
        tone: 'small',
        focus: `take-${demo.id}`,
        async run() {
          await takeLease(demo.id);
          navigate(href);
        },
      }),
    );
  }
  return { element: list.element, body: list.body, row };
}

function nothing() {
  const narrowed = here().query.get('algorithm');
  if (narrowed) return empty('search', t('queue_demos.no_match'));
  return empty('check', t('queue_demos.none'), h('p', null, t('queue_demos.none_hint')));
}
