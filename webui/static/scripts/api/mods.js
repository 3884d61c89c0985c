/** The part of the API that is about mods. */

import { call } from './client.js';

/** @typedef {import('./model.js').Mod} Mod */

/**
 * @param {Record<string, string>} filters q, state, sort, app, limit, cursor; empty values are left out.
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').ModList>}
 */
export function listMods(filters, signal) {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ''));
  return call('GET', `/mods?${query}`, { signal });
}

/**
 * @param {string} item Decimal, m<hex> or 0x<hex>.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Mod>}
 */
export function getMod(item, signal) {
  return call('GET', `/mods/${encodeURIComponent(item)}`, { signal });
}

/**
 * @param {string} item An id in any spelling, or a Workshop address.
 * @returns {Promise<import('./model.js').Job>}
 */
export function addMod(item) {
  return call('POST', '/mods', { body: { item } });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ jobs: import('./model.js').Job[] }>}
 */
export function getQueue(signal) {
  return call('GET', '/mods/queue', { signal });
}

/** @param {string} id */
export function retryJob(id) {
  return call('POST', `/mods/queue/${encodeURIComponent(id)}/retry`);
}

/** @param {string} id */
export function cancelJob(id) {
  return call('DELETE', `/mods/queue/${encodeURIComponent(id)}`);
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').ModStatus>}
 */
export function getStatus(signal) {
  return call('GET', '/mods/status', { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').BackupServers>}
 */
export function getBackupServers(signal) {
  return call('GET', '/mods/backup-servers', { signal });
}

/**
 * @param {string} item
 * @param {number} version Unix seconds.
 */
function versionPath(item, version) {
  return `/mods/${encodeURIComponent(item)}/versions/${version}`;
}

/**
 * @param {string} item
 * @param {number} version Unix seconds.
 * @returns {Promise<{ ok: boolean, reason?: string }>}
 */
export function verifyVersion(item, version) {
  return call('POST', `${versionPath(item, version)}/verify`);
}

/**
 * @param {string} item
 * @param {number} version Unix seconds.
 * @param {boolean} pinned
 */
export function pinVersion(item, version, pinned) {
  return call(pinned ? 'PUT' : 'DELETE', `${versionPath(item, version)}/pin`);
}

/**
 * @param {string} item
 * @param {number} version Unix seconds.
 * @param {boolean} force Deletes even the last copy.
 */
export function deleteVersion(item, version, force) {
  return call('DELETE', versionPath(item, version) + (force ? '?force=true' : ''));
}
