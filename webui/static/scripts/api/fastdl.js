/** The part of the API that is about the game files players download. */

import { call } from './client.js';

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ trees: import('./model.js').Tree[] }>}
 */
export function getTrees(signal) {
  return call('GET', '/fastdl', { signal });
}

/**
 * What players asked for in vain, the most wanted first.
 * @param {string} name
 * @param {number} limit
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ misses: import('./model.js').Miss[], total: number }>}
 */
export function getMisses(name, limit, signal) {
  return call('GET', `${path(name)}/misses?limit=${limit}`, { signal });
}

/** @param {string} name */
export function forgetMisses(name) {
  return call('DELETE', `${path(name)}/misses`);
}

/**
 * Reads the game folders and says what keeps players from downloading.
 * @param {string} name
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').Lint>}
 */
export function lintTree(name, signal) {
  return call('GET', `${path(name)}/lint`, { signal });
}

/** @param {string} name */
export function scanTree(name) {
  return call('POST', `${path(name)}/scan`);
}

/** @param {string} name */
function path(name) {
  return `/fastdl/${encodeURIComponent(name)}`;
}
