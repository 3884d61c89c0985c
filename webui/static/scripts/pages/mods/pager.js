/** The rows of the list that were fetched so far, and how to get more of them. */

import { listMods } from '../../api/mods.js';

/** @typedef {import('../../api/model.js').Mod} Mod */
/** @typedef {{ q: string, state: string, sort: string }} Filters */

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 500;

export function pager() {
  /** @type {Filters} */
  let filters = { q: '', state: '', sort: '' };
  /** @type {Mod[]} */
  let mods = [];
  let cursor = '';
  let total = 0;
  let controller = new AbortController();

  /**
   * Fetches the first rows, and as many as there were before with the same filters.
   * @param {Filters} wanted
   */
  async function load(wanted) {
    const again = JSON.stringify(wanted) === JSON.stringify(filters);
    const limit = again ? Math.min(Math.max(pageSize, mods.length), mostPerPage) : pageSize;
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    const list = await listMods({ ...wanted, limit: String(limit) }, signal);
    signal.throwIfAborted();
    filters = wanted;
    mods = list.mods;
    cursor = list.next;
    total = list.total;
  }

  /** Fetches the next rows and returns how many came. */
  async function more() {
    const { signal } = controller;
    const list = await listMods({ ...filters, limit: String(pageSize), cursor }, signal);
    signal.throwIfAborted();
    const known = new Set(mods.map((mod) => mod.id));
    const added = list.mods.filter((mod) => !known.has(mod.id));
    mods = [...mods, ...added];
    cursor = list.next;
    return added.length;
  }

  return {
    load,
    more,
    rows: () => mods,
    total: () => total,
    hasMore: () => cursor !== '',
    abort: () => controller.abort(),
  };
}
