/** What a name that is being typed may stand for. */

import { ApiError } from './client.js';
import { listClans } from './clans.js';
import { getPlayer, listPlayers } from './players.js';

const most = '100';

/**
 * @param {string} part Of a player's name, or # and his number.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ id: string, name: string }[]>}
 */
export async function findPlayers(part, signal) {
  const number = /^#([1-9]\d*)$/.exec(part);
  if (number) return findNumber(number[1], part, signal);
  const { players } = await listPlayers({ q: part, limit: most }, signal);
  return players;
}

/**
 * @param {string} id
 * @param {string} typed
 * @param {AbortSignal} [signal]
 */
async function findNumber(id, typed, signal) {
  try {
    await getPlayer(id, signal);
    return [{ id, name: typed }];
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

/**
 * @param {string} part Of a clan's name or tag.
 * @param {AbortSignal} [signal]
 */
export async function findClans(part, signal) {
  const { clans } = await listClans({ q: part, limit: most }, signal);
  return clans;
}
