/** The fake daemon's answers about players. */

import { scopes, session } from './accounts.js';
import { portion } from './clanroutes.js';
import { ago } from './clans.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {import('../../static/scripts/api/matches.js').MatchDetail} MatchDetail */

/** Players who have not confirmed their address. */
const unverified = new Set(['90']);

/** @param {FakeDaemon} fake @param {string} id @param {string} name */
function view(fake, id, name) {
  return {
    id,
    name,
    created_at: ago(90 - Number(id) / 2),
    ...(Number(id) % 3 ? { last_online: ago(Number(id) / 4) } : {}),
    verified: !unverified.has(id),
    closed: fake.closed.has(id),
  };
}

/** @typedef {ReturnType<typeof view>} Player */

/** @type {Record<string, (a: Player, b: Player) => number>} */
const orders = {
  name: (a, b) => a.name.localeCompare(b.name),
  '-last_online': (a, b) => (b.last_online ?? '').localeCompare(a.last_online ?? ''),
  '-created': (a, b) => b.created_at.localeCompare(a.created_at),
};

/** @type {Record<string, (one: Player) => boolean>} */
const states = {
  '': (one) => one.verified && !one.closed,
  unverified: (one) => !one.verified,
  closed: (one) => one.closed,
  all: () => true,
};

/** @type {Handler} */
function list(fake, request) {
  const { query } = request;
  const words = (query.get('q') ?? '').toLowerCase();
  const state = query.get('state') ?? '';
  const order = orders[query.get('sort') ?? 'name'];
  if (!order || !states[state])
    throw new Problem(422, 'The request does not have the form this operation expects');
  if (state && !scopes(session(fake, request)?.roles ?? []).includes('meta:moderate'))
    throw new Problem(403, 'Only moderators see these players');
  const found = [...fake.names]
    .map(([id, name]) => view(fake, id, name))
    .filter((one) => states[state](one) && one.name.toLowerCase().includes(words))
    .sort(order);
  const { rows, next, total } = portion(found, query);
  return { body: { players: rows, next, total } };
}

/** @param {FakeDaemon} fake @param {string} id */
function nameOf(fake, id) {
  const name = fake.names.get(id);
  if (name === undefined) throw new Problem(404, 'There is no such player');
  return name;
}

/** @param {FakeDaemon} fake @param {string} board @param {string} id */
function standing(fake, board, id) {
  const all = (fake.boards[board] ?? [])
    .filter((one) => one.played >= 10)
    .sort((a, b) => b.rating - a.rating);
  const one = fake.boards[board]?.find((stats) => stats.account === id);
  return {
    rating: one?.rating ?? 0,
    rank: one ? all.indexOf(one) + 1 : 0,
    of: all.length,
    played_field: one?.played ?? 0,
    won_field: one?.won ?? 0,
    played_command: one?.led ?? 0,
    won_command: one?.wonLed ?? 0,
    ...(one ? { first_seen: ago(60), last_seen: ago(1) } : {}),
  };
}

/** @type {Handler} */
function show(fake, _request, [id]) {
  const name = nameOf(fake, id);
  const { rating, rank, of, played_field: played, won_field: won } = standing(fake, 'overall', id);
  const clans = fake.clans
    .filter((clan) => clan.roster.some((one) => one.account === id))
    .map((clan) => ({
      clan: clan.id,
      tag: clan.tag,
      visible_tag: clan.tag,
      name: clan.name,
      icon_url: `/v1/clan/icon/${clan.id}.png`,
      rank: clan.roster.find((one) => one.account === id)?.rank ?? 'member',
      invited_at: clan.created_at,
      joined_at: clan.created_at,
    }));
  return {
    body: {
      ...view(fake, id, name),
      clans,
      ...(played ? { rating: { rating, rank, of, played, won } } : {}),
    },
  };
}

/** @type {Handler} */
function stats(fake, _request, [id]) {
  nameOf(fake, id);
  const servers = Object.keys(fake.boards)
    .filter((board) => board !== 'overall' && fake.boards[board].some((one) => one.account === id))
    .map((board) => ({
      server_id: board,
      server: fake.listed.find((one) => one.id === board)?.name ?? '',
      ...standing(fake, board, id),
    }));
  return { body: { overall: standing(fake, 'overall', id), servers } };
}

/** @type {Handler} */
function played(fake, { query }, [id]) {
  nameOf(fake, id);
  const found = fake.matches.filter((one) => one.field.flat().some((change) => change.player?.id === id));
  const { rows, next, total } = portion(found, query);
  return { body: { matches: rows.map((one) => seen(one, id)), next, total } };
}

/** A match as one player sees it. @param {MatchDetail} match @param {string} id */
function seen(match, id) {
  const at = match.field.findIndex((team) => team.some((change) => change.player?.id === id));
  const rating = match.field[at]?.find((change) => change.player?.id === id);
  const { field, formula, demos, key, ...shown } = match;
  void [field, formula, demos, key];
  const outcome = match.draw ? 'draw' : match.teams[at]?.won ? 'won' : 'lost';
  return { ...shown, team: match.teams[at]?.id ?? 0, role: 'field', outcome, rating };
}

/** @type {Handler} */
function close(fake, { body }, [id]) {
  nameOf(fake, id);
  if (!body.reason) throw new Problem(422, 'The request does not have the form this operation expects');
  fake.closed.add(id);
  return {};
}

/** @type {Handler} */
function open(fake, _request, [id]) {
  fake.closed.delete(id);
  return {};
}

/** @type {Handler} */
function rename(fake, { body }, [id]) {
  nameOf(fake, id);
  if ([...fake.names.values()].includes(body.name)) throw new Problem(409, 'This display name is taken');
  fake.names.set(id, body.name);
  return {};
}

/** @type {import('./routes.js').Operation[]} */
export const playerOperations = [
  ['GET', /^\/players$/, 'meta:read', list],
  ['GET', /^\/players\/(\d+)$/, 'meta:read', show],
  ['GET', /^\/players\/(\d+)\/stats$/, 'meta:read', stats],
  ['GET', /^\/players\/(\d+)\/matches$/, 'meta:read', played],
  ['PUT', /^\/accounts\/(\d+)\/closed$/, 'meta:moderate', close],
  ['DELETE', /^\/accounts\/(\d+)\/closed$/, 'meta:moderate', open],
  ['PUT', /^\/accounts\/(\d+)\/name$/, 'meta:moderate', rename],
];
