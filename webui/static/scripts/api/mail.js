/** The mails that wait or were given up; for administrators. */

import { call } from './client.js';
import { search } from './search.js';

/**
 * @typedef {object} Mail
 * @property {string} id
 * @property {string} to
 * @property {string} subject
 * @property {string} created_at
 * @property {string} [next_try] Absent: it was given up.
 * @property {number} attempts
 * @property {string} [failed_at] Absent: it waits.
 * @property {string} reason What the server said last.
 */

/**
 * @param {import('../elements/pager.js').Query} query failed, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ mails: Mail[], total: number, next: string, ready: boolean }>}
 */
export function listMails(query, signal) {
  return call('GET', `/mail${search(query)}`, { signal });
}

/**
 * Sends a test mail at once.
 * @param {string} to
 * @param {string} lang
 * @returns {Promise<{ where: string }>} What took it.
 */
export function sendTestMail(to, lang) {
  return call('POST', '/mail/test', { body: { to, lang } });
}

/** @param {string} id */
export function retryMail(id) {
  return call('POST', `/mail/${encodeURIComponent(id)}/retry`);
}
