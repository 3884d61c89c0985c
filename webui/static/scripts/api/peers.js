/** The part of the API that is about the backup servers of others. */

import { call } from './client.js';

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').Peers>}
 */
export function getPeers(signal) {
  return call('GET', '/mods/peers', { signal });
}
