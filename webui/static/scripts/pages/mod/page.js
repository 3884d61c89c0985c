/** One mod: what it is, its versions, the lines that fetch it. */

import { ApiError } from '../../api/client.js';
import { getMod } from '../../api/mods.js';
import { fill, h, keyed, name } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { modTitle } from '../mods/title.js';
import { catalogPart } from './catalog.js';
import { summary } from './summary.js';
import { useIt } from './use.js';
import { versions } from './versions.js';

/** @typedef {import('../../api/model.js').Mod} Mod */

const calmMs = 800;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function modPage(place) {
  const wanted = decodeURIComponent(place.params[0]);
  const heading = h('span', null, wanted);
  const head = pageHead(heading);
  /** @type {Mod | null} */
  let mod = null;
  const about = h('div', null);
  const history = versions(() => content.reload());
  const use = useIt();
  const catalog = catalogPart();

  const content = region({
    load: (signal) => getMod(wanted, signal),
    skeleton: () => h('div', { class: 'stack' }, skeleton(3, 'card'), skeleton(4, 'card')),
    render(answer, root) {
      mod = answer;
      const title = modTitle(answer);
      document.title = `${title} · Quartermaster`;
      fill(heading, name(title));
      if (answer.id !== wanted) canonical(answer.id);
      history.update(answer);
      catalog.update(answer);
      if (!root.contains(about)) fill(root, about, catalog.element, history.element, use.element);
      keyed(about, [answer], (one) => one.id, summary);
      use.update(answer);
    },
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? unknown(wanted) : null),
    className: 'stack',
  });
  content.reload();

  const soon = calm(content.reload, calmMs);
  const stops = [
    onLive('mods.changed', (change) => {
      if (!mod || String(change?.item) === mod.id) soon();
    }),
    onLive('mods.job', (job) => {
      if (mod && job.item === mod.id && job.state !== mod.state) soon();
    }),
    onLive('resync', soon),
  ];

  return {
    title: wanted,
    element: h('div', { class: 'page' }, breadcrumb(), head, content.element),
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      content.close();
      use.close();
      catalog.close();
    },
  };
}

/**
 * The address that people share is the decimal one.
 * @param {string} id
 */
function canonical(id) {
  window.history.replaceState(null, '', `/app/mods/${id}`);
}

function breadcrumb() {
  return h(
    'nav',
    { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
    h('a', { href: '/app/mods' }, t('nav.mods')),
  );
}

/** @param {string} wanted */
function unknown(wanted) {
  return empty(
    'mods',
    t('mod.unknown'),
    h('p', null, h('bdi', null, h('code', null, wanted))),
    h('p', null, t('mod.unknown_hint')),
    h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/mods' }, t('mod.to_list'))),
  );
}
