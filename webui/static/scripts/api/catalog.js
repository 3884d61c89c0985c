/** The part of the API that is about the catalogue: mods, games, tags and statistics. */

import { call } from './client.js';

/** @typedef {Record<string, string | string[]>} Query Empty values are left out, lists are repeated. */

/** @param {Query} query */
function search(query) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) params.append(key, one);
  }
  return params.size ? `?${params}` : '';
}

/**
 * @param {Query} query q, game, tag, source, dependency, independent, state, sort, limit (≤ 100), cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ mods: import('./model.js').CatalogMod[], next: string, total: number }>}
 */
export function listCatalog(query, signal) {
  return call('GET', `/catalog/mods${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').CatalogDetail>}
 */
export function getCatalogMod(id, signal) {
  return call('GET', `/catalog/mods/${encodeURIComponent(id)}`, { signal });
}

/**
 * Asks for everything that a mod needs and that is not here.
 * @param {string} id
 * @returns {Promise<{ queued: string[], skipped: { id: string, why: string }[] }>}
 */
export function fetchDependencies(id) {
  return call('POST', `/catalog/mods/${encodeURIComponent(id)}/dependencies/fetch`);
}

/**
 * @param {Query} query q, type, genre, sort, limit (≤ 100), cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ games: import('./model.js').Game[], next: string, total: number }>}
 */
export function listGames(query, signal) {
  return call('GET', `/catalog/games${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').GameDetail>}
 */
export function getGame(id, signal) {
  return call('GET', `/catalog/games/${encodeURIComponent(id)}`, { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ genres: { id: string, name: string, games: number }[] }>}
 */
export function listGenres(signal) {
  return call('GET', '/catalog/genres', { signal });
}

/**
 * @param {string} game '' = of all games.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ tags: import('./model.js').Tag[] }>}
 */
export function listTags(game, signal) {
  return call('GET', `/catalog/tags${search({ game })}`, { signal });
}

/**
 * @param {Query} query by, from, to, type.
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').Statistics>}
 */
export function getStatistics(query, signal) {
  return call('GET', `/catalog/statistics${search(query)}`, { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<import('./model.js').StatisticsSummary>}
 */
export function getStatisticsSummary(signal) {
  return call('GET', '/catalog/statistics/summary', { signal });
}
