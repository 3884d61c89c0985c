/** The part of the fake daemon that knows who is calling. */

import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Answer} Answer */
/** @typedef {{ name: string, roles: string[], csrf: string, steam_id?: string }} Who */

/** @param {string[]} roles */
export function scopes(roles) {
  const all = ['demos:read', 'meta:read', 'meta:write', 'mods:read'];
  const admin = roles.includes('admin');
  if (admin) all.push('admin');
  if (admin || roles.includes('analyst')) all.push('demos:analyse');
  if (admin || roles.includes('moderator')) all.push('demos:moderate', 'meta:moderate', 'mods:write');
  return all.sort();
}

/**
 * What a caller may do now: without a proved address little is changed.
 * @param {FakeDaemon} fake
 * @param {Who} who
 */
function held(fake, who) {
  const proved = !fake.me.email || fake.me.verified_at;
  return scopes(who.roles).filter((scope) => proved || scope !== 'meta:write');
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
 * @param {Who | undefined} who
 */
export function whoAmI(fake, who) {
  return {
    account: who ? { id: 1, name: who.name, roles: who.roles, steam_id: who.steam_id } : null,
    via: who ? 'session' : '',
    scopes: who ? held(fake, who) : [],
    csrf: who?.csrf ?? '',
    needs_setup: fake.needsSetup,
    steam_sign_in: fake.steamSignIn,
    demos: fake.demosOn,
    registration: fake.registration,
    mail: fake.registration,
    metaserver: fake.metaserverOn,
  };
}

/**
 * @param {FakeDaemon} fake
 * @param {{ name: string, roles: string[] }} account
 * @returns {Answer}
 */
export function openSession(fake, account) {
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
  return openSession(fake, account);
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
  return openSession(fake, account);
}

/** Who signs in through the fake's Steam. */
const steamId = '76561197960287930';

/**
 * The way to Steam and back in one step.
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @returns {Answer}
 */
export function steam(fake, request) {
  const to = request.query.get('to') || '/app/';
  const link = request.query.get('link') === 'true';
  const who = session(fake, request);
  const page = link ? to : '/app/signin';
  if (fake.steamResult) {
    return { status: 303, body: {}, headers: { Location: `${page}?steam=${fake.steamResult}` } };
  }
  if (link) {
    if (who) who.steam_id = steamId;
    return { status: 303, body: {}, headers: { Location: `${to}?steam=linked` } };
  }
  fake.serial += 1;
  const token = `fake-session-${fake.serial}`;
  fake.sessions.set(token, { name: 'Rabscuttle', roles: [], csrf: `csrf-${fake.serial}`, steam_id: steamId });
  return {
    status: 303,
    body: {},
    headers: { Location: to, 'Set-Cookie': `qm_session=${token}; Path=/; HttpOnly; SameSite=Lax` },
  };
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @returns {Answer}
 */
export function unlinkSteam(fake, request) {
  const who = session(fake, request);
  if (!who?.steam_id) throw new Problem(404, 'No Steam account is linked to this account');
  delete who.steam_id;
  for (const key of fake.demosKeys) key.revoked_at = '2026-11-20T12:00:00Z';
  return {};
}

/**
 * @param {FakeDaemon} fake
 * @returns {Answer}
 */
export function keys(fake) {
  return { body: { keys: [...fake.demosKeys].reverse(), next: '' } };
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @returns {Answer}
 */
export function makeKey(fake, { body }) {
  fake.serial += 1;
  if (body.replace) for (const key of fake.demosKeys) key.revoked_at ??= '2026-11-20T12:00:00Z';
  const secret = `MB-${String(fake.serial).padStart(43, 'x')}`;
  const key = { id: fake.serial, kind: body.kind, prefix: `MB-${fake.serial}` };
  fake.demosKeys.push(key);
  return { status: 201, body: { ...key, key: secret } };
}
