/** Favourite servers: kept in this browser, sent to nobody. */

import { ApiError } from '../../api/client.js';
import { getListedServer } from '../../api/serverlist.js';

/** @typedef {import('../../api/serverlist.js').ListedServer} ListedServer */

const key = 'favourite-servers';
const most = 100;

/** @type {string[] | null} */
let known = null;

/** The ids of the favourites. @returns {string[]} */
export function favourites() {
  known ??= read();
  return known;
}

/** @param {string} id */
export function isFavourite(id) {
  return favourites().includes(id);
}

/**
 * @param {string} id
 * @returns {boolean} Whether it is one now.
 */
export function toggleFavourite(id) {
  const is = !isFavourite(id);
  const rest = favourites().filter((one) => one !== id);
  known = is ? [...rest, id].slice(-most) : rest;
  try {
    localStorage.setItem(key, JSON.stringify(known));
  } catch {
    // Storage is blocked: they last as long as the page.
  }
  return is;
}

function read() {
  try {
    const saved = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(saved) ? saved.filter((id) => /^\d{1,18}$/.test(id)).slice(-most) : [];
  } catch {
    return []; // blocked, or not ours
  }
}

/**
 * The favourites that a query selects, offline ones too, in its order.
 * @param {Record<string, string>} query
 * @param {AbortSignal} signal
 */
export async function favouriteServers(query, signal) {
  const answers = await Promise.all(favourites().map((id) => one(id, signal)));
  const found = answers.filter((server) => server !== null && selects(query, server));
  const rows = /** @type {ListedServer[]} */ (found).sort(order(query.sort, query.reverse === 'true'));
  return { rows, next: '', total: rows.length };
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function one(id, signal) {
  try {
    return await getListedServer(id, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null; // deleted or hidden
    throw error;
  }
}

/**
 * @param {Record<string, string>} query
 * @param {ListedServer} server
 */
function selects(query, server) {
  const has = (/** @type {string | undefined} */ text, /** @type {string} */ part) =>
    (text ?? '').toLowerCase().includes(part.toLowerCase());
  const { q, map, game_type: type, mod } = query;
  return (
    (!q || [server.plain_name, server.description, server.map, server.host].some((text) => has(text, q))) &&
    (!map || has(server.map, map)) &&
    (!type || (server.game_type ?? '').toLowerCase() === type.toLowerCase()) &&
    (!mod || server.mods.some(({ id }) => id === mod)) &&
    (!query.has_players || (server.online && server.players > 0)) &&
    (!query.not_full || (server.online && server.players < server.max_players)) &&
    (!query.not_passworded || !server.passworded)
  );
}

/**
 * @param {string | undefined} by
 * @param {boolean} reverse
 */
function order(by, reverse) {
  const turn = reverse ? -1 : 1;
  /** @type {Record<string, (server: ListedServer) => string | number>} */
  const keys = {
    name: (server) => server.plain_name.toLowerCase(),
    map: (server) => (server.map ?? '').toLowerCase(),
    game_type: (server) => (server.game_type ?? '').toLowerCase(),
    room: (server) => -server.max_players,
    updated: (server) => -Date.parse(server.updated ?? '0'),
    players: (server) => (server.online ? -server.players : 1),
  };
  const of = keys[by || 'players'] ?? keys.players;
  return (/** @type {ListedServer} */ a, /** @type {ListedServer} */ b) => {
    const [x, y] = [of(a), of(b)];
    return x === y ? 0 : (x < y ? -1 : 1) * turn;
  };
}
