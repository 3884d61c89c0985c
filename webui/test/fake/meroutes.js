/** The fake daemon's answers about one's own account, and about mails. */

import { openSession, session } from './accounts.js';
import { portion } from './clanroutes.js';
import { ago } from './clans.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {{ id: string, to: string, subject: string, created_at: string, next_try?: string, attempts: number, failed_at?: string, reason: string }} Mail */

/** The code that is in every mail of the fake. */
const right = 'ABCDEF';

/** @param {FakeDaemon} fake @param {import('./routes.js').Request} request */
function me(fake, request) {
  const who = session(fake, request);
  return {
    id: '1',
    name: who?.name ?? '',
    roles: who?.roles ?? [],
    steam_id: who?.steam_id,
    created_at: ago(90),
    last_online: ago(1),
    ...fake.me,
  };
}

/** @param {FakeDaemon} fake @param {string | undefined} password */
function confirm(fake, password) {
  if (fake.me.has_password && password !== fake.accounts[0].password)
    throw new Problem(403, 'The current password is wrong');
}

/** @type {Handler} */
function setEmail(fake, request) {
  const { email, password } = request.body;
  confirm(fake, password);
  if (email === 'taken@example.org') throw new Problem(409, 'This e-mail address belongs to another account');
  if (fake.me.verified_at) fake.me.new_email = email;
  else fake.me.email = email;
  return { status: 202, body: me(fake, request) };
}

/** @type {Handler} */
function verify(fake, request) {
  if (request.body.code.toUpperCase() !== right) throw new Problem(403, 'The code is wrong');
  if (fake.me.new_email) fake.me.email = fake.me.new_email;
  delete fake.me.new_email;
  fake.me.verified_at = ago(0);
  return { body: me(fake, request) };
}

/** @type {Handler} */
function setPassword(fake, { body }) {
  confirm(fake, body.current);
  fake.accounts[0].password = body.password;
  fake.me.has_password = true;
  return {};
}

/** @type {Handler} */
function setName(fake, request) {
  const who = session(fake, request);
  if ([...fake.names.values()].includes(request.body.name))
    throw new Problem(409, 'This display name is taken');
  if (who) who.name = request.body.name;
  return { body: me(fake, request) };
}

/** @type {Handler} */
function remove(fake, { body, headers }) {
  confirm(fake, body?.password);
  const cookie = /qm_session=([^;]*)/.exec(headers.cookie ?? '');
  if (cookie) fake.sessions.delete(cookie[1]);
  return { headers: { 'Set-Cookie': 'qm_session=; Path=/; Max-Age=0' } };
}

/** @type {Handler} */
function register(fake, { body }) {
  if (!fake.registration)
    throw new Problem(503, 'Nobody can register, because this server cannot send mails');
  if (body.email === 'taken@example.org')
    throw new Problem(409, 'This e-mail address belongs to another account');
  fake.me = { email: body.email, has_password: true };
  fake.accounts.unshift({ name: body.name, password: body.password, roles: [] });
  return { ...openSession(fake, fake.accounts[0]), status: 201 };
}

/** @type {Handler} */
function reset(fake, { body }) {
  if (body.code.toUpperCase() !== right) throw new Problem(403, 'The code is wrong');
  fake.accounts[0].password = body.password;
  return {};
}

/** @returns {Mail[]} */
export function sampleMails() {
  return [
    {
      id: '12',
      to: 'linus@example.org',
      subject: 'Your code for Quartermaster: confirm your e-mail address',
      created_at: ago(0.01),
      next_try: new Date(Date.now() + 240_000).toISOString(),
      attempts: 2,
      reason: '451 4.7.1 Greylisting in action, please come back later',
    },
    {
      id: '11',
      to: 'nobody@example.invalid',
      subject: 'Your code for Quartermaster: set a new password',
      created_at: ago(3),
      attempts: 9,
      failed_at: ago(1),
      reason: '550 5.1.1 Mailbox does not exist',
    },
  ];
}

/** @type {Handler} */
function mails(fake, { query }) {
  const found = fake.mails.filter((one) => query.get('failed') !== 'true' || one.failed_at);
  const { rows, next, total } = portion(found, query);
  return { body: { mails: rows, next, total, ready: fake.registration } };
}

/** @type {Handler} */
function tryMail(_fake, { body }) {
  if (body.to === 'refused@example.org')
    throw new Problem(503, 'mail.example.org:587 did not take the mail: 550 not here');
  return { body: { where: 'mail.example.org:587' } };
}

/** @type {Handler} */
function retry(fake, _request, [id]) {
  fake.mails = fake.mails.filter((one) => one.id !== id);
  return { status: 202 };
}

/** @type {import('./routes.js').Operation[]} */
export const meOperations = [
  ['GET', /^\/me$/, 'demos:read', (fake, request) => ({ body: me(fake, request) })],
  ['DELETE', /^\/me$/, 'demos:read', remove],
  ['GET', /^\/me\/export$/, 'demos:read', (fake, request) => ({ body: { account: me(fake, request) } })],
  ['PUT', /^\/me\/name$/, 'demos:read', setName],
  ['PUT', /^\/me\/password$/, 'demos:read', setPassword],
  ['PUT', /^\/me\/email$/, 'demos:read', setEmail],
  ['POST', /^\/me\/email\/verify$/, 'demos:read', verify],
  ['POST', /^\/me\/email\/code$/, 'demos:read', () => ({ status: 202 })],
  ['POST', /^\/registration$/, '', register],
  ['POST', /^\/password-reset$/, '', () => ({ status: 202 })],
  ['POST', /^\/password-reset\/confirm$/, '', reset],
  ['GET', /^\/mail$/, 'admin', mails],
  ['POST', /^\/mail\/test$/, 'admin', tryMail],
  ['POST', /^\/mail\/(\d+)\/retry$/, 'admin', retry],
];
