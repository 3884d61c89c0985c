/** The mods themselves: a table on wide screens, cards on phones, more on demand. */

import { aborted } from '../../api/client.js';
import { fill, h, keyed, uniqueId } from '../../dom.js';
import { empty, skeleton } from '../../elements/blocks.js';
import { failureText, failureView } from '../../elements/failure.js';
import { announce, toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { icon } from '../../icons.js';
import { columns, sorts } from './columns.js';
import { setFilter } from './filters.js';
import { pager } from './pager.js';
import { row } from './row.js';

/** @param {(total: number) => void} counted */
export function modList(counted) {
  const head = tableHead();
  const body = h('tbody', { role: 'rowgroup' });
  const table = frame(head.element, body);
  const more = h(
    'button',
    { type: 'button', class: 'button', onclick: loadMore },
    icon('down'),
    t('mods.more'),
  );
  const foot = h('p', { class: 'list-foot', hidden: true }, more);
  const root = h('div', { class: 'list' }, skeleton(8, 'rows'));
  const pages = pager();
  let filters = { q: '', state: '', sort: '' };

  /** @param {URLSearchParams} query */
  function show(query) {
    filters = { q: query.get('q') ?? '', state: query.get('state') ?? '', sort: query.get('sort') ?? '' };
    head.mark(filters.sort);
    return load();
  }

  async function load() {
    root.setAttribute('aria-busy', 'true');
    try {
      await pages.load(filters);
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
      announce(t('mods.added_rows', { count }));
    } catch (error) {
      if (!aborted(error)) toast(failureText(error), 'error');
    } finally {
      more.disabled = false;
    }
  }

  function render() {
    if (pages.rows().length === 0) {
      fill(root, nothing(Boolean(filters.q || filters.state)));
      return;
    }
    if (!root.contains(table)) fill(root, table, foot);
    keyed(body, pages.rows(), (mod) => mod.id, row);
    foot.hidden = !pages.hasMore();
  }

  return { element: root, show, refresh: load, close: pages.abort };
}

/**
 * @param {HTMLElement} head
 * @param {HTMLElement} body
 */
function frame(head, body) {
  const caption = uniqueId('mods');
  return h(
    'table',
    { class: 'table cards mods', role: 'table', 'aria-labelledby': caption },
    h('caption', { id: caption, class: 'visually-hidden' }, t('nav.mods')),
    head,
    body,
  );
}

function tableHead() {
  const cells = columns.map((column) => {
    const label = t(column.label);
    const sortable = column.sort !== undefined;
    const inside = sortable
      ? h(
          'button',
          { type: 'button', class: 'sort' },
          label,
          icon('up', 'sort-up'),
          icon('down', 'sort-down'),
        )
      : label;
    return h(
      'th',
      { role: 'columnheader', scope: 'col', class: column.figures ? 'figures-column' : null },
      inside,
    );
  });
  columns.forEach(({ sort }, i) => {
    cells[i]
      .querySelector('button')
      ?.addEventListener('click', () => setFilter('sort', sort === sorts[0] ? '' : (sort ?? '')));
  });

  /** @param {string} current */
  function mark(current) {
    columns.forEach(({ sort, direction }, i) => {
      if (sort)
        cells[i].setAttribute('aria-sort', sort === (current || sorts[0]) ? (direction ?? 'none') : 'none');
    });
  }
  return { element: h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, cells)), mark };
}

/** @param {boolean} filtered */
function nothing(filtered) {
  if (filtered) return empty('search', t('mods.no_match'), h('p', null, t('mods.no_match_hint')));
  return empty('mods', t('mods.none'), h('p', null, t('mods.none_hint')));
}
