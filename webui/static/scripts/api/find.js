/** What a name that is being typed may stand for. */

import { listClans } from './clans.js';
import { listPlayers } from './players.js';

const most = '20';

/**
 * @param {string} part Of a player's name.
 * @param {AbortSignal} [signal]
 */
export async function findPlayers(part, signal) {
  const { players } = await listPlayers({ q: part, limit: most }, signal);
  return players;
}

/**
 * @param {string} part Of a clan's name or tag.
 * @param {AbortSignal} [signal]
 */
export async function findClans(part, signal) {
  const { clans } = await listClans({ q: part, limit: most }, signal);
  return clans;
}
