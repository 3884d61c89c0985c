/** What narrows the list of matches, all of it in the address. */

import { findPlayers } from '../../api/find.js';
import { getPlayer } from '../../api/players.js';
import { h } from '../../dom.js';
import { lookup } from '../../elements/lookup.js';
import { queryField, setQuery } from '../../elements/query.js';
import { here, navigate } from '../../router.js';
import { t } from '../../texts.js';
import { serverSelect } from './servers.js';

const narrowing = /** @type {const} */ (['server', 'player', 'from', 'to']);

/**
 * @param {URLSearchParams} query
 * @returns {import('../../elements/pager.js').Query}
 */
export function matchesQuery(query) {
  return {
    server: query.get('server') ?? '',
    player: query.get('player') ?? '',
    from: midnight(query.get('from') ?? '', 0),
    to: midnight(query.get('to') ?? '', 1),
  };
}

/**
 * The moment at which a day begins here; what is no day, from an address that
 * somebody wrote, narrows nothing.
 * @param {string} day YYYY-MM-DD
 * @param {number} later Days after it.
 */
function midnight(day, later) {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return '';
  const begins = new Date(`${day}T00:00`);
  if (Number.isNaN(begins.getTime())) return '';
  begins.setDate(begins.getDate() + later);
  return begins.toISOString();
}

/** @param {URLSearchParams} query */
export function narrowed(query) {
  return narrowing.some((key) => query.get(key));
}

export function matchFilters() {
  const server = serverSelect(t('match.server'), 'server', t('matches.any_server'));
  const player = playerFilter();
  const from = queryField(t('matches.from'), 'from', 'date');
  const to = queryField(t('matches.to'), 'to', 'date');
  const clear = h(
    'button',
    { type: 'button', class: 'button small', onclick: () => navigate('/app/matches', { replace: true }) },
    t('filter.clear'),
  );

  /** @param {URLSearchParams} query */
  function follow(query) {
    server.set(query.get('server') ?? '');
    player.follow(query.get('player') ?? '');
    from.set(query.get('from') ?? '');
    to.set(query.get('to') ?? '');
    clear.hidden = !narrowed(query);
  }
  return {
    element: h(
      'div',
      { class: 'filters match-filters', role: 'group', 'aria-label': t('filter.label') },
      server.element,
      player.element,
      from.element,
      to.element,
      clear,
    ),
    follow,
    close() {
      server.close();
      player.close();
      from.close();
      to.close();
    },
  };
}

/** A name in the field, a number in the address. */
function playerFilter() {
  const field = lookup({ label: t('clan.player'), find: findPlayers, className: 'filter lookup-filter' });
  /** Whose name stands in the field. */
  let shown = '';
  let controller = new AbortController();

  field.input.addEventListener('change', async () => {
    if (!field.input.value.trim()) {
      setQuery({ player: '' });
      return;
    }
    const found = await field.resolve();
    if (!found) return;
    shown = found.id;
    setQuery({ player: found.id });
  });

  /** @param {string} id */
  async function follow(id) {
    if (id === shown) return;
    shown = id;
    field.say('');
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    field.input.value = id && `#${id}`;
    if (!id) return;
    try {
      const { name } = await getPlayer(id, signal);
      if (here().query.get('player') === id) field.input.value = name;
    } catch {
      // The number stays there; the list says what is wrong with it.
    }
  }
  return {
    element: field.element,
    follow,
    close() {
      controller.abort();
      field.close();
    },
  };
}
