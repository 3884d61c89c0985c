/**
 * The query of a list as a part of an address.
 * @param {import('../elements/pager.js').Query} query Empty values are left out.
 */
export function search(query) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) if (one) params.append(key, one);
  return params.size ? `?${params}` : '';
}
