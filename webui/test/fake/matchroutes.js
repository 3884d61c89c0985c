/** The fake daemon's answers about matches and leaderboards. */

import { scopes, session } from './accounts.js';
import { portion } from './clanroutes.js';
import { ago } from './clans.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {import('../../static/scripts/api/matches.js').MatchDetail} MatchDetail */
/** @typedef {import('./matches.js').Stats} Stats */

/** Matches in the field that a place in a leaderboard needs. */
const leastMatches = 10;

/** @param {MatchDetail} match */
function view({ id, server_id, server, at, map, draw, teams, voided_at, void_reason }) {
  return { id, server_id, server, at, map, draw, teams, voided_at, void_reason };
}

/** @type {Handler} */
function list(fake, { query }) {
  const [server, player, from, to] = ['server', 'player', 'from', 'to'].map((key) => query.get(key) ?? '');
  const found = fake.matches
    .filter((one) => !server || one.server_id === server)
    .filter((one) => !player || one.field.flat().some((change) => change.player?.id === player))
    .filter((one) => (!from || one.at >= from) && (!to || one.at < to));
  const { rows, next, total } = portion(found, query);
  return { body: { matches: rows.map(view), next, total } };
}

/** @param {FakeDaemon} fake @param {string} id */
function find(fake, id) {
  const found = fake.matches.find((one) => one.id === id);
  if (!found) throw new Problem(404, 'There is no such match');
  return found;
}

/** @type {Handler} */
function show(fake, request, [id]) {
  const found = find(fake, id);
  const staff = scopes(session(fake, request)?.roles ?? []).includes('meta:moderate');
  return { body: staff ? found : { ...found, key: undefined } };
}

/** @type {Handler} */
function takeOut(fake, { body }, [id]) {
  const found = find(fake, id);
  if (found.voided_at) throw new Problem(409, 'The match does not count already');
  Object.assign(found, { voided_at: ago(0), void_reason: body.reason });
  return { body: view(found) };
}

/** @param {FakeDaemon} fake @param {string} board */
function ranked(fake, board) {
  const all = fake.boards[board];
  if (!all) throw new Problem(404, 'There is no such leaderboard');
  return all.filter((one) => one.played >= leastMatches).sort((a, b) => b.rating - a.rating);
}

/** @param {Stats} one */
const counters = (one) => ({
  rating: one.rating,
  played_field: one.played,
  won_field: one.won,
  played_command: one.led,
  won_command: one.wonLed,
  last_seen: ago(1),
});

/** @type {Handler} */
function board(fake, { query }, [id]) {
  const all = ranked(fake, id).map((one, i) => ({
    rank: i + 1,
    player: { id: one.account, name: fake.names.get(one.account) ?? '' },
    ...counters(one),
  }));
  const { rows, next, total } = portion(all, query);
  return { body: { players: rows, next, total, min_matches: leastMatches } };
}

/** @type {Handler} */
function place(fake, _request, [id, account]) {
  const all = ranked(fake, id);
  const one = fake.boards[id].find((stats) => stats.account === account);
  if (!one) throw new Problem(404, 'The player has no matches there');
  return { body: { ...counters(one), rank: all.indexOf(one) + 1, of: all.length } };
}

/** @type {import('./routes.js').Operation[]} */
export const matchOperations = [
  ['GET', /^\/matches$/, 'meta:read', list],
  ['GET', /^\/matches\/(\d+)$/, 'meta:read', show],
  ['POST', /^\/matches\/(\d+)\/void$/, 'meta:moderate', takeOut],
  ['GET', /^\/leaderboards\/([^/]+)$/, 'meta:read', board],
  ['GET', /^\/leaderboards\/([^/]+)\/players\/(\d+)$/, 'meta:read', place],
];
