/** The part of the API that is about players, for everybody and for moderators. */

import { call } from './client.js';
import { search } from './search.js';

/**
 * @typedef {object} Player
 * @property {string} id
 * @property {string} name
 * @property {string} created_at
 * @property {string} [last_online] Absent: never.
 * @property {boolean} verified
 * @property {boolean} closed
 */
/** @typedef {{ rating: number, rank: number, of: number, played: number, won: number }} Rating rank 0: not in the leaderboard. */
/** @typedef {import('./matches.js').Standing & { first_seen?: string, last_seen?: string }} Standing */
/**
 * @typedef {import('./matches.js').Match & { team: number, role: 'field' | 'commander' | 'both',
 *   outcome: 'won' | 'draw' | 'lost', rating?: import('./matches.js').Change }} Played
 *   rating: absent when he was not in the field.
 */
/** @typedef {Player & { clans: import('./clans.js').Belonging[], rating?: Rating }} Profile */

/**
 * @param {import('../elements/pager.js').Query} query q, state, sort, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ players: Player[], next: string, total: number }>}
 */
export function listPlayers(query, signal) {
  return call('GET', `/players${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Profile>}
 */
export function getPlayer(id, signal) {
  return call('GET', at(id), { signal });
}

/**
 * @param {string} id
 * @param {string} reason For the owner of the account.
 */
export function closePlayer(id, reason) {
  return call('PUT', `${account(id)}/closed`, { body: { reason } });
}

/** @param {string} id */
export function openPlayer(id) {
  return call('DELETE', `${account(id)}/closed`);
}

/**
 * @param {string} id
 * @param {string} name
 */
export function renamePlayer(id, name) {
  return call('PUT', `${account(id)}/name`, { body: { name } });
}

/** @param {string} id */
function at(id) {
  return `/players/${encodeURIComponent(id)}`;
}

/** @param {string} id */
function account(id) {
  return `/accounts/${encodeURIComponent(id)}`;
}

/**
 * What a player did on all servers and on each.
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ overall: Standing, servers: Standing[] }>}
 */
export function getStats(id, signal) {
  return call('GET', `${at(id)}/stats`, { signal });
}

/**
 * His matches, the newest first.
 * @param {string} id
 * @param {import('../elements/pager.js').Query} query server, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ matches: Played[], next: string, total: number }>}
 */
export function listPlayed(id, query, signal) {
  return call('GET', `${at(id)}/matches${search(query)}`, { signal });
}
