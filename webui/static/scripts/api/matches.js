/** The part of the API that is about matches and leaderboards. */

import { call } from './client.js';
import { search } from './search.js';

/** @typedef {import('../elements/pager.js').Query} Query */
/** @typedef {{ id: string, name: string }} Person The name is empty when the account is deleted. */
/**
 * @typedef {object} Team
 * @property {number} id
 * @property {'human' | 'beast'} race
 * @property {boolean} won
 * @property {number} players
 * @property {number} mean
 * @property {number} opponent
 * @property {Person} [commander]
 */
/**
 * @typedef {object} Match
 * @property {string} id
 * @property {string} server_id
 * @property {string} server Empty when it is not registered any more.
 * @property {string} at
 * @property {string} [map]
 * @property {boolean} draw
 * @property {Team[]} teams
 * @property {string} [voided_at]
 * @property {string} [void_reason]
 */
/**
 * @typedef {object} Change
 * @property {Person} [player]
 * @property {number} before
 * @property {number} weighted
 * @property {number} expected
 * @property {number} score
 * @property {number} factor
 * @property {number} after
 * @property {number} change
 */
/** @typedef {{ name: 'readme' | 'legacy', initial: number, team_weight: number, step: number, floor: number }} Formula */
/** @typedef {{ id: string, name: string, start_at: string, end_at?: string }} MatchDemo */
/** @typedef {Match & { key?: string, formula: Formula, field: Change[][], demos: MatchDemo[] }} MatchDetail */
/**
 * @typedef {object} Place
 * @property {number} rank
 * @property {Person} player
 * @property {number} rating
 * @property {number} played_field
 * @property {number} won_field
 * @property {number} played_command
 * @property {number} won_command
 * @property {string} last_seen
 */
/**
 * @typedef {object} Standing
 * @property {string} [server_id]
 * @property {string} [server]
 * @property {number} rating
 * @property {number} rank 0: not in the leaderboard.
 * @property {number} of
 * @property {number} played_field
 * @property {number} won_field
 * @property {number} played_command
 * @property {number} won_command
 */

/**
 * @param {Query} query server, player, from, to, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ matches: Match[], next: string, total: number }>}
 */
export function listMatches(query, signal) {
  return call('GET', `/matches${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<MatchDetail>}
 */
export function getMatch(id, signal) {
  return call('GET', `/matches/${encodeURIComponent(id)}`, { signal });
}

/**
 * @param {string} id
 * @param {string} reason
 */
export function voidMatch(id, reason) {
  return call('POST', `/matches/${encodeURIComponent(id)}/void`, { body: { reason } });
}

/**
 * @param {string} board Id of a server, or overall.
 * @param {Query} query limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ players: Place[], next: string, total: number, min_matches: number }>}
 */
export function getBoard(board, query, signal) {
  return call('GET', `/leaderboards/${encodeURIComponent(board)}${search(query)}`, { signal });
}

/**
 * @param {string} board
 * @param {string} account
 * @param {AbortSignal} [signal]
 * @returns {Promise<Standing>}
 */
export function getPlace(board, account, signal) {
  return call('GET', `/leaderboards/${encodeURIComponent(board)}/players/${account}`, { signal });
}
