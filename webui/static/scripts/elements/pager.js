/** The rows of a list that were fetched so far, and how to get more of them. */

/** @typedef {Record<string, string | string[]>} Query */
/**
 * @template Row
 * @typedef {{ rows: Row[], next: string, total: number }} Portion
 */

/**
 * @template {{ id: string }} Row
 * @param {object} parts
 * @param {(query: Query, signal: AbortSignal) => Promise<Portion<Row>>} parts.fetch
 * @param {number} parts.size Rows that are shown at first and added at a time.
 * @param {number} parts.most What the API gives at most in one answer.
 */
export function pager({ fetch, size, most }) {
  /** @type {Query} */
  let filters = {};
  /** @type {Row[]} */
  let rows = [];
  let cursor = '';
  let total = 0;
  let controller = new AbortController();

  /**
   * Fetches the first rows, and as many as there were before with the same filters.
   * @param {Query} wanted
   */
  async function load(wanted) {
    const again = JSON.stringify(wanted) === JSON.stringify(filters);
    const count = again ? Math.max(size, rows.length) : size;
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    /** @type {Row[]} */
    let fresh = [];
    let next = '';
    do {
      const limit = String(Math.min(count - fresh.length, most));
      const portion = await fetch({ ...wanted, limit, cursor: next }, signal);
      signal.throwIfAborted();
      fresh = joined(fresh, portion.rows);
      next = portion.rows.length ? portion.next : '';
      total = portion.total;
    } while (next && fresh.length < count);
    filters = wanted;
    rows = fresh;
    cursor = next;
  }

  /** Fetches the next rows and returns how many came. */
  async function more() {
    const { signal } = controller;
    const portion = await fetch({ ...filters, limit: String(size), cursor }, signal);
    signal.throwIfAborted();
    const before = rows.length;
    rows = joined(rows, portion.rows);
    cursor = portion.next;
    return rows.length - before;
  }

  return {
    load,
    more,
    rows: () => rows,
    total: () => total,
    hasMore: () => cursor !== '',
    abort: () => controller.abort(),
  };
}

/**
 * What moved to a later page meanwhile is not shown twice.
 * @template {{ id: string }} Row
 * @param {Row[]} rows
 * @param {Row[]} added
 */
function joined(rows, added) {
  const known = new Set(rows.map((row) => row.id));
  return [...rows, ...added.filter((row) => !known.has(row.id))];
}
