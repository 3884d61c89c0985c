/** The part of the API that is about which recordings are kept. */

import { call } from '../client.js';

/** @typedef {import('./model.js').Retention} Retention */

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<Retention>}
 */
export function getRetention(signal) {
  return call('GET', '/demos/retention', { signal });
}

/** @param {Retention} rules */
export function putRetention(rules) {
  return call('PUT', '/demos/retention', { body: rules });
}

/** Takes the rules of the configuration again. */
export function resetRetention() {
  return call('DELETE', '/demos/retention');
}

/**
 * @param {boolean} dryRun Only says what would be deleted.
 * @returns {Promise<import('./model.js').Pruned>}
 */
export function prune(dryRun) {
  return call('POST', '/demos/prune', { body: { dry_run: dryRun } });
}
