/** The operator's summary of the daemon. */

import { call } from './client.js';

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').Overview>}
 */
export function getOverview(signal) {
  return call('GET', '/overview', { signal });
}
