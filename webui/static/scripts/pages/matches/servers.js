/** A choice of game servers that lives in the address. */

import { aborted } from '../../api/client.js';
import { getListedServer, listServers } from '../../api/serverlist.js';
import { withoutColours } from '../../elements/coloured.js';
import { querySelect } from '../../elements/query.js';

/** What the API gives at most in one answer. */
const most = '500';

/**
 * Offers the servers that are online, and that of the address.
 * @param {string} label
 * @param {string} key
 * @param {string} all What no choice is called.
 */
export function serverSelect(label, key, all) {
  const select = querySelect(label, key, [{ value: '', label: all }]);
  const controller = new AbortController();
  /** @type {Map<string, string>} */
  const known = new Map();
  let chosen = '';

  function offer() {
    const options = [...known].map(([value, called]) => ({ value, label: called }));
    select.offer([{ value: '', label: all }, ...options.sort((a, b) => a.label.localeCompare(b.label))]);
    select.set(chosen);
  }

  async function load() {
    try {
      const { servers } = await listServers({ sort: 'name', limit: most }, controller.signal);
      for (const server of servers) known.set(server.id, withoutColours(server.name) || `#${server.id}`);
      offer();
    } catch (error) {
      if (!aborted(error)) offer(); // the choice is there without names
    }
  }

  /** @param {string} id */
  async function name(id) {
    known.set(id, `#${id}`);
    try {
      const server = await getListedServer(id, controller.signal);
      known.set(id, withoutColours(server.name) || `#${id}`);
    } catch (error) {
      if (aborted(error)) return;
    }
    offer();
  }
  const loaded = load();

  return {
    element: select.element,
    /** @param {string} id */
    set(id) {
      chosen = id;
      select.set(id);
      if (!id) return;
      loaded.then(() => {
        if (!known.has(id) && !controller.signal.aborted) name(id);
      });
    },
    close: () => controller.abort(),
  };
}
