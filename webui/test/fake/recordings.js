/** The fake daemon's answers about recordings. */

import { scopes, session } from './accounts.js';
import { recordedDays, sampleDemoStorage } from './demos.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Answer} Answer */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {import('./demos.js').Kept} Kept */

const malformed = 'The request does not have the form this operation expects';

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
function caller(fake, request) {
  const who = session(fake, request);
  const has = scopes(who?.roles ?? []);
  return {
    name: who?.name ?? '',
    admin: has.includes('admin'),
    all: has.includes('demos:analyse') || has.includes('demos:moderate'),
  };
}

/**
 * What the caller may see.
 * @param {FakeDaemon} fake
 * @param {Request} request
 */
function visible(fake, request) {
  if (!fake.demosOn) throw new Problem(404, 'There is nothing at this address');
  const { all } = caller(fake, request);
  return fake.demos.filter(({ demo }) => all || demo.mine);
}

/**
 * @param {Kept} one
 * @param {boolean} admin
 */
function shown({ demo }, admin) {
  return admin ? demo : { ...demo, uploader: undefined };
}

/**
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @param {string} id
 */
function find(fake, request, id) {
  const one = visible(fake, request).find(({ demo }) => demo.id === id);
  if (!one) throw new Problem(404, 'There is no such recording');
  return one;
}

/** @type {Record<string, (a: import('./demos.js').Demo, b: import('./demos.js').Demo) => number>} */
const orders = {
  newest: (a, b) => b.start_at.localeCompare(a.start_at),
  oldest: (a, b) => a.start_at.localeCompare(b.start_at),
  size: (a, b) => b.size - a.size,
  score: (a, b) => (a.score ?? 1) - (b.score ?? 1),
};

/**
 * @param {string | null} text
 * @param {string} none
 */
function moment(text, none) {
  if (text && !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) throw new Problem(422, malformed);
  return text || none;
}

/** @type {Handler} */
function list(fake, request) {
  const { query } = request;
  const sort = query.get('sort') ?? 'newest';
  const order = orders[sort];
  const limit = Number(query.get('limit') ?? 50);
  if (!order || limit < 1 || limit > 100) throw new Problem(422, malformed);
  const has = (/** @type {string} */ text, /** @type {string} */ key) =>
    text.toLowerCase().includes((query.get(key) ?? '').toLowerCase());
  const is = (/** @type {string} */ text, /** @type {string} */ key) =>
    !query.get(key) || query.get(key) === text;
  const rows = visible(fake, request).filter(
    ({ demo }) =>
      is(demo.map, 'map') &&
      is(demo.server, 'server') &&
      has(demo.player, 'player') &&
      has(`${demo.name} ${demo.map} ${demo.server} ${demo.player} ${demo.id}`, 'q') &&
      is(demo.state, 'state') &&
      is(demo.source, 'source') &&
      (query.get('flagged') !== 'true' || demo.suspicion || demo.detections + demo.reports > 0) &&
      demo.start_at >= moment(query.get('from'), '0') &&
      demo.start_at < moment(query.get('to'), '9'),
  );
  rows.sort((a, b) => order(a.demo, b.demo));
  const from = Number(query.get('cursor') ?? 0);
  const { admin } = caller(fake, request);
  const demos = rows.slice(from, from + limit).map((one) => shown(one, admin));
  return {
    body: { demos, next: from + limit < rows.length ? String(from + limit) : '', total: rows.length },
  };
}

/** @type {Handler} */
function live(fake, request) {
  const { admin } = caller(fake, request);
  const rows = visible(fake, request).filter(({ demo }) => demo.state === 'live' || demo.state === 'idle');
  return { body: { demos: rows.map((one) => ({ ...shown(one, admin), rate: one.rate })) } };
}

/** @type {Handler} */
function show(fake, request, [id]) {
  const one = find(fake, request, id);
  const { admin, all } = caller(fake, request);
  const begun = Date.parse(one.demo.start_at);
  const witnesses = visible(fake, request)
    .filter(
      ({ demo }) =>
        demo.id !== id &&
        demo.server === one.demo.server &&
        demo.server !== '' &&
        Math.abs(Date.parse(demo.start_at) - begun) < 3_600_000,
    )
    .map((each) => shown(each, admin));
  const parts = all
    ? one.parts
    : { ...one.parts, detections: [], analysis: [], reviews: [], lease: undefined };
  return { body: { ...shown(one, admin), ...parts, witnesses: all ? witnesses : [] } };
}

