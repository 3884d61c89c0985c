/** The part of the API that is about recordings and what is said of them. */

import { call } from '../client.js';
import { current, may } from '../session.js';
import { at, search } from './address.js';

/** @typedef {import('./model.js').Demo} Demo */
/** @typedef {import('../../elements/pager.js').Query} Query */

/** Whether recordings are taken here, and are something for this caller. */
export function demosOn() {
  return current().demos && may('demos:read');
}

/** Whether everybody's recordings are shown, and may be judged. */
export function mayJudge() {
  return may('demos:analyse') || may('demos:moderate');
}

/**
 * @param {Query} query map, server, player, uploader, from, to, state, source, flagged, q, sort, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ demos: Demo[], next: string, total: number }>}
 */
export function listDemos(query, signal) {
  return call('GET', `/demos${search(query)}`, { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ demos: import('./model.js').LiveDemo[] }>}
 */
export function listLive(signal) {
  return call('GET', '/demos/live', { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').DemoDetail>}
 */
export function getDemo(id, signal) {
  return call('GET', at(id), { signal });
}

/** The address of a recording's bytes. @param {string} id */
export function fileHref(id) {
  return `/api/v1${at(id)}/file`;
}

/** @param {string} id */
export function deleteDemo(id) {
  return call('DELETE', at(id));
}

/**
 * @param {string} from YYYY-MM-DD
 * @param {string} to YYYY-MM-DD
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ days: import('./model.js').RecordedDay[] }>}
 */
export function getCalendar(from, to, signal) {
  return call('GET', `/demos/calendar${search({ from, to })}`, { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').DemoStorage>}
 */
export function getDemoStorage(signal) {
  return call('GET', '/demos/storage', { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ evidence: import('./model.js').Evidence[] }>}
 */
export function listEvidence(id, signal) {
  return call('GET', `${at(id)}/evidence`, { signal });
}

/**
 * @param {string} id
 * @param {{ tick: number, note: string, expires_in: number }} shown expires_in: seconds, 0 = never.
 * @returns {Promise<{ url: string }>}
 */
export function shareEvidence(id, shown) {
  return call('POST', `${at(id)}/evidence`, { body: shown });
}

/**
 * @param {string} id
 * @param {string} evidence
 */
export function revokeEvidence(id, evidence) {
  return call('DELETE', `${at(id)}/evidence/${encodeURIComponent(evidence)}`);
}

/**
 * @param {string} token
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').SharedEvidence>}
 */
export function getEvidence(token, signal) {
  return call('GET', `/evidence/${encodeURIComponent(token)}`, { signal });
}
