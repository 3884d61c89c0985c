/**
 * The search field of the top bar. On a page with a list it filters as one
 * types; elsewhere Enter opens the list of mods.
 */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { here, navigate } from '../router.js';
import { t } from '../texts.js';

const home = '/app/mods';
/** Pages whose list understands the parameter `q`, and what the field is called there. */
const lists = /** @type {const} */ ({
  '/app/mods': 'search.label',
  '/app/catalog': 'search.catalog',
  '/app/games': 'search.games',
  '/app/demos': 'search.demos',
  '/app/servers': 'search.servers',
  '/app/players': 'search.players',
  '/app/clans': 'search.clans',
});
const typingMs = 250;

export function search() {
  const input = h('input', {
    type: 'search',
    class: 'search-input',
    name: 'q',
    placeholder: t('search.placeholder'),
    'aria-label': t('search.label'),
    'aria-keyshortcuts': '/ Control+K',
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'search',
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {boolean} replace */
  function go(replace) {
    clearTimeout(timer);
    const at = here();
    const list = listAt(at.path) ?? home;
    const query = at.path === list ? at.query : new URLSearchParams();
    const wanted = input.value.trim();
    if (at.path === list && wanted === (query.get('q') ?? '')) return;
    if (wanted) query.set('q', wanted);
    else query.delete('q');
    navigate(query.size ? `${list}?${query}` : list, { replace });
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    if (listAt(here().path)) timer = setTimeout(() => go(true), typingMs);
  });
  const form = h(
    'form',
    { class: 'search', role: 'search' },
    icon('search'),
    input,
    h('kbd', { class: 'search-hint', 'aria-hidden': 'true' }, '/'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    go(listAt(here().path) !== null);
  });

  /** Shows the search of the address, unless somebody is typing, and says what is searched. */
  function follow() {
    const at = here();
    const list = listAt(at.path);
    const label = t(lists[list ?? home]);
    input.setAttribute('aria-label', label);
    input.placeholder =
      list && list !== '/app/mods' && list !== '/app/catalog' ? label : t('search.placeholder');
    if (document.activeElement === input) return;
    input.value = list ? (at.query.get('q') ?? '') : '';
  }
  return { element: form, follow, focus: () => input.select() };
}

/**
 * @param {string} path
 * @returns {keyof typeof lists | null}
 */
function listAt(path) {
  return path in lists ? /** @type {keyof typeof lists} */ (path) : null;
}