/** @type {Handler} */
function queue(fake, request) {
  const algorithm = request.query.get('algorithm') ?? '';
  if (!caller(fake, request).all) throw new Problem(403, 'Your account may not do this');
  const rows = visible(fake, request).filter(
    ({ demo, parts }) =>
      demo.detections + demo.reports > 0 &&
      parts.reviews.every((one) => !one.mine) &&
      (!parts.lease || parts.lease.mine) &&
      (!algorithm || parts.detections.some((one) => one.algorithm === algorithm)),
  );
  const { admin } = caller(fake, request);
  return { body: { demos: rows.map((one) => shown(one, admin)), total: rows.length } };
}

/** @type {Handler} */
function lease(fake, request, [id]) {
  const one = find(fake, request, id);
  if (one.parts.lease && !one.parts.lease.mine)
    throw new Problem(409, 'Somebody else works on this recording');
  const until = new Date(Date.now() + 30 * 60_000).toISOString();
  one.parts.lease = { by: caller(fake, request).name, mine: true, until };
  return { body: one.parts.lease };
}

/** @type {Handler} */
function giveBack(fake, request, [id]) {
  find(fake, request, id).parts.lease = undefined;
  return {};
}

/** @type {Handler} */
function review(fake, request, [id]) {
  const { parts } = find(fake, request, id);
  const { target, verdict, note } = request.body;
  if (!/^\d{17}$/.test(target)) throw new Problem(422, malformed);
  parts.reviews = parts.reviews.filter((one) => !one.mine || one.target !== target);
  const said = { target, verdict, note, reviewer: 'Ada', mine: true, created_at: new Date().toISOString() };
  parts.reviews.push(said);
  if (parts.lease?.mine) parts.lease = undefined;
  return { body: said };
}

/** @type {Handler} */
function reports(fake, request) {
  const { query } = request;
  const wanted = query.get('state') ?? 'open';
  const rows = visible(fake, request)
    .flatMap(({ demo, parts }) => {
      const { id, name, map, start_at } = demo;
      const times = (/** @type {import('../../static/scripts/api/demos/model.js').Report} */ one) =>
        one.handled_at ? 1 : 3;
      return parts.reports.map((one) => ({ ...one, demo: id, name, map, start_at, times: times(one) }));
    })
    .filter(
      (one) =>
        (wanted === 'all' || (one.handled_at ? 'handled' : 'open') === wanted) &&
        (!query.get('reason') || one.reason === query.get('reason')) &&
        (!query.get('target') || one.target === query.get('target')),
    );
  return { body: { reports: rows, next: '', total: rows.length } };
}

/** @type {Handler} */
function handle(fake, request, [id, target]) {
  const report = find(fake, request, id).parts.reports.find((one) => one.target === target);
  if (!report) throw new Problem(404, 'There is no such report');
  report.handled_at = new Date().toISOString();
  report.handled_by = caller(fake, request).name;
  return {};
}

/** @type {Handler} */
function share(fake, request, [id]) {
  const one = find(fake, request, id);
  fake.serial += 1;
  const token = `evidence-${fake.serial}`;
  const { tick, note, expires_in: seconds } = request.body;
  const now = Date.now();
  const expires = seconds ? { expires_at: new Date(now + seconds * 1000).toISOString() } : {};
  one.evidence.push({
    id: String(fake.serial),
    token,
    tick,
    note,
    created_at: new Date(now).toISOString(),
    ...expires,
  });
  return { status: 201, body: { url: `${fake.url}/app/evidence/${token}` } };
}

/** @type {Handler} */
function evidence(fake, _request, [token]) {
  for (const { demo, evidence: all } of fake.demos) {
    const one = all.find((each) => each.token === token);
    if (!one) continue;
    const { name, map, server, player, start_at, size, seconds, ticks } = demo;
    return {
      body: {
        demo: { name, map, server, player, start_at, size, seconds, ticks },
        tick: one.tick,
        note: one.note,
        expires_at: one.expires_at,
        download_url: `/api/v1/evidence/${token}/file`,
      },
    };
  }
  throw new Problem(404, 'This evidence does not exist or has ended');
}

/** @type {Handler} */
function takeBack(fake, request, [id, which]) {
  const one = find(fake, request, id);
  one.evidence = one.evidence.filter((each) => each.id !== which);
  return {};
}

