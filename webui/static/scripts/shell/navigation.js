/**
 * The main navigation. On wide screens all places stand in a rail beside the
 * page, in groups; on phones the first of them are in a bar below it and a
 * button opens the rest.
 */

import { demosOn, mayJudge } from '../api/demos/library.js';
import { current, may } from '../api/session.js';
import { h, uniqueId } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';

/**
 * @typedef {object} Entry
 * @property {string} href
 * @property {import('../texts.js').Key} key
 * @property {import('../icons.js').IconName} icon
 * @property {RegExp} match The addresses that belong to it.
 * @property {boolean} [bar] Also in the bar of phones, which has room for three.
 * @property {() => boolean} [when] Whether it is there for this caller; asked whenever a page is shown.
 */

const metaserverOn = () => current().metaserver;

/** @type {{ key: import('../texts.js').Key | null, entries: Entry[] }[]} */
const groups = [
  {
    key: null,
    entries: [
      { href: '/app/', key: 'nav.overview', icon: 'overview', match: /^\/app\/?(overview)?$/, bar: true },
    ],
  },
  {
    key: 'nav.group.mods',
    entries: [
      { href: '/app/mods', key: 'nav.mods', icon: 'mods', match: /^\/app\/mods(\/|$)/, bar: true },
      { href: '/app/catalog', key: 'nav.catalog', icon: 'catalog', match: /^\/app\/catalog\/?$/, bar: true },
      { href: '/app/games', key: 'nav.games', icon: 'game', match: /^\/app\/games(\/|$)/ },
      { href: '/app/radar', key: 'nav.radar', icon: 'radar', match: /^\/app\/radar\/?$/ },
      { href: '/app/fastdl', key: 'nav.fastdl', icon: 'download', match: /^\/app\/fastdl\/?$/ },
    ],
  },
  {
    key: 'nav.group.demos',
    entries: [
      {
        href: '/app/demos',
        key: 'nav.demos',
        icon: 'film',
        match: /^\/app\/demos(\/|$)/,
        when: demosOn,
      },
      {
        href: '/app/queue',
        key: 'nav.queue',
        icon: 'inbox',
        match: /^\/app\/queue\/?$/,
        when: () => demosOn() && mayJudge(),
      },
      {
        href: '/app/reports',
        key: 'nav.reports',
        icon: 'flag',
        match: /^\/app\/reports\/?$/,
        when: () => demosOn() && may('demos:moderate'),
      },
    ],
  },
  {
    key: 'nav.group.meta',
    entries: [
      {
        href: '/app/servers',
        key: 'nav.servers',
        icon: 'terminal',
        match: /^\/app\/servers(\/|$)/,
        when: metaserverOn,
      },
      {
        href: '/app/players',
        key: 'nav.players',
        icon: 'person',
        match: /^\/app\/players(\/|$)/,
        when: metaserverOn,
      },
      {
        href: '/app/clans',
        key: 'nav.clans',
        icon: 'banner',
        match: /^\/app\/clans(\/|$)/,
        when: metaserverOn,
      },
      {
        href: '/app/matches',
        key: 'nav.matches',
        icon: 'swords',
        match: /^\/app\/matches(\/|$)/,
        when: metaserverOn,
      },
      {
        href: '/app/leaderboards',
        key: 'nav.leaderboards',
        icon: 'trophy',
        match: /^\/app\/leaderboards\/?$/,
        when: metaserverOn,
      },
      {
        href: '/app/skins',
        key: 'nav.skins',
        icon: 'hanger',
        match: /^\/app\/skins\/?$/,
        when: () => metaserverOn() && may('admin'),
      },
    ],
  },
  {
    key: 'nav.group.host',
    entries: [
      { href: '/app/statistics', key: 'nav.statistics', icon: 'chart', match: /^\/app\/statistics\/?$/ },
      { href: '/app/storage', key: 'nav.storage', icon: 'disk', match: /^\/app\/storage\/?$/ },
      { href: '/app/peers', key: 'nav.peers', icon: 'link', match: /^\/app\/peers\/?$/ },
      {
        href: '/app/mail',
        key: 'nav.mail',
        icon: 'inbox',
        match: /^\/app\/mail\/?$/,
        when: () => may('admin'),
      },
    ],
  },
];

