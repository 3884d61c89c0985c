/** One clan: what it is, who is in it, and what the caller may do with it. */

import { ApiError } from '../../api/client.js';
import { getClan } from '../../api/clans.js';
import { may } from '../../api/session.js';
import { fill, h, keyed } from '../../dom.js';
import { empty, pageHead, skeleton } from '../../elements/blocks.js';
import { forMembers } from '../../elements/guest.js';
import { region } from '../../elements/region.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { invitesCard } from './invites.js';
import { manageCard } from './manage.js';
import { moderationCard } from './moderation.js';
import { rosterCard } from './roster.js';
import { clanSkins, summary } from './summary.js';

/** @typedef {import('../../api/clans.js').ClanDetail} ClanDetail */

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function clanPage(place) {
  const id = decodeURIComponent(place.params[0]);
  const title = h('bdi', null, t('clan.title'));
  const head = [
    h(
      'nav',
      { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
      h('a', { href: '/app/clans' }, t('nav.clans')),
    ),
    pageHead(title),
  ];
  if (!may('meta:read')) {
    return {
      title: t('clan.title'),
      element: h('div', { class: 'page' }, head, forMembers(t('clans.guest'))),
    };
  }
  const parts = clanParts(id, () => content.reload());
  const content = region({
    load: (signal) => getClan(id, signal),
    className: 'stack',
    skeleton: () => h('div', { class: 'stack' }, skeleton(4, 'card'), skeleton(5, 'card')),
    refuse: (error) =>
      error instanceof ApiError && [400, 404, 422].includes(error.status) ? unknown() : null,
    render(clan, root) {
      document.title = `${clan.name} · Quartermaster`;
      title.textContent = clan.name;
      if (!root.contains(parts.element)) fill(root, parts.element);
      parts.update(clan);
    },
  });
  content.reload();
  const stop = onLive('resync', content.reload);
  return {
    title: t('clan.title'),
    element: h('div', { class: 'page' }, head, content.element),
    close() {
      stop();
      content.close();
    },
  };
}

/**
 * The parts that are made once, so that a refresh takes no text that is being typed.
 * @param {string} id
 * @param {() => void} changed
 */
function clanParts(id, changed) {
  const facts = h('div', null);
  const roster = rosterCard(id, changed);
  const invites = invitesCard(id, changed);
  const manage = manageCard(id, changed);
  const moderation = moderationCard(changed);
  const skins = h('div', null);
  const side = h('div', { class: 'stack' }, invites.element, moderation.element, skins);
  const element = h(
    'div',
    { class: 'stack' },
    facts,
    roster.element,
    h('div', { class: 'columns' }, side, manage.element),
  );

  /** @param {ClanDetail} clan */
  function update(clan) {
    keyed(
      facts,
      [clan],
      () => 'facts',
      () => summary(clan, changed),
    );
    roster.update(clan);
    invites.update(clan);
    manage.update(clan);
    moderation.update(clan);
    skins.hidden = clan.skins.length === 0;
    keyed(skins, [clan.skins], () => 'skins', clanSkins);
    side.hidden = [...side.children].every((one) => /** @type {HTMLElement} */ (one).hidden);
  }
  return { element, update };
}

function unknown() {
  return h(
    'div',
    { class: 'card' },
    empty(
      'shield',
      t('clan.unknown'),
      h('p', null, t('clan.unknown_hint')),
      h('p', null, h('a', { class: 'button', href: '/app/clans' }, t('nav.clans'))),
    ),
  );
}