/** @type {Handler} */
function announce(fake, { body }) {
  if (!body.message) throw new Problem(400, 'The message is empty');
  fake.broadcasts = fake.broadcasts.filter((one) => one.message !== body.message);
  const said = { ...body, created_at: new Date().toISOString() };
  fake.broadcasts.unshift(said);
  return { status: 201, body: said };
}

/** @type {Handler} */
function remove(fake, request, [id]) {
  find(fake, request, id);
  fake.demos = fake.demos.filter(({ demo }) => demo.id !== id);
  return {};
}

/** @type {Handler} */
function withdraw(fake, { query }) {
  fake.broadcasts = fake.broadcasts.filter((one) => one.message !== query.get('message'));
  return {};
}

/** @type {Handler} */
function retention(fake) {
  return { body: fake.demoStorage.rules };
}

/** @type {Handler} */
function setRetention(fake, { body }) {
  if (body.max_bytes < 0 || body.max_age < 0) throw new Problem(422, malformed);
  fake.demoStorage.rules = body;
  return { body };
}

/** @type {Handler} */
function resetRetention(fake) {
  fake.demoStorage.rules = sampleDemoStorage().rules;
  return {};
}

/** @type {Handler} */
function prune(fake, { body }) {
  const { rules, bytes: used } = fake.demoStorage;
  const gone = fake.demos.filter(
    ({ demo }) => rules.max_age && Date.now() - Date.parse(demo.start_at) > rules.max_age * 1000 && demo.size,
  );
  const removed = gone.map(({ demo }) => ({ id: demo.id, size: demo.size, why: 'it is older than 30 days' }));
  if (!body.dry_run) for (const { demo } of gone) Object.assign(demo, { state: 'pruned', size: 0 });
  const bytes = removed.reduce((sum, one) => sum + one.size, 0);
  return { body: { removed, orphans: [], bytes, used, over: 0, unknown: 0, held: false } };
}

/** @type {import('./routes.js').Operation[]} */
export const demoOperations = [
  ['GET', /^\/demos$/, 'demos:read', list],
  ['GET', /^\/demos\/live$/, 'demos:read', live],
  [
    'GET',
    /^\/demos\/calendar$/,
    'demos:read',
    (fake, request) => ({ body: { days: recordedDays(visible(fake, request)) } }),
  ],
  ['GET', /^\/demos\/storage$/, 'demos:moderate', (fake) => ({ body: fake.demoStorage })],
  ['GET', /^\/demos\/retention$/, 'demos:moderate', retention],
  ['PUT', /^\/demos\/retention$/, 'demos:moderate', setRetention],
  ['DELETE', /^\/demos\/retention$/, 'demos:moderate', resetRetention],
  ['POST', /^\/demos\/prune$/, 'demos:moderate', prune],
  ['GET', /^\/demos\/queue$/, 'demos:read', queue],
  ['GET', /^\/demos\/reports$/, 'demos:moderate', reports],
  ['POST', /^\/demos\/reports\/(\d+)\/(\d+)\/handled$/, 'demos:moderate', handle],
  ['GET', /^\/demos\/broadcasts$/, 'demos:moderate', (fake) => ({ body: { broadcasts: fake.broadcasts } })],
  ['POST', /^\/demos\/broadcasts$/, 'demos:moderate', announce],
  ['DELETE', /^\/demos\/broadcasts$/, 'demos:moderate', withdraw],
  ['GET', /^\/demos\/(\d+)$/, 'demos:read', show],
  ['DELETE', /^\/demos\/(\d+)$/, 'admin', remove],
  ['POST', /^\/demos\/(\d+)\/lease$/, 'demos:read', lease],
  ['DELETE', /^\/demos\/(\d+)\/lease$/, 'demos:read', giveBack],
  ['PUT', /^\/demos\/(\d+)\/reviews$/, 'demos:read', review],
  [
    'GET',
    /^\/demos\/(\d+)\/evidence$/,
    'demos:read',
    (fake, request, [id]) => ({ body: { evidence: find(fake, request, id).evidence } }),
  ],
  ['POST', /^\/demos\/(\d+)\/evidence$/, 'demos:read', share],
  ['DELETE', /^\/demos\/(\d+)\/evidence\/([^/]+)$/, 'demos:read', takeBack],
  ['GET', /^\/evidence\/([^/]+)$/, '', evidence],
];
