/** One's own account: who one is, how one signs in, one's clans and game servers, one's data. */

import { getMe } from '../../api/me.js';
import { current } from '../../api/session.js';
import { fill, h, name } from '../../dom.js';
import { pageHead, skeleton } from '../../elements/blocks.js';
import { signInHref } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { ownClans } from '../clans/own.js';
import { dataCard } from './data.js';
import { emailCard } from './email.js';
import { keyCard } from './key.js';
import { nameCard } from './name.js';
import { ownServers } from './servers.js';
import { passwordCard } from './password.js';
import { steamCard, steamOutcome } from './steam.js';

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function accountPage(place) {
  const title = t('account.title');
  const who = current().account;
  if (!who) return { title, element: guest(title) };
  const key = keyCard();
  const meta = current().metaserver;
  const servers = meta ? ownServers() : null;
  const clans = meta ? ownClans(() => {}) : null;
  const personal = personalCards();
  const notice = steamOutcome(place.query.get('steam'));
  if (notice) history.replaceState(null, '', place.path); // told once
  const changed = () => {
    notice?.remove();
    key.reload();
  };
  const shown = h('span', null, name(who.name));
  personal.onUpdate((me) => {
    fill(shown, name(me.name));
    servers?.offer();
  });
  const stop = onLive('resync', () => {
    personal.reload();
    servers?.refresh();
    clans?.refresh();
  });
  const element = h(
    'div',
    { class: 'page account' },
    pageHead(title, h('p', { class: 'soft' }, shown), meta && profileLink(who.id)),
    notice,
    personal.element,
    servers?.element ?? null,
    clans?.element ?? null,
    personal.rest,
    h('div', { class: 'columns' }, [steamCard(changed), key.element]),
    personal.data,
  );
  return {
    title,
    element,
    close() {
      stop();
      key.close();
      servers?.close();
      clans?.close();
      personal.close();
    },
  };
}

/** @param {string} id */
function profileLink(id) {
  return h('a', { class: 'button small', href: `/app/players/${id}` }, icon('person'), t('account.public'));
}

/** @param {string} title */
function guest(title) {
  return h(
    'div',
    { class: 'page' },
    pageHead(title),
    h('p', { class: 'notice note' }, icon('info'), h('span', null, t('account.guest'))),
    h('p', null, h('a', { class: 'button primary', href: signInHref() }, t('session.sign_in'))),
  );
}

/** The cards that show the account itself; made once, so that nothing typed is lost. */
function personalCards() {
  /** @type {(me: import('../../api/me.js').Me) => void} */
  let updated = () => {};
  /** @param {import('../../api/me.js').Me} me */
  function update(me) {
    for (const part of parts) part.update(me);
    updated(me);
  }
  const [email, password, naming, data] = [emailCard(update), passwordCard(), nameCard(update), dataCard()];
  const parts = [email, password, naming, data];
  const rest = h('div', { class: 'columns', hidden: true }, [password.element, naming.element]);
  data.element.hidden = true;
  const content = region({
    load: getMe,
    skeleton: () => skeleton(3, 'card'),
    render(me, root) {
      if (!root.contains(email.element)) fill(root, email.element);
      rest.hidden = false;
      data.element.hidden = false;
      update(me);
    },
  });
  content.reload();
  return {
    element: content.element,
    rest,
    data: data.element,
    reload: content.reload,
    close: content.close,
    /** @param {(me: import('../../api/me.js').Me) => void} listener */
    onUpdate: (listener) => {
      updated = listener;
    },
  };
}
