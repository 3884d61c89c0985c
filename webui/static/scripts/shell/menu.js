/** The menu of the top bar: who is signed in, theme, language, manual of the API. */

import { current, signOut } from '../api/session.js';
import { fill, h, name, uniqueId } from '../dom.js';
import { choice, languageChoice } from '../elements/choice.js';
import { failureText, signInHref } from '../elements/failure.js';
import { icon } from '../icons.js';
import { setTheme, theme, themes } from '../preferences.js';
import { t, tOr } from '../texts.js';
import { toast } from './toasts.js';

export function menu() {
  const id = uniqueId('menu');
  const panel = h('div', { id, class: 'menu-panel', hidden: true });
  const button = h('button', {
    type: 'button',
    class: 'menu-button',
    'aria-expanded': 'false',
    'aria-controls': id,
  });
  const element = h('div', { class: 'menu' }, button, panel);

  /** @param {boolean} open */
  function toggle(open) {
    if (open) fill(panel, account(close), themeChoice(), languageChoice(t('menu.language')), apiLink());
    panel.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
  }
  const close = () => toggle(false);

  button.addEventListener('click', () => toggle(panel.hasAttribute('hidden')));
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || panel.hidden) return;
    close();
    button.focus();
  });
  element.addEventListener('focusout', (event) => {
    const next = /** @type {Node | null} */ (event.relatedTarget);
    if (next && !element.contains(next)) close();
  });
  /** @param {Event} event */
  const outside = (event) => {
    if (!element.contains(/** @type {Node} */ (event.target))) close();
  };
  document.addEventListener('pointerdown', outside);

  /** Shows who is signed in. */
  function follow() {
    const who = current().account;
    fill(
      button,
      who ? h('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(who.name)) : icon('sliders'),
      h('span', { class: 'visually-hidden' }, who ? t('menu.account') : t('menu.settings')),
    );
    button.title = who ? who.name : t('menu.settings');
  }
  follow();
  return { element, follow, close, dispose: () => document.removeEventListener('pointerdown', outside) };
}

/** @param {string} text */
function initial(text) {
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text.trim());
  for (const { segment } of graphemes) return segment.toUpperCase();
  return '?';
}

/** @param {() => void} close */
function account(close) {
  const who = current().account;
  if (!who) {
    return h(
      'div',
      { class: 'menu-part' },
      h(
        'a',
        { class: 'menu-item', href: signInHref(), onclick: close },
        icon('signin'),
        t('session.sign_in'),
      ),
    );
  }
  const roles = who.roles.map((role) => tOr(`role.${role}`, role)).join(', ');
  return h(
    'div',
    { class: 'menu-part' },
    h(
      'p',
      { class: 'menu-who' },
      h('strong', null, name(who.name)),
      h('span', { class: 'soft' }, roles || t('role.player')),
    ),
    h('a', { class: 'menu-item', href: '/app/account', onclick: close }, icon('person'), t('account.title')),
    h(
      'button',
      { type: 'button', class: 'menu-item', onclick: () => leave(close) },
      icon('signout'),
      t('session.sign_out'),
    ),
  );
}

/** @param {() => void} close */
async function leave(close) {
  try {
    await signOut();
    close();
    toast(t('session.signed_out'));
  } catch (error) {
    toast(failureText(error), 'error');
  }
}

function themeChoice() {
  return choice(
    t('menu.theme'),
    themes.map((value) => ({ value, label: t(`theme.${value}`) })),
    theme(),
    (value) => setTheme(/** @type {import('../preferences.js').Theme} */ (value)),
  );
}

function apiLink() {
  return h(
    'div',
    { class: 'menu-part' },
    h('a', { class: 'menu-item', href: '/docs' }, icon('book'), t('menu.api')),
  );
}
