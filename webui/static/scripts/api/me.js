/** One's own account: name, address, password, invitations; making one, and getting in again. */

import { call } from './client.js';
import { adopt, loadSession } from './session.js';

/**
 * @typedef {object} Me
 * @property {string} id
 * @property {string} name
 * @property {string[]} roles
 * @property {string} [email]
 * @property {string} [verified_at] Absent: the address is not proved.
 * @property {string} [new_email] The address that waits for its code.
 * @property {string} [steam_id]
 * @property {boolean} has_password
 * @property {string} created_at
 * @property {string} [last_online]
 */

/** The address of everything that is kept about the caller. */
export const exportHref = '/api/v1/me/export';

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<Me>}
 */
export function getMe(signal) {
  return call('GET', '/me', { signal });
}

/** @param {string} name @returns {Promise<Me>} */
export async function changeName(name) {
  const me = await call('PUT', '/me/name', { body: { name } });
  await loadSession();
  return me;
}

/**
 * @param {string} current '' when the account has none.
 * @param {string} password
 */
export function changePassword(current, password) {
  return call('PUT', '/me/password', { body: current ? { current, password } : { password } });
}

/**
 * @param {string} email
 * @param {string} password '' when the account has none.
 * @returns {Promise<Me>}
 */
export function changeEmail(email, password) {
  return call('PUT', '/me/email', { body: password ? { email, password } : { email } });
}

/**
 * @param {string} code As it was mailed.
 * @returns {Promise<Me>}
 */
export async function verifyEmail(code) {
  const me = await call('POST', '/me/email/verify', { body: { code } });
  await loadSession(); // what one may do grows with it
  return me;
}

/** Has another code mailed. */
export function resendCode() {
  return call('POST', '/me/email/code');
}

/** @param {string} password '' when the account has none. */
export async function deleteMe(password) {
  await call('DELETE', '/me', { body: password ? { password } : {} });
  await loadSession();
}

/**
 * Makes an account and signs in.
 * @param {string} email
 * @param {string} name
 * @param {string} password
 */
export async function register(email, name, password) {
  adopt(await call('POST', '/registration', { body: { email, name, password } }));
}

/** @param {string} email */
export function requestReset(email) {
  return call('POST', '/password-reset', { body: { email } });
}

/**
 * @param {string} email
 * @param {string} code
 * @param {string} password The new one.
 */
export function confirmReset(email, code, password) {
  return call('POST', '/password-reset/confirm', { body: { email, code, password } });
}
