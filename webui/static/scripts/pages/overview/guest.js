/** The overview of a visitor: what this host offers, and the way in. */

import { current } from '../../api/session.js';
import { listMods } from '../../api/mods.js';
import { append, h, name } from '../../dom.js';
import { card, empty, skeleton } from '../../elements/blocks.js';
import { stateBadge } from '../../elements/badge.js';
import { signInHref } from '../../elements/failure.js';
import { calm, region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { bytes } from '../../format.js';
import { icon } from '../../icons.js';
import { onJobState, onLive } from '../../live.js';
import { t } from '../../texts.js';
import { linesToPaste } from './paste.js';
import { modTitle } from '../mods/title.js';

const shown = '6';
const calmMs = 1_500;

export function guestOverview() {
  const paste = linesToPaste();
  const count = h('span', { class: 'badge plain', hidden: true });
  const mods = region({
    load: (signal) => listMods({ limit: shown, sort: 'requested' }, signal),
    skeleton: () => skeleton(5),
    render(list, root) {
      root.replaceChildren();
      count.hidden = false;
      count.textContent = t('mods.count', { count: list.total });
      append(root, [
        list.mods.length
          ? shelf(list.mods)
          : empty('mods', t('mods.none'), h('p', null, t('mods.none_guest'))),
      ]);
    },
  });
  mods.reload();
  const soon = calm(mods.reload, calmMs);
  const stops = [onLive('mods.changed', soon), onJobState(soon), onLive('resync', soon)];
  const element = h(
    'div',
    { class: 'stack' },
    current().account ? null : invitation(),
    h(
      'div',
      { class: 'columns' },
      card(
        t('guest.mods'),
        { beside: count },
        mods.element,
        h(
          'p',
          { class: 'actions' },
          h('a', { class: 'button', href: '/app/mods' }, icon('mods'), t('guest.all_mods')),
        ),
      ),
      paste.element,
    ),
  );
  return {
    beside: h('p', { class: 'soft' }, t('guest.lead')),
    element,
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      mods.close();
      paste.close();
    },
  };
}

/** @param {import('../../api/model.js').Mod[]} mods */
function shelf(mods) {
  return h(
    'ul',
    { class: 'shelf' },
    mods.map((mod) =>
      h(
        'li',
        null,
        h('a', { class: 'shelf-title stretched', href: `/app/mods/${mod.id}` }, name(modTitle(mod))),
        h(
          'span',
          { class: 'soft small' },
          mod.size ? `${bytes(mod.size)} · ` : null,
          t('mods.requested'),
          ' ',
          ago(mod.last_requested),
        ),
        stateBadge(mod.state),
      ),
    ),
  );
}

function invitation() {
  return h(
    'section',
    { class: 'card invitation', 'aria-label': t('guest.invite') },
    h('div', null, h('h2', null, t('guest.invite')), h('p', { class: 'soft' }, t('guest.invite_text'))),
    h('a', { class: 'button primary', href: signInHref() }, icon('signin'), t('session.sign_in')),
  );
}
