/** A list that is fetched page by page: skeleton, rows, more on demand, empty state, failure. */

import { aborted } from '../api/client.js';
import { fill, h, keyed } from '../dom.js';
import { icon } from '../icons.js';
import { announce, toast } from '../shell/toasts.js';
import { t } from '../texts.js';
import { skeleton } from './blocks.js';
import { failureText, failureView } from './failure.js';

/**
 * @template {{ id: string }} Row
 * @param {object} parts
 * @param {{ load: (query: import('./pager.js').Query) => Promise<void>, more: () => Promise<number>,
 *   rows: () => Row[], total: () => number, hasMore: () => boolean, abort: () => void }} parts.pages
 * @param {HTMLElement} parts.frame What is shown when there are rows.
 * @param {HTMLElement} parts.body The part of the frame that holds the rows.
 * @param {(row: Row) => HTMLElement} parts.row
 * @param {(filtered: boolean) => Node} parts.nothing
 * @param {(count: number) => string} parts.added Says how many rows came.
 * @param {(total: number) => void} parts.counted
 */
export function listing({ pages, frame, body, row, nothing, added, counted }) {
  const more = h(
    'button',
    { type: 'button', class: 'button', onclick: loadMore },
    icon('down'),
    t('mods.more'),
  );
  const foot = h('p', { class: 'list-foot', hidden: true }, more);
  const root = h('div', { class: 'list' }, skeleton(8, 'rows'));
  /** @type {import('./pager.js').Query} */
  let query = {};
  let filtered = false;

  /**
   * @param {import('./pager.js').Query} wanted
   * @param {boolean} narrowed Whether an empty answer may be due to the filters.
   */
  function show(wanted, narrowed) {
    query = wanted;
    filtered = narrowed;
    return load();
  }

  async function load() {
    root.setAttribute('aria-busy', 'true');
    try {
      await pages.load(query);
      root.removeAttribute('aria-busy');
      counted(pages.total());
      render();
    } catch (error) {
      if (aborted(error)) return; // a newer request goes on
      root.removeAttribute('aria-busy');
      fill(root, failureView(error, load));
    }
  }

  async function loadMore() {
    more.disabled = true;
    try {
      const count = await pages.more();
      render();
      announce(added(count));
    } catch (error) {
      if (!aborted(error)) toast(failureText(error), 'error');
    } finally {
      more.disabled = false;
    }
  }

  function render() {
    if (pages.rows().length === 0) {
      fill(root, nothing(filtered));
      return;
    }
    if (!root.contains(frame)) fill(root, frame, foot);
    keyed(body, pages.rows(), (one) => one.id, row);
    foot.hidden = !pages.hasMore();
  }

  return { element: root, show, refresh: load, close: pages.abort };
}
