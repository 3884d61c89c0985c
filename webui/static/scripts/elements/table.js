/** Tables whose rows become cards on phones. */

import { h, uniqueId } from '../dom.js';

/** @typedef {import('../dom.js').Children} Children */
/** @typedef {{ label: string, figures?: boolean, hidden?: boolean }} Column hidden: its heading is only read out. */

/**
 * @param {string} caption Read out, not shown.
 * @param {Column[]} columns
 * @param {string} [className]
 */
export function table(caption, columns, className = '') {
  const id = uniqueId('table');
  const body = h('tbody', { role: 'rowgroup' });
  const element = h(
    'table',
    { class: `table cards ${className}`.trim(), role: 'table', 'aria-labelledby': id },
    h('caption', { id, class: 'visually-hidden' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, columns.map(heading))),
    body,
  );

  /** @param {...Children} cells What stands in each column. */
  function row(...cells) {
    return h(
      'tr',
      { role: 'row' },
      cells.map((children, at) => {
        const { label, figures, hidden } = columns[at];
        return h(
          'td',
          {
            role: 'cell',
            class: figures ? 'figures-column' : null,
            'data-label': at === 0 || hidden ? null : label,
          },
          h('div', { class: 'cell' }, children),
        );
      }),
    );
  }
  return { element, body, row };
}

/** @param {Column} column */
function heading({ label, figures, hidden }) {
  return h(
    'th',
    { role: 'columnheader', scope: 'col', class: figures ? 'figures-column' : null },
    hidden ? h('span', { class: 'visually-hidden' }, label) : label,
  );
}
