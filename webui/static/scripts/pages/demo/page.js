/** One recording: what it is, what was found in it and what people say of it. */

import { ApiError } from '../../api/client.js';
import { getDemo, mayJudge } from '../../api/demos/library.js';
import { fill, h, keyed, name } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { demoTitle } from '../demos/words.js';
import { evidenceCard } from './evidence.js';
import { leaseBar } from './lease.js';
import { reviewsCard } from './reviews.js';
import { summary } from './summary.js';
import { analysisCard, reportsCard, witnessesCard } from './tables.js';
import { timeline } from './timeline.js';

const calmMs = 1_000;
const growingMs = 5_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function demoPage(place) {
  const id = decodeURIComponent(place.params[0]);
  const title = h('bdi', null, t('demo.title'));
  const parts = demoParts(id, () => content.reload());
  /** @type {import('../../api/demos/model.js').DemoDetail | null} */
  let demo = null;

  const content = region({
    load: (signal) => getDemo(id, signal),
    className: 'stack',
    skeleton: () => h('div', { class: 'stack' }, skeleton(5, 'card'), skeleton(4, 'card')),
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? unknown(id) : null),
    render(data, root) {
      demo = data;
      document.title = `${demoTitle(data)} · Quartermaster`;
      title.textContent = demoTitle(data);
      if (!root.contains(parts.element)) fill(root, parts.element);
      parts.update(data);
    },
  });
  content.reload();
  const soon = calm(() => content.reload(), calmMs);
  const stops = [
    onLive('demos.live', (event) => {
      if (grows(demo) || event.id === id) soon();
    }),
    onLive('resync', soon),
  ];
  const timer = setInterval(() => {
    if (grows(demo) && !document.hidden) content.reload();
  }, growingMs);

  return {
    title: t('demo.title'),
    element: h(
      'div',
      { class: 'page' },
      h(
        'nav',
        { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
        h('a', { href: '/app/demos' }, t('nav.demos')),
      ),
      pageHead(title),
      content.element,
    ),
    close() {
      clearInterval(timer);
      soon.cancel();
      for (const stop of stops) stop();
      content.close();
      parts.close();
    },
  };
}

/** @param {{ state: string } | null} demo */
function grows(demo) {
  return demo?.state === 'live' || demo?.state === 'idle';
}

/**
 * The parts that are made once, so that a refresh takes no text that is being typed.
 * @param {string} id
 * @param {() => void} changed
 */
function demoParts(id, changed) {
  const judges = mayJudge();
  const facts = h('div', null);
  const lease = judges ? leaseBar(id, changed) : null;
  const evidence = judges ? evidenceCard(id) : null;
  const found = judges ? timeline(evidence ? (tick) => evidence.choose(tick) : null) : null;
  const reviews = judges ? reviewsCard(id, changed) : null;
  const counts = h('div', null);
  const reports = h('div', null);
  const witnesses = h('div', null);
  const element = h(
    'div',
    { class: 'stack' },
    facts,
    lease?.element ?? null,
    found?.element ?? null,
    h('div', { class: 'columns' }, [counts, reports]),
    h('div', { class: 'columns' }, [reviews?.element ?? null, evidence?.element ?? null]),
    witnesses,
  );

  /** @param {import('../../api/demos/model.js').DemoDetail} demo */
  function update(demo) {
    keyed(facts, [demo], () => 'facts', summary);
    lease?.update(demo);
    found?.update(demo);
    keyed(counts, demo.analysis.length ? [demo.analysis] : [], () => 'counts', analysisCard);
    keyed(reports, demo.reports.length ? [demo.reports] : [], () => 'reports', reportsCard);
    reviews?.update(demo);
    evidence?.update(demo);
    keyed(witnesses, demo.witnesses.length ? [demo.witnesses] : [], () => 'witnesses', witnessesCard);
  }
  return { element, update, close: () => evidence?.close() };
}

/** @param {string} id */
function unknown(id) {
  return empty(
    'film',
    t('demo.unknown'),
    h('p', null, h('code', null, name(id))),
    h('p', null, t('demo.unknown_hint')),
    h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/demos' }, t('demo.to_list'))),
  );
}
