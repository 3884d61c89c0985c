/** The part of the API that is about the mods of game servers. */

import { call } from './client.js';

/** @typedef {import('./model.js').GameServer} GameServer */

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ servers: GameServer[] }>}
 */
export function getServers(signal) {
  return call('GET', '/mods/servers', { signal });
}

/**
 * Makes a server, or replaces its mods and collections.
 * @param {string} name
 * @param {{ mods: { id: string }[], collections: string[], webhook?: string, webhook_secret?: string }} list
 *   A webhook and a secret that are left out stay as they are.
 * @returns {Promise<GameServer>}
 */
export function putServer(name, list) {
  return call('PUT', path(name), { body: list });
}

/** @param {string} name */
export function deleteServer(name) {
  return call('DELETE', path(name));
}

/**
 * Says that a server was started just now.
 * @param {string} name
 * @returns {Promise<GameServer>}
 */
export function reportRestart(name) {
  return call('POST', `${path(name)}/restarted`);
}

/**
 * Sends a message to its webhook; fails when it does not arrive.
 * @param {string} name
 */
export function testWebhook(name) {
  return call('POST', `${path(name)}/webhook-test`);
}

/** @param {string} name */
function path(name) {
  return `/mods/servers/${encodeURIComponent(name)}`;
}
