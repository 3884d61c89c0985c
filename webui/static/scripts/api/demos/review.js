/** The part of the API that is for analysts and moderators of recordings. */

import { call } from '../client.js';
import { at, search } from './address.js';

/** @typedef {import('../../elements/pager.js').Query} Query */

/**
 * @param {Query} query algorithm, limit.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ demos: import('./model.js').Demo[], total: number }>}
 */
export function getReviewQueue(query, signal) {
  return call('GET', `/demos/queue${search(query)}`, { signal });
}

/** @param {string} id */
export function takeLease(id) {
  return call('POST', `${at(id)}/lease`);
}

/** @param {string} id */
export function giveBack(id) {
  return call('DELETE', `${at(id)}/lease`);
}

/**
 * @param {string} id
 * @param {{ target: string, verdict: string, note: string }} review
 */
export function putReview(id, review) {
  return call('PUT', `${at(id)}/reviews`, { body: review });
}

/**
 * @param {Query} query state, target, reason, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ reports: import('./model.js').InboxReport[], next: string, total: number }>}
 */
export function listReports(query, signal) {
  return call('GET', `/demos/reports${search(query)}`, { signal });
}

/**
 * @param {string} session
 * @param {string} target
 */
export function handleReport(session, target) {
  return call('POST', `/demos/reports/${encodeURIComponent(session)}/${encodeURIComponent(target)}/handled`);
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ broadcasts: import('./model.js').Broadcast[] }>}
 */
export function listBroadcasts(signal) {
  return call('GET', '/demos/broadcasts', { signal });
}

/**
 * @param {string} message
 * @param {string} importance
 */
export function postBroadcast(message, importance) {
  return call('POST', '/demos/broadcasts', { body: { message, importance } });
}

/** @param {string} message */
export function deleteBroadcast(message) {
  return call('DELETE', `/demos/broadcasts${search({ message })}`);
}
