/** The fake daemon's answers, operation by operation. */

import {
  fetchMissing,
  listGames,
  listGenres,
  listMods,
  listTags,
  showGame,
  showMod,
  statistics,
  summary,
} from './catalog.js';
import {
  keys,
  makeKey,
  scopes,
  session,
  setUp,
  signIn,
  signOut,
  steam,
  unlinkSteam,
  whoAmI,
} from './accounts.js';
import { clanOperations } from './clanroutes.js';
import { mod, since, version } from './library.js';
import { meOperations } from './meroutes.js';
import { matchOperations } from './matchroutes.js';
import { serverOperations } from './serverroutes.js';
import * as operator from './operator.js';
import { Problem } from './problem.js';
import { playerOperations } from './playerroutes.js';
import { demoOperations } from './recordings.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {URLSearchParams} query
 * @property {any} body
 * @property {import('node:http').IncomingHttpHeaders} headers
 */
/** @typedef {{ status?: number, body?: unknown, headers?: Record<string, string> }} Answer */

/** @typedef {'' | 'demos:read' | 'demos:analyse' | 'demos:moderate' | 'mods:read' | 'mods:write' | 'meta:read' | 'meta:write' | 'meta:moderate' | 'admin'} Scope */
/** @typedef {(fake: FakeDaemon, request: Request, params: string[]) => Answer} Handler */
/** @typedef {[string, RegExp, Scope, Handler]} Operation */

/** @type {Operation[]} */
const table = [
  ['GET', /^\/session$/, '', (fake, request) => ({ body: whoAmI(fake, session(fake, request)) })],
  ['POST', /^\/session$/, '', signIn],
  ['DELETE', /^\/session$/, '', signOut],
  ['POST', /^\/setup$/, '', setUp],
  ['GET', /^\/session\/steam$/, '', steam],
  ['DELETE', /^\/accounts\/1\/steam$/, 'demos:read', unlinkSteam],
  ['GET', /^\/keys$/, 'demos:read', keys],
  ['POST', /^\/keys$/, 'demos:read', makeKey],
  ['GET', /^\/overview$/, 'admin', (fake) => ({ body: fake.overview })],
  ['GET', /^\/mods$/, '', list],
  ['POST', /^\/mods$/, 'mods:write', add],
  ['GET', /^\/mods\/queue$/, '', (fake) => ({ body: { jobs: fake.jobs } })],
  ['POST', /^\/mods\/queue\/(\d+)\/retry$/, 'mods:write', retry],
  ['DELETE', /^\/mods\/queue\/(\d+)$/, 'mods:write', cancel],
  ['GET', /^\/mods\/status$/, '', (fake) => ({ body: fake.status })],
  ['GET', /^\/mods\/backup-servers$/, '', (fake) => ({ body: fake.servers })],
  ['GET', /^\/mods\/storage$/, '', (fake) => ({ body: fake.storage })],
  ['POST', /^\/mods\/gc$/, 'mods:write', operator.gc],
  ['GET', /^\/mods\/peers$/, '', (fake, request) => operator.peers(fake, writes(fake, request))],
  ['GET', /^\/mods\/servers$/, '', (fake, request) => operator.servers(fake, writes(fake, request))],
  ['PUT', /^\/mods\/servers\/([^/]+)$/, 'mods:write', operator.putServer],
  ['DELETE', /^\/mods\/servers\/([^/]+)$/, 'mods:write', operator.deleteServer],
  ['POST', /^\/mods\/servers\/([^/]+)\/restarted$/, 'mods:write', operator.restarted],
  ['POST', /^\/mods\/servers\/([^/]+)\/webhook-test$/, 'mods:write', operator.testWebhook],
  ['GET', /^\/fastdl$/, '', (fake, request) => operator.trees(fake, writes(fake, request))],
  ['GET', /^\/fastdl\/([^/]+)\/misses$/, 'mods:write', operator.misses],
  ['DELETE', /^\/fastdl\/([^/]+)\/misses$/, 'mods:write', operator.forgetMisses],
  ['GET', /^\/fastdl\/([^/]+)\/lint$/, 'mods:write', (fake) => ({ body: fake.lint })],
  ['POST', /^\/fastdl\/([^/]+)\/scan$/, 'mods:write', () => ({ status: 202 })],
  ['GET', /^\/mods\/([^/]+)$/, '', (fake, _request, [item]) => ({ body: view(fake, find(fake, item)) })],
  ['POST', /^\/mods\/([^/]+)\/versions\/(\d+)\/verify$/, 'mods:write', verify],
  [
    'PUT',
    /^\/mods\/([^/]+)\/versions\/(\d+)\/pin$/,
    'mods:write',
    (fake, _request, params) => pin(fake, params, true),
  ],
  [
    'DELETE',
    /^\/mods\/([^/]+)\/versions\/(\d+)\/pin$/,
    'mods:write',
    (fake, _request, params) => pin(fake, params, false),
  ],
  ['DELETE', /^\/mods\/([^/]+)\/versions\/(\d+)$/, 'mods:write', remove],
  ...demoOperations,
  ...meOperations,
  ...serverOperations,
  ...playerOperations,
  ...clanOperations,
  ...matchOperations,
  ['GET', /^\/catalog\/mods$/, '', listMods],
  ['GET', /^\/catalog\/mods\/([^/]+)$/, '', showMod],
  ['POST', /^\/catalog\/mods\/([^/]+)\/dependencies\/fetch$/, 'mods:write', fetchMissing],
  ['GET', /^\/catalog\/games$/, '', listGames],
  ['GET', /^\/catalog\/games\/([^/]+)$/, '', showGame],
  ['GET', /^\/catalog\/genres$/, '', listGenres],
  ['GET', /^\/catalog\/tags$/, '', listTags],
  ['GET', /^\/catalog\/statistics$/, '', statistics],
  ['GET', /^\/catalog\/statistics\/summary$/, '', summary],
];

