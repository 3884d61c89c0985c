/** The part of the API that is about the list of game servers. */

import { call } from './client.js';
import { search } from './search.js';

/**
 * @typedef {object} ListedServer
 * @property {string} id
 * @property {string} name With colours.
 * @property {string} plain_name
 * @property {string} [description]
 * @property {string} host
 * @property {number} port
 * @property {string} connect Host and port.
 * @property {string} [game_type]
 * @property {string} [map]
 * @property {number} players
 * @property {number} max_players
 * @property {boolean} passworded
 * @property {string} [region]
 * @property {string} [version]
 * @property {string} [app] Application id at Steam.
 * @property {{ id: string, url?: string }[]} mods
 * @property {boolean} online
 * @property {string} [updated] Its last heartbeat.
 */
/**
 * @typedef {object} OwnServerPart
 * @property {string} host_name
 * @property {number} host_port
 * @property {string} [public_host]
 * @property {number} [public_port]
 * @property {'open' | 'hidden' | 'closed'} state
 * @property {string} [reason] Why a moderator hid or closed it.
 * @property {string} [state_at]
 * @property {string} created
 * @property {string} [offline_at]
 * @property {Listing} listing
 * @property {Check} [check] The last one from outside.
 * @property {{ id: string, name?: string }} [owner] Moderators only.
 */
/** @typedef {ListedServer & OwnServerPart} OwnServer */
/** @typedef {{ listed: boolean, code: string, text: string, warnings: { code: string, text: string }[] }} Listing */
/**
 * @typedef {object} Check
 * @property {string} outcome
 * @property {string} text
 * @property {string} kind
 * @property {string} host
 * @property {number} port
 * @property {string} [address]
 * @property {string} at
 * @property {number} [millis]
 * @property {boolean} current Of the address that players connect to now.
 */
/**
 * @typedef {object} ServerDetails What an owner says; what is left out stays as it is.
 * @property {string} [name]
 * @property {string} [description]
 * @property {string} [host_name]
 * @property {number} [port]
 * @property {string} [game_type]
 * @property {number} [max_players]
 * @property {string} [public_host]
 * @property {number} [public_port]
 */
/** @typedef {{ at: string, servers: number, players: number }} ListPoint The most in five minutes. */
/** @typedef {{ points: ListPoint[], now: { servers: number, players: number } }} ListHistory */

/**
 * @param {import('../elements/pager.js').Query} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ servers: ListedServer[], next: string, total: number, totals: { servers: number, players: number } }>}
 */
export function listServers(query, signal) {
  return call('GET', `/serverlist${search(query)}`, { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<ListHistory>}
 */
export function getListHistory(signal) {
  return call('GET', '/serverlist/history', { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<ListedServer>}
 */
export function getListedServer(id, signal) {
  return call('GET', at(id), { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ servers: OwnServer[], total: number, most: number }>}
 */
export function listOwnServers(signal) {
  return call('GET', '/me/servers', { signal });
}

/**
 * @param {ServerDetails} details
 * @returns {Promise<OwnServer & { password: string }>}
 */
export function registerServer(details) {
  return call('POST', '/me/servers', { body: details });
}

/**
 * @param {string} id
 * @param {ServerDetails} details
 * @returns {Promise<OwnServer>}
 */
export function editServer(id, details) {
  return call('PATCH', mine(id), { body: details });
}

/** @param {string} id */
export function deleteServer(id) {
  return call('DELETE', mine(id));
}

/**
 * @param {string} id
 * @returns {Promise<OwnServer & { password: string }>}
 */
export function rotatePassword(id) {
  return call('POST', `${mine(id)}/rotate`);
}

/** @param {string} id @returns {Promise<OwnServer>} */
export function takeOffline(id) {
  return call('POST', `${mine(id)}/offline`);
}

/** @param {string} id @returns {Promise<OwnServer>} */
export function checkServer(id) {
  return call('POST', `${mine(id)}/check`);
}

/**
 * @param {import('../elements/pager.js').Query} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ servers: OwnServer[], next: string, total: number }>}
 */
export function listRegistered(query, signal) {
  return call('GET', `/serverlist/registered${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {'open' | 'hidden' | 'closed'} state
 * @param {string} reason For the owner.
 * @returns {Promise<OwnServer>}
 */
export function moderateServer(id, state, reason) {
  return call('PUT', `${at(id)}/state`, { body: { state, reason } });
}

/** @param {string} id */
function at(id) {
  return `/serverlist/${encodeURIComponent(id)}`;
}

/** @param {string} id */
function mine(id) {
  return `/me/servers/${encodeURIComponent(id)}`;
}
