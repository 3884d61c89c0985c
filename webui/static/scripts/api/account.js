/** One's own account: the Steam account and the key for recordings. */

import { call } from './client.js';
import { current, loadSession } from './session.js';

/** @typedef {import('./model.js').ApiKey} ApiKey */

/**
 * The address that leads to Steam and comes back to a page of ours.
 * @param {string} to
 * @param {boolean} [link] Link the Steam account instead of signing in.
 */
export function steamHref(to, link = false) {
  const query = new URLSearchParams({ to });
  if (link) query.set('link', 'true');
  return `/api/v1/session/steam?${query}`;
}

export async function unlinkSteam() {
  await call('DELETE', `/accounts/${current().account?.id}/steam`);
  await loadSession();
}

/**
 * The valid keys for recordings, the newest first.
 * @param {AbortSignal} [signal]
 * @returns {Promise<ApiKey[]>}
 */
export async function demosKeys(signal) {
  const answer = await call('GET', '/keys?limit=200', { signal });
  /** @param {ApiKey} key */
  const valid = (key) =>
    key.kind === 'demos' && !key.revoked_at && !(key.expires_at && Date.parse(key.expires_at) <= Date.now());
  return answer.keys.filter(valid);
}

/**
 * Makes a key for recordings; those before it end.
 * @returns {Promise<string>} The key, to be shown this once.
 */
export async function makeDemosKey() {
  const answer = await call('POST', '/keys', { body: { kind: 'demos', replace: true } });
  return answer.key;
}