/**
 * Whether the caller may change mods, and so sees what strangers do not.
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
function writes(fake, request) {
  return scopes(session(fake, request)?.roles ?? []).includes('mods:write');
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @returns {Answer}
 */
export function answer(fake, request) {
  for (const [method, pattern, scope, handler] of table) {
    const match = method === request.method && pattern.exec(request.path);
    if (!match) continue;
    const who = session(fake, request);
    if (who && method !== 'GET' && request.headers['x-csrf-token'] !== who.csrf) {
      throw new Problem(403, 'The request lacks the right X-CSRF-Token');
    }
    if (scope && !who) throw new Problem(401, 'Sign in first');
    if (scope && who && !scopes(who.roles).includes(scope))
      throw new Problem(403, 'Your account may not do this');
    return handler(fake, request, match.slice(1).map(decodeURIComponent));
  }
  throw new Problem(404, 'There is nothing at this address');
}

/** @typedef {import('./library.js').Mod} Mod */

/** @type {Record<string, (a: Mod, b: Mod) => number>} */
const orders = {
  requested: (a, b) => (b.last_requested ?? '').localeCompare(a.last_requested ?? ''),
  title: (a, b) => a.title.localeCompare(b.title),
  size: (a, b) => b.size - a.size,
  version: (a, b) => b.current_version - a.current_version,
  id: (a, b) => Number(BigInt(a.id) - BigInt(b.id)),
};

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
function list(fake, { query }) {
  const words = (query.get('q') ?? '').toLowerCase();
  const state = query.get('state') ?? '';
  const order = orders[query.get('sort') ?? 'requested'];
  const limit = Number(query.get('limit') ?? 100);
  if (!order || limit < 1 || limit > 500) {
    throw new Problem(422, 'The request does not have the form this operation expects');
  }
  const found = fake.mods
    .filter(
      (one) => !words || [one.title.toLowerCase(), one.id, one.hex].some((text) => text.includes(words)),
    )
    .filter((one) => !state || one.state === state)
    .sort(order);
  const from = Number(query.get('cursor') ?? 0);
  const next = from + limit < found.length ? String(from + limit) : '';
  const mods = found.slice(from, from + limit).map((one) => view(fake, one));
  return { body: { mods, next, total: found.length } };
}

