/** What needs attention, how much there is, and the lines that game servers need. */

import { may } from '../../api/session.js';
import { h } from '../../dom.js';
import { pageHead } from '../../elements/blocks.js';
import { t } from '../../texts.js';
import { guestOverview } from './guest.js';
import { operatorOverview } from './operator.js';

/** @returns {import('../../router.js').Page} */
export function overviewPage() {
  const body = may('admin') ? operatorOverview() : guestOverview();
  return {
    title: t('nav.overview'),
    element: h('div', { class: 'page' }, pageHead(t('nav.overview'), body.beside), body.element),
    close: body.close,
  };
}
