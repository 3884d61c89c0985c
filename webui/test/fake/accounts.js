/** The part of the fake daemon that knows who is calling. */

import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Answer} Answer */

/** @param {string[]} roles */
export function scopes(roles) {
  const all = ['demos:read', 'mods:read'];
  const admin = roles.includes('admin');
  if (admin) all.push('admin');
  if (admin || roles.includes('analyst')) all.push('demos:analyse');
  if (admin || roles.includes('moderator')) all.push('demos:moderate', 'mods:write');
  return all.sort();
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
export function session(fake, request) {
  const cookie = /(?:^|; )qm_session=([^;]*)/.exec(request.headers.cookie ?? '');
  return cookie ? fake.sessions.get(cookie[1]) : undefined;
}

/**
 * @param {FakeDaemon} fake
 * @param {{ name: string, roles: string[], csrf: string } | undefined} who
 */
export function whoAmI(fake, who) {
  return {
    account: who ? { id: 1, name: who.name, roles: who.roles } : null,
    via: who ? 'session' : '',
    scopes: who ? scopes(who.roles) : [],
    csrf: who?.csrf ?? '',
    needs_setup: fake.needsSetup,
  };
}

/**
 * @param {FakeDaemon} fake
 * @param {{ name: string, roles: string[] }} account
 * @returns {Answer}
 */
function open(fake, account) {
  fake.serial += 1;
  const token = `fake-session-${fake.serial}`;
  const who = { name: account.name, roles: account.roles, csrf: `csrf-${fake.serial}` };
  fake.sessions.set(token, who);
  return {
    body: whoAmI(fake, who),
    headers: { 'Set-Cookie': `qm_session=${token}; Path=/; HttpOnly; SameSite=Lax` },
  };
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
export function signIn(fake, { body }) {
  const account = fake.accounts.find((one) => one.name === body.name && one.password === body.password);
  if (!account) throw new Problem(401, 'The name or the password is wrong');
  return open(fake, account);
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
export function signOut(fake, request) {
  const cookie = /qm_session=([^;]*)/.exec(request.headers.cookie ?? '');
  if (cookie) fake.sessions.delete(cookie[1]);
  return { headers: { 'Set-Cookie': 'qm_session=; Path=/; Max-Age=0' } };
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
export function setUp(fake, { body }) {
  if (!fake.needsSetup) throw new Problem(409, 'There is an admin already, so there is nothing to set up');
  if (body.token !== fake.setupToken)
    throw new Problem(403, 'This setup link was used already or has expired');
  if (body.password.length < 8) throw new Problem(400, 'The password needs at least 8 characters');
  if (body.password === 'password1')
    throw new Problem(400, 'This password is among the first that an attacker tries');
  const account = { name: body.name, password: body.password, roles: ['admin'] };
  fake.accounts.push(account);
  fake.needsSetup = false;
  return open(fake, account);
}
