/** Words and small parts that the list of game servers and the page of one share. */

import { h } from '../../dom.js';
import { coloured } from '../../elements/coloured.js';
import { number } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { isFavourite, toggleFavourite } from './favourites.js';

/** @typedef {import('../../api/serverlist.js').ListedServer} ListedServer */

/** @param {ListedServer} server */
export function serverName(server) {
  return server.plain_name ? coloured(server.name) : h('bdi', null, server.connect);
}

/**
 * "12 / 32". What nobody knows is said so: a server that is silent may have
 * any number of players, and room for 0 means that it does not tell.
 * @param {ListedServer} server
 */
export function fullness(server) {
  if (!server.online) return h('span', { class: 'soft' }, t('servers.unknown'));
  const room = server.max_players > 0 ? number(server.max_players) : '?';
  const full = server.max_players > 0 && server.players >= server.max_players;
  return h(
    'span',
    { class: `nowrap ${full ? 'wrong' : ''}`.trim() },
    t('servers.players_of', { players: number(server.players), room }),
    full && h('span', { class: 'visually-hidden' }, ` ${t('servers.full')}`),
  );
}

/**
 * The address that starts the game and joins; only Steam's games know one.
 * @param {ListedServer} server
 */
export function joinHref(server) {
  return server.app && server.online ? `steam://connect/${server.connect}` : '';
}

/** The line for the console of the game. @param {ListedServer} server */
export function connectLine(server) {
  return `connect ${server.connect}`;
}

/**
 * @param {ListedServer} server
 * @param {{ changed?: () => void, words?: boolean }} [options]
 */
export function favouriteButton(server, { changed, words = false } = {}) {
  const label = h('span', { class: words ? '' : 'visually-hidden' });
  const button = h(
    'button',
    {
      type: 'button',
      class: words ? 'button star' : 'icon-button star over',
      'data-focus': `favourite-${server.id}`,
    },
    icon('star'),
    label,
  );
  const show = () => {
    const is = isFavourite(server.id);
    button.setAttribute('aria-pressed', String(is));
    label.textContent = words
      ? t('servers.favourite')
      : t('servers.favourite_of', { name: server.plain_name || server.connect });
  };
  button.addEventListener('click', () => {
    const is = toggleFavourite(server.id);
    toast(is ? t('servers.remembered') : t('servers.forgotten'), 'quiet');
    show();
    changed?.();
  });
  show();
  return button;
}
