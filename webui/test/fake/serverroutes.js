/** The fake daemon's answers about the list of game servers. */

import { portion } from './clanroutes.js';
import { ago } from './clans.js';
import { Problem } from './problem.js';
import { plain, server } from './servers.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {import('../../static/scripts/api/serverlist.js').OwnServer} OwnServer */

/** Who signs in to the fake has this number. */
const me = '1';
const most = 5;

/** As everybody sees it. @param {OwnServer} one */
function view(one) {
  const { host_name, host_port, public_host, public_port, state, reason, state_at, ...rest } = one;
  const { created, offline_at, listing, check, owner, ...shown } = rest;
  void [
    host_name,
    host_port,
    public_host,
    public_port,
    state,
    reason,
    state_at,
    created,
    offline_at,
    listing,
    check,
    owner,
  ];
  return shown;
}

/** As its owner sees it. @param {OwnServer} one */
const mine = (one) => ({ ...one, owner: undefined });

/** @type {Record<string, (one: OwnServer) => string | number>} */
const keys = {
  players: (one) => -one.players,
  room: (one) => -one.max_players,
  updated: (one) => -Date.parse(one.updated ?? ''),
  name: (one) => one.plain_name.toLowerCase(),
  map: (one) => (one.map ?? '').toLowerCase(),
  game_type: (one) => (one.game_type ?? '').toLowerCase(),
};

/** @type {Handler} */
function list(fake, { query }) {
  const value = (/** @type {string} */ key) => (query.get(key) ?? '').toLowerCase();
  const is = (/** @type {string} */ key) => query.get(key) === 'true';
  const key = keys[query.get('sort') ?? 'players'];
  if (!key) throw new Problem(422, 'The request does not have the form this operation expects');
  const online = fake.listed.filter((one) => one.online && one.state === 'open');
  const has = (/** @type {string | undefined} */ text, /** @type {string} */ part) =>
    (text ?? '').toLowerCase().includes(part);
  const found = online
    .filter((one) =>
      [one.plain_name, one.description, one.map, one.host].some((text) => has(text, value('q'))),
    )
    .filter((one) => has(one.map, value('map')))
    .filter((one) => !value('game_type') || (one.game_type ?? '').toLowerCase() === value('game_type'))
    .filter((one) => !value('mod') || one.mods.some(({ id }) => id === value('mod')))
    .filter((one) => !is('has_players') || one.players > 0)
    .filter((one) => !is('not_full') || one.players < one.max_players)
    .filter((one) => !is('not_passworded') || !one.passworded)
    .sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (is('reverse') ? -1 : 1));
  const { rows, next, total } = portion(found, query);
  return { body: { servers: rows.map(view), next, total, totals: totals(fake) } };
}

/** @param {FakeDaemon} fake */
export function totals(fake) {
  const online = fake.listed.filter((one) => one.online && one.state === 'open');
  return { servers: online.length, players: online.reduce((sum, one) => sum + one.players, 0) };
}

/** @param {FakeDaemon} fake @param {string} id */
function find(fake, id) {
  const found = fake.listed.find((one) => one.id === id);
  if (!found) throw new Problem(404, 'There is no such server');
  return found;
}

/** @param {FakeDaemon} fake @param {string} id */
function own(fake, id) {
  const found = find(fake, id);
  if (found.owner?.id !== me) throw new Problem(404, 'There is no such server');
  return found;
}

/** @type {Handler} */
function show(fake, _request, [id]) {
  const found = find(fake, id);
  if (found.state !== 'open' || !found.updated) throw new Problem(404, 'There is no such server');
  return { body: view(found) };
}

/** @type {Handler} */
function listMine(fake) {
  const all = fake.listed.filter((one) => one.owner?.id === me);
  return { body: { servers: all.map(mine), total: all.length, most } };
}

/** @type {Handler} */
function register(fake, { body }) {
  fake.serial += 1;
  const made = server(String(fake.serial), {
    ...body,
    host: body.public_host || body.host_name,
    host_port: body.port,
    port: body.public_port || body.port,
    online: false,
    updated: undefined,
    created: ago(0),
    map: undefined,
    owner: { id: me, name: 'Ada' },
    listing: {
      listed: false,
      code: 'never_reported',
      text: 'Not listed, because it never sent a heartbeat.',
      warnings: [],
    },
  });
  fake.listed.push(made);
  return { status: 201, body: { ...mine(made), password: '0123456789abcdef0123456789abcdef' } };
}

/** @type {Handler} */
function edit(fake, { body }, [id]) {
  const found = own(fake, id);
  const { port, ...said } = body;
  Object.assign(found, said, { host_port: port ?? found.host_port });
  found.plain_name = plain(found.name);
  return { body: mine(found) };
}

/** @type {Handler} */
function remove(fake, _request, [id]) {
  own(fake, id);
  fake.listed = fake.listed.filter((one) => one.id !== id);
  return {};
}

/** @type {Handler} */
const rotate = (fake, _request, [id]) => ({
  body: { ...mine(own(fake, id)), password: 'fedcba9876543210fedcba9876543210' },
});

/** @type {Handler} */
function offline(fake, _request, [id]) {
  const found = own(fake, id);
  Object.assign(found, {
    online: false,
    offline_at: ago(0),
    listing: {
      listed: false,
      code: 'offline',
      text: 'Not listed, because it was taken off the list after its last heartbeat.',
      warnings: [],
    },
  });
  return { body: mine(found) };
}

/** @type {Handler} */
function check(fake, _request, [id]) {
  const found = own(fake, id);
  const { host, port } = found;
  found.check = {
    outcome: 'no_answer',
    text: `TCP port ${port} of ${host} (${host}) did not answer at 2026-11-20 12:00:00 UTC`,
    kind: 'tcp',
    host,
    port,
    address: host,
    at: ago(0),
    current: true,
  };
  return { body: mine(found) };
}

/** @type {Handler} */
function registered(fake, { query }) {
  const { rows, next, total } = portion(fake.listed, query);
  return { body: { servers: rows, next, total } };
}

/** @type {Handler} */
function moderate(fake, { body }, [id]) {
  const found = find(fake, id);
  if (body.state !== 'open' && !body.reason) throw new Problem(400, 'Moderators have to give a reason');
  Object.assign(found, { state: body.state, reason: body.reason, state_at: ago(0) });
  return { body: found };
}

/** @type {import('./routes.js').Operation[]} */
export const serverOperations = [
  ['GET', /^\/serverlist$/, '', list],
  [
    'GET',
    /^\/serverlist\/history$/,
    '',
    (fake) => ({ body: { points: fake.listHistory, now: totals(fake) } }),
  ],
  ['GET', /^\/serverlist\/registered$/, 'meta:moderate', registered],
  ['GET', /^\/serverlist\/(\d+)$/, '', show],
  ['PUT', /^\/serverlist\/(\d+)\/state$/, 'meta:moderate', moderate],
  ['GET', /^\/me\/servers$/, 'meta:read', listMine],
  ['POST', /^\/me\/servers$/, 'meta:write', register],
  ['PATCH', /^\/me\/servers\/(\d+)$/, 'meta:write', edit],
  ['DELETE', /^\/me\/servers\/(\d+)$/, 'meta:write', remove],
  ['POST', /^\/me\/servers\/(\d+)\/rotate$/, 'meta:write', rotate],
  ['POST', /^\/me\/servers\/(\d+)\/offline$/, 'meta:write', offline],
  ['POST', /^\/me\/servers\/(\d+)\/check$/, 'meta:write', check],
];
