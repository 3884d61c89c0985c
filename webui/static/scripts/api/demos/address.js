/** Addresses of the API of recordings. */

/**
 * @param {import('../../elements/pager.js').Query} query Empty values are left out.
 */
export function search(query) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.append(key, String(value));
  return params.size ? `?${params}` : '';
}

/** @param {string} id Of a recording. */
export function at(id) {
  return `/demos/${encodeURIComponent(id)}`;
}