export function navigation() {
  const id = uniqueId('nav');
  const sections = groups.map(({ key, entries }) => {
    const title = key && h('p', { id: `${id}-${key}`, class: 'nav-title' }, t(key));
    return h(
      'div',
      { class: 'nav-group' },
      title,
      h(
        'ul',
        { 'aria-labelledby': title ? title.id : null },
        // What is not for everybody shows when it is known who looks, never before.
        entries.map((entry) => h('li', entry.when ? { hidden: true } : null, link(entry))),
      ),
    );
  });
  const all = h('nav', { id, class: 'nav', 'aria-label': t('nav.label') }, sections);
  const button = h(
    'button',
    { type: 'button', class: 'nav-link', 'aria-expanded': 'false', 'aria-controls': id },
    icon('more'),
    h('span', null, t('nav.more')),
  );
  const first = groups.flatMap(({ entries }) => entries.filter((entry) => entry.bar));
  const bar = h('nav', { class: 'nav-bar', 'aria-label': t('nav.bar') }, first.map(link), button);
  const dispose = sheet(all, bar, button);

  /** @param {string} path */
  function mark(path) {
    show(groups, sections);
    for (const each of [...all.querySelectorAll('a'), ...bar.querySelectorAll('a')]) {
      const entry = groups.flatMap(({ entries }) => entries).find((one) => one.match.test(path));
      if (entry && each.getAttribute('href') === entry.href) {
        each.setAttribute('aria-current', 'page');
        if (all.contains(each)) bringIntoView(all, each);
      } else each.removeAttribute('aria-current');
    }
    open(all, button, false);
  }
  return { elements: [all, bar], mark, dispose };
}

/**
 * Hides what is not there for this caller, and groups of which nothing is left.
 * @param {{ entries: Entry[] }[]} known
 * @param {HTMLElement[]} sections
 */
function show(known, sections) {
  for (const [at, { entries }] of known.entries()) {
    const items = sections[at].querySelectorAll('li');
    entries.forEach(({ when }, i) => (items[i].hidden = when ? !when() : false));
    sections[at].hidden = [...items].every((item) => item.hidden);
  }
}

/**
 * The rail is longer than low screens; the page itself does not move.
 * @param {HTMLElement} all
 * @param {HTMLElement} place
 */
function bringIntoView(all, place) {
  const [frame, inner] = [all.getBoundingClientRect(), place.getBoundingClientRect()];
  if (inner.bottom > frame.bottom) all.scrollTop += inner.bottom - frame.bottom;
  else if (inner.top < frame.top) all.scrollTop -= frame.top - inner.top;
}

/** @param {Entry} entry */
function link(entry) {
  return h('a', { href: entry.href, class: 'nav-link' }, icon(entry.icon), h('span', null, t(entry.key)));
}

/**
 * @param {HTMLElement} all
 * @param {HTMLElement} button
 * @param {boolean} wanted
 */
function open(all, button, wanted) {
  all.classList.toggle('open', wanted);
  button.setAttribute('aria-expanded', String(wanted));
}

/**
 * The places as a sheet that the button opens, and that Escape, a press beside
 * it or leaving it close. On wide screens the button is not there.
 * @param {HTMLElement} all
 * @param {HTMLElement} bar
 * @param {HTMLElement} button
 * @returns {() => void} Stops listening.
 */
function sheet(all, bar, button) {
  const isOpen = () => all.classList.contains('open');
  button.addEventListener('click', () => {
    open(all, button, !isOpen());
    if (isOpen()) all.querySelector('a')?.focus();
  });
  /** @param {KeyboardEvent} event */
  const escape = (event) => {
    if (event.key !== 'Escape' || !isOpen()) return;
    open(all, button, false);
    button.focus();
  };
  /** @param {Node | null} target */
  const outside = (target) => target && !all.contains(target) && !bar.contains(target);
  for (const part of [all, bar]) {
    part.addEventListener('keydown', escape);
    part.addEventListener('focusout', (event) => {
      if (outside(/** @type {Node | null} */ (event.relatedTarget))) open(all, button, false);
    });
  }
  /** @param {Event} event */
  const press = (event) => {
    if (outside(/** @type {Node} */ (event.target))) open(all, button, false);
  };
  document.addEventListener('pointerdown', press);
  return () => document.removeEventListener('pointerdown', press);
}
