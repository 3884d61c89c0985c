/** The main navigation: a rail beside the page on wide screens, a bar below it on phones. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';

/** @typedef {{ href: string, key: 'nav.overview' | 'nav.mods', icon: import('../icons.js').IconName, match: RegExp }} Entry */

/** @type {Entry[]} */
const entries = [
  { href: '/app/', key: 'nav.overview', icon: 'overview', match: /^\/app\/?(overview)?$/ },
  { href: '/app/mods', key: 'nav.mods', icon: 'mods', match: /^\/app\/mods(\/|$)/ },
];

export function navigation() {
  const links = entries.map((entry) =>
    h('a', { href: entry.href, class: 'nav-link' }, icon(entry.icon), h('span', null, t(entry.key))),
  );
  const element = h('nav', { class: 'nav', 'aria-label': t('nav.label') }, links);

  /** @param {string} path */
  function mark(path) {
    entries.forEach((entry, i) => {
      if (entry.match.test(path)) links[i].setAttribute('aria-current', 'page');
      else links[i].removeAttribute('aria-current');
    });
  }
  return { element, mark };
}
