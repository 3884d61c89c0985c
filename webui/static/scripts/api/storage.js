/** The part of the API that is about the room that mods take. */

import { call } from './client.js';

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').Storage>}
 */
export function getStorage(signal) {
  return call('GET', '/mods/storage', { signal });
}

/**
 * Removes what may go.
 * @param {boolean} dryRun Only says what would be removed.
 * @returns {Promise<import('./model.js').Tidied>}
 */
export function tidy(dryRun) {
  return call('POST', '/mods/gc', { body: { dry_run: dryRun } });
}