/**
 * A mod as the API shows it: addresses begin with the one the caller used.
 * @param {FakeDaemon} fake
 * @param {Mod} one
 */
function view(fake, one) {
  return { ...one, versions: one.versions.map((each) => ({ ...each, url: fake.url + each.url })) };
}

/**
 * @param {FakeDaemon} fake
 * @param {string} item
 */
function find(fake, item) {
  const spelled = /^(?:0x|m)([0-9a-f]+)$/i.exec(item);
  const id = spelled ? BigInt(`0x${spelled[1]}`).toString() : item;
  const found = fake.mods.find((one) => one.id === id);
  if (!found) throw new Problem(404, 'There is no such mod');
  return found;
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
function add(fake, { body }) {
  const spelled = /^0x([0-9a-f]+)$|[?&]id=(\d+)/i.exec(body.item);
  if (!spelled)
    throw new Problem(400, `"${body.item}" is not a Workshop item`, 'Write for example 0x706d242');
  const hex = BigInt(spelled[1] ? `0x${spelled[1]}` : spelled[2]).toString(16);
  const item = BigInt(`0x${hex}`).toString();
  if (!fake.mods.some((one) => one.id === item)) fake.mods.push(mod(hex, '', [], { state: 'resolving' }));
  fake.serial += 1;
  const job = {
    id: String(fake.serial),
    item,
    hex,
    version: 0,
    title: '',
    state: /** @type {const} */ ('resolving'),
    source: '',
    attempts: 0,
    bytes: 0,
    total: 0,
    speed: 0,
    error: '',
    created_at: since(0),
  };
  fake.jobs.push(job);
  fake.publish('mods.job', job);
  fake.publish('mods.changed', { item });
  return { status: 202, body: job };
}

/**
 * Ends a job well, as the daemon does when the bytes are there.
 * @param {FakeDaemon} fake
 * @param {string} item
 * @param {string} title
 */
export function complete(fake, item, title) {
  const known = find(fake, item);
  known.title = title;
  known.state = 'ready';
  known.versions = [version(known.hex, 1_763_000_000, { current: true })];
  const job = fake.jobs.find((one) => one.item === item);
  fake.jobs = fake.jobs.filter((one) => one.item !== item);
  if (job) fake.publish('mods.job', { ...job, title, state: 'ready', bytes: 100, total: 100 });
  fake.publish('mods.changed', { item });
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
function retry(fake, _request, [id]) {
  const job = fake.jobs.find((one) => one.id === id);
  if (!job) throw new Problem(404, 'There is no such job');
  Object.assign(job, { state: 'queued', error: '', retry_at: undefined });
  fake.publish('mods.job', job);
  return { status: 202, body: job };
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
function cancel(fake, _request, [id]) {
  fake.jobs = fake.jobs.filter((one) => one.id !== id);
  return {};
}

/**
 * @param {FakeDaemon} fake
 * @param {string[]} params
 */
function findVersion(fake, [item, number]) {
  const found = find(fake, item).versions.find((one) => one.version === Number(number));
  if (!found) throw new Problem(404, 'There is no such version');
  return found;
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
function verify(fake, _request, params) {
  const found = findVersion(fake, params);
  found.verified_at = since(0);
  fake.publish('mods.changed', { item: find(fake, params[0]).id });
  return { body: { ok: found.state === 'ready', reason: found.reason } };
}

/**
 * @param {FakeDaemon} fake
 * @param {string[]} params
 * @param {boolean} pinned
 * @returns {Answer}
 */
function pin(fake, params, pinned) {
  const found = findVersion(fake, params);
  found.pinned = pinned;
  return {};
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
function remove(fake, { query }, params) {
  const found = findVersion(fake, params);
  const owner = find(fake, params[0]);
  const whole = owner.versions.filter((one) => one.state === 'ready');
  if (found.state === 'ready' && whole.length === 1 && query.get('force') !== 'true') {
    throw new Problem(409, 'This is the last copy', 'Add ?force=true to delete it all the same');
  }
  owner.versions = owner.versions.filter((one) => one !== found);
  return {};
}
