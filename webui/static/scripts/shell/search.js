/**
 * The search field of the top bar. On the list of mods it filters as one
 * types; elsewhere Enter opens the list.
 */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { here, navigate } from '../router.js';
import { t } from '../texts.js';

const list = '/app/mods';
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
    const query = at.path === list ? at.query : new URLSearchParams();
    const wanted = input.value.trim();
    if (at.path === list && wanted === (query.get('q') ?? '')) return;
    if (wanted) query.set('q', wanted);
    else query.delete('q');
    navigate(query.size ? `${list}?${query}` : list, { replace });
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    if (here().path === list) timer = setTimeout(() => go(true), typingMs);
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
    go(here().path === list);
  });

  /** Shows the search of the address, unless somebody is typing. */
  function follow() {
    if (document.activeElement === input) return;
    const at = here();
    input.value = at.path === list ? (at.query.get('q') ?? '') : '';
  }
  return { element: form, follow, focus: () => input.select() };
}
