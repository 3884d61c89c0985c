/**
 * Who is signed in. One session per page; it tells its listeners when the
 * caller changes.
 */

import { call, useCsrf } from './client.js';

/** @typedef {import('./model.js').Session} Session */

/** @type {Session} */
let session = {
  account: null,
  scopes: [],
  needs_setup: false,
  steam_sign_in: false,
  registration: false,
  mail: false,
  metaserver: false,
  csrf: '',
  demos: false,
};

const changes = new EventTarget();

useCsrf(() => session.csrf);

/** The session as last heard. */
export function current() {
  return session;
}

/**
 * Whether the caller may do what the scope covers.
 * @param {'mods:read' | 'mods:write' | 'demos:read' | 'demos:analyse' | 'demos:moderate' | 'meta:read' | 'meta:write' | 'meta:moderate' | 'admin'} scope
 */
export function may(scope) {
  return session.scopes.includes(scope);
}

/** @param {() => void} listener */
export function onSessionChange(listener) {
  changes.addEventListener('change', listener);
}

/** Asks the daemon who we are. */
export async function loadSession() {
  adopt(await call('GET', '/session'));
  return session;
}

/**
 * @param {string} name
 * @param {string} password
 */
export async function signIn(name, password) {
  adopt(await call('POST', '/session', { body: { name, password } }));
  return session;
}

export async function signOut() {
  await call('DELETE', '/session');
  return loadSession();
}

/**
 * Makes the first administrator and signs in.
 * @param {string} token
 * @param {string} name
 * @param {string} password
 */
export async function setUp(token, name, password) {
  adopt(await call('POST', '/setup', { body: { token, name, password } }));
  return session;
}

/**
 * Takes over the session of an answer that began one. @param {any} body
 */
export function adopt(body) {
  const account = body?.account ?? null;
  const before = session.account?.id;
  session = {
    account: account && {
      id: String(account.id),
      name: String(account.name),
      roles: account.roles ?? [],
      steam_id: String(account.steam_id ?? ''),
    },
    scopes: body?.scopes ?? [],
    needs_setup: Boolean(body?.needs_setup),
    steam_sign_in: Boolean(body?.steam_sign_in),
    registration: Boolean(body?.registration),
    mail: Boolean(body?.mail),
    metaserver: Boolean(body?.metaserver),
    csrf: String(body?.csrf ?? ''),
    demos: Boolean(body?.demos),
  };
  if (session.account?.id !== before) changes.dispatchEvent(new Event('change'));
}
