/** How a mod of the catalogue stands, in a word. */

import { badge, stateBadge } from '../../elements/badge.js';
import { t } from '../../texts.js';

/** @param {0 | 1 | 2} condition */
export function conditionBadge(condition) {
  if (condition === 2) return stateBadge('fetching');
  return condition === 1 ? badge(t('catalog.incomplete'), 'note', true) : stateBadge('ready');
}

/** @satisfies {Record<import('../../api/model.js').Dependency['state'], import('../../api/model.js').State>} */
const stock = { stored: 'ready', fetching: 'fetching', absent: 'absent' };

/** @param {import('../../api/model.js').Dependency['state']} state */
export function dependencyBadge(state) {
  return stateBadge(stock[state]);
}
