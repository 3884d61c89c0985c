/** The columns of the list and the orders that the API knows. */

/** The values of the parameter `sort`; the first one holds when there is none. */
export const sorts = /** @type {const} */ (['requested', 'title', 'version', 'size', 'id']);

/**
 * @typedef {object} Column
 * @property {'column.title' | 'column.state' | 'column.version' | 'column.versions' | 'column.size' | 'column.requested'} label
 * @property {typeof sorts[number]} [sort] The order by this column, when there is one.
 * @property {'ascending' | 'descending'} [direction] Which way round that order is.
 * @property {boolean} [figures] Set flush right.
 */

/** @type {Column[]} */
export const columns = [
  { label: 'column.title', sort: 'title', direction: 'ascending' },
  { label: 'column.state' },
  { label: 'column.version', sort: 'version', direction: 'descending' },
  { label: 'column.versions', figures: true },
  { label: 'column.size', sort: 'size', direction: 'descending', figures: true },
  { label: 'column.requested', sort: 'requested', direction: 'descending' },
];
