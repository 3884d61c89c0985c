/** One moment of a recording, as it is shown to who was given its address. */

import { ApiError } from '../../api/client.js';
import { getEvidence } from '../../api/demos/library.js';
import { fill, h, name } from '../../dom.js';
import { card, empty, pageHead, skeleton } from '../../elements/blocks.js';
import { codeBlock } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { ago, onDate } from '../../elements/time.js';
import { bytes, clock, number } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { demoTitle, tickWords } from '../demos/words.js';

/** @typedef {import('../../api/demos/model.js').SharedEvidence} SharedEvidence */

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function evidencePage(place) {
  const token = decodeURIComponent(place.params[0]);
  const content = region({
    load: (signal) => getEvidence(token, signal),
    className: 'stack',
    skeleton: () => skeleton(5, 'card'),
    refuse: (error) => (error instanceof ApiError && [404, 410].includes(error.status) ? gone() : null),
    render: (data, root) => fill(root, view(data)),
  });
  content.reload();
  return {
    title: t('evidence.page'),
    element: h('div', { class: 'page evidence-page' }, pageHead(t('evidence.page')), content.element),
    close: content.close,
  };
}

/** @param {SharedEvidence} data */
function view(data) {
  const { demo } = data;
  return card(
    demoTitle(demo),
    { beside: h('span', { class: 'badge brand' }, t('evidence.at', { tick: tickWords(data.tick, demo) })) },
    data.note && h('p', { class: 'review-note' }, name(data.note)),
    h('dl', { class: 'tiles' }, facts(demo)),
    codeBlock(`demo_gototick ${data.tick}`, t('evidence.console')),
    h(
      'p',
      { class: 'actions' },
      local(data.download_url) &&
        h(
          'a',
          { class: 'button primary', href: data.download_url, download: true },
          icon('download'),
          t('demo.download', { size: bytes(demo.size) }),
        ),
      data.expires_at && h('span', { class: 'soft small' }, t('evidence.ends'), ' ', ago(data.expires_at)),
    ),
  );
}

/** Only this host's own addresses. @param {string | undefined} href */
function local(href) {
  return href !== undefined && URL.canParse(href, location.href)
    ? new URL(href, location.href).origin === location.origin
    : false;
}

/** @param {SharedEvidence['demo']} demo */
function facts(demo) {
  return [
    [t('demo.map'), demo.map ? name(demo.map) : '–'],
    [t('demo.server'), demo.server ? name(demo.server) : '–'],
    [t('demos.player'), demo.player ? name(demo.player) : '–'],
    [t('demos.begun'), onDate(demo.start_at, true)],
    [t('demos.length'), demo.seconds ? clock(demo.seconds) : '–'],
    [t('demo.ticks'), demo.ticks ? number(demo.ticks) : '–'],
    [t('demos.size'), demo.size ? bytes(demo.size) : '–'],
  ].map(([term, value]) => h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value)));
}

function gone() {
  return h(
    'div',
    { class: 'card' },
    empty('link', t('evidence.gone'), h('p', null, t('evidence.gone_hint'))),
  );
}
