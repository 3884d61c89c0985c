/** The fake daemon's answers about storage, peers, game servers and FastDL. */

import { serverMod } from './hosts.js';
import { since } from './library.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Answer} Answer */
/** @typedef {import('../../static/scripts/api/model.js').GameServer} GameServer */

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function gc(fake, { body }) {
  const plan = fake.plan;
  if (!body.dry_run) {
    fake.plan = { ...plan, removed: [], bytes: 0 };
    fake.storage.bytes -= plan.bytes;
  }
  return { body: plan };
}

/**
 * @param {FakeDaemon} fake
 * @param {boolean} writer
 * @returns {Answer}
 */
export function peers(fake, writer) {
  if (writer) return { body: fake.peers };
  const { public_key, peers: known } = fake.peers;
  return { body: { public_key, peers: known.map((peer) => ({ ...peer, url: '', last_error: '' })) } };
}

/**
 * @param {FakeDaemon} fake
 * @param {boolean} writer
 * @returns {Answer}
 */
export function servers(fake, writer) {
  const sorted = [...fake.gameServers].sort((a, b) => a.name.localeCompare(b.name));
  return { body: { servers: writer ? sorted : sorted.map((one) => ({ ...one, webhook_error: '' })) } };
}

/**
 * @param {FakeDaemon} fake
 * @param {string} name
 */
function server(fake, name) {
  const found = fake.gameServers.find((one) => one.name === name);
  if (!found) throw new Problem(404, `There is no game server "${name}"`);
  return found;
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function putServer(fake, { body }, [name]) {
  const old = fake.gameServers.find((one) => one.name === name);
  if (old?.origin === 'config' && (body.collections?.length || body.webhook !== undefined)) {
    throw new Problem(
      409,
      `The collections and the webhook of ${name} are set in the configuration`,
      'change them there under [[workshop.servers]]; only mods can be reported here',
    );
  }
  /** @type {GameServer} */
  const next = {
    name,
    origin: old?.origin ?? 'api',
    mods: (body.mods ?? []).map((/** @type {{ id: string, version?: number }} */ { id, version }) =>
      serverMod(id.replace(/^0x/, ''), '', {
        running: version ?? 1_763_480_000,
        basis: version ? 'reported' : 'assumed',
      }),
    ),
    outdated: 0,
    checked_at: since(0),
    webhook: body.webhook === undefined ? Boolean(old?.webhook) : body.webhook !== '',
    webhook_error: '',
  };
  fake.gameServers = [...fake.gameServers.filter((one) => one !== old), next];
  return { body: next };
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function deleteServer(fake, _request, [name]) {
  const found = server(fake, name);
  if (found.origin === 'config') throw new Problem(409, `${name} is in the configuration`);
  fake.gameServers = fake.gameServers.filter((one) => one !== found);
  return {};
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function restarted(fake, _request, [name]) {
  const found = server(fake, name);
  found.restarted_at = since(0);
  found.outdated = 0;
  for (const mod of found.mods) {
    if (mod.state !== 'outdated') continue;
    Object.assign(mod, {
      running: mod.current,
      state: 'current',
      basis: 'assumed',
      since: undefined,
      tried: undefined,
    });
  }
  fake.publish('mods.servers', { server: name, outdated: 0, mods: [] });
  return { body: found };
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function testWebhook(fake, _request, [name]) {
  const found = server(fake, name);
  if (!found.webhook) throw new Problem(409, `${name} has no webhook`);
  if (found.webhook_error) throw new Problem(503, `The message did not arrive: ${found.webhook_error}`);
  return {};
}

/**
 * @param {FakeDaemon} fake
 * @param {boolean} writer
 * @returns {Answer}
 */
export function trees(fake, writer) {
  const seen = (/** @type {import('../../static/scripts/api/model.js').Tree} */ tree) =>
    writer ? tree : { ...tree, roots: [], problems: [], more_problems: 0 };
  return { body: { trees: fake.trees.map(seen) } };
}

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function misses(fake, { query }) {
  const list = fake.misses;
  return { body: { misses: list.slice(0, Number(query.get('limit') ?? 1000)), total: list.length } };
}

/** @type {(fake: FakeDaemon) => Answer} */
export function forgetMisses(fake) {
  fake.misses = [];
  return {};
}
