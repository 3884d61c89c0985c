/** What a recording is, and taking it away. */

import { deleteDemo, fileHref } from '../../api/demos/library.js';
import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { confirm } from '../../elements/confirm.js';
import { copyable } from '../../elements/copy.js';
import { onDate } from '../../elements/time.js';
import { bytes, clock, measure, number, sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { demoBadge, demoTitle, sourceName, steamLink } from '../demos/words.js';

/** @typedef {import('../../api/demos/model.js').DemoDetail} DemoDetail */

/** @param {DemoDetail} demo */
export function summary(demo) {
  return h(
    'section',
    { class: 'card summary demo-facts', 'aria-label': t('demo.facts') },
    h('dl', { class: 'tiles' }, facts(demo)),
    Boolean(demo.suspicion) && notice('warn', 'warning', t('demos.odd'), demo.suspicion),
    demo.state === 'pruned' && notice('note', 'info', t('demo.pruned')),
    demo.state === 'empty' && notice('note', 'info', t('demo.empty')),
    actions(demo),
  );
}

/** @param {DemoDetail} demo */
function facts(demo) {
  const grown = demo.size || demo.received;
  return [
    tile(t('demos.state'), demoBadge(demo.state)),
    tile(t('demo.map'), demo.map ? name(demo.map) : '–'),
    tile(t('demo.server'), server(demo)),
    tile(t('demos.player'), demo.player ? name(demo.player) : '–'),
    tile(t('demos.begun'), onDate(demo.start_at, true)),
    tile(t('demo.ended'), demo.end_at ? onDate(demo.end_at, true) : '–'),
    tile(t('demos.length'), demo.seconds ? clock(demo.seconds) : '–'),
    tile(t('demo.ticks'), demo.ticks ? number(demo.ticks) : '–'),
    tile(t('demos.size'), grown ? bytes(grown) : '–'),
    tile(t('demos.source'), sourceName(demo.source)),
    Boolean(demo.header.format) && tile(t('demo.format'), name(demo.header.format)),
    demo.score !== undefined && tile(t('demo.score'), measure(demo.score)),
    demo.anonymous_id && tile(t('demo.sender'), copyable(demo.anonymous_id, t('demo.sender'))),
    demo.uploader && tile(t('demo.uploader'), steamLink(demo.uploader)),
    tile(t('demo.id'), copyable(demo.id, t('demo.id'), { focus: 'id' })),
  ];
}

/** @param {DemoDetail} demo */
function server(demo) {
  return [
    demo.server ? name(demo.server) : '–',
    ' ',
    demo.server && (demo.verified ? badge(t('demo.verified'), 'good') : badge(t('demo.unverified'))),
  ];
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/**
 * @param {'warn' | 'note'} tone
 * @param {import('../../icons.js').IconName} mark
 * @param {string} title
 * @param {string} [why] In the daemon's words.
 */
function notice(tone, mark, title, why = '') {
  return h(
    'div',
    { class: `notice ${tone}` },
    icon(mark),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, title),
      why && h('p', { lang: 'en' }, sentence(why)),
    ),
  );
}

/** @param {DemoDetail} demo */
function actions(demo) {
  const stored = demo.size > 0 && demo.state !== 'pruned';
  const buttons = [
    stored &&
      h(
        'a',
        { class: 'button primary', href: fileHref(demo.id), download: true, 'data-focus': 'download' },
        icon('download'),
        t('demo.download', { size: bytes(demo.size) }),
      ),
    may('admin') &&
      actionButton({ label: t('demo.delete'), icon: 'trash', run: () => remove(demo), focus: 'delete' }),
  ];
  return buttons.some(Boolean) ? h('p', { class: 'actions' }, buttons) : null;
}

/** @param {DemoDetail} demo */
async function remove(demo) {
  const sure = await confirm({
    title: t('demo.delete_title', { name: demoTitle(demo) }),
    body: h('p', null, t('demo.delete_text')),
    action: t('demo.delete'),
  });
  if (!sure) return;
  await deleteDemo(demo.id);
  toast(t('demo.deleted'));
  navigate('/app/demos');
}
