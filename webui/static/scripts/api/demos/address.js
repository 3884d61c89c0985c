/** Addresses of the API of recordings. */

export { search } from '../search.js';

/** @param {string} id Of a recording. */
export function at(id) {
  return `/demos/${encodeURIComponent(id)}`;
}
