/** The frame around every page: skip link, navigation, top bar, content. */

import { current } from '../api/session.js';
import { fill, h } from '../dom.js';
import { signInHref } from '../elements/failure.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';
import { connection } from './connection.js';
import { menu } from './menu.js';
import { navigation } from './navigation.js';
import { search } from './search.js';

/** @typedef {ReturnType<typeof buildShell>} Shell */

export function buildShell() {
  const nav = navigation();
  const find = search();
  const settings = menu();
  const state = connection();
  const entry = h('span', { class: 'topbar-entry' });
  const content = h('main', { id: 'content', class: 'content', tabindex: -1 });
  const element = h(
    'div',
    { class: 'shell' },
    h('a', { class: 'skip', href: '#content', onclick: skip }, t('nav.skip')),
    h('header', { class: 'rail' }, brand(), nav.elements, state.element),
    h(
      'section',
      { class: 'topbar', 'aria-label': t('nav.tools') },
      brand(),
      find.element,
      entry,
      settings.element,
    ),
    content,
  );

  /** @param {Event} event */
  function skip(event) {
    event.preventDefault();
    content.focus();
  }

  /** Shows the account and the address as they are now. */
  function follow() {
    nav.mark(location.pathname);
    find.follow();
    settings.follow();
    settings.close();
    const bare = /^\/app\/(signin|setup)$/.test(location.pathname);
    element.classList.toggle('bare', bare);
    const guest = !current().account && !bare;
    fill(
      entry,
      guest &&
        h(
          'a',
          { class: 'button', href: signInHref() },
          icon('signin'),
          h('span', null, t('session.sign_in')),
        ),
    );
  }

  return {
    element,
    content,
    follow,
    focusSearch: find.focus,
    dispose() {
      nav.dispose();
      settings.dispose();
      state.dispose();
    },
  };
}

function brand() {
  return h(
    'a',
    { class: 'brand', href: '/app/' },
    h('img', { src: '/app/static/images/logo.svg', alt: '', width: 32, height: 32 }),
    h('span', { class: 'brand-name', translate: 'no' }, 'Quartermaster'),
  );
}
