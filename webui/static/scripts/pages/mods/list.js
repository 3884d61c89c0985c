/** The mods themselves: a table on wide screens, cards on phones, more on demand. */

import { listMods } from '../../api/mods.js';
import { h, uniqueId } from '../../dom.js';
import { empty } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { setQuery } from '../../elements/query.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { columns, sorts } from './columns.js';
import { row } from './row.js';

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 500;

/** @param {(total: number) => void} counted */
export function modList(counted) {
  const head = tableHead();
  const body = h('tbody', { role: 'rowgroup' });
  const list = listing({
    pages: pager({ fetch: portion, size: pageSize, most: mostPerPage }),
    frame: frame(head.element, body),
    body,
    row,
    nothing,
    added: (count) => t('mods.added_rows', { count }),
    counted,
  });

  /** @param {URLSearchParams} query */
  function show(query) {
    const [q, state, sort] = ['q', 'state', 'sort'].map((key) => query.get(key) ?? '');
    head.mark(sort);
    return list.show({ q, state, sort }, Boolean(q || state));
  }
  return { element: list.element, show, refresh: list.refresh, close: list.close };
}

/**
 * @param {import('../../elements/pager.js').Query} query
 * @param {AbortSignal} signal
 */
async function portion(query, signal) {
  const { mods, next, total } = await listMods(/** @type {Record<string, string>} */ (query), signal);
  return { rows: mods, next, total };
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
      ?.addEventListener('click', () => setQuery({ sort: sort === sorts[0] ? '' : (sort ?? '') }));
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
