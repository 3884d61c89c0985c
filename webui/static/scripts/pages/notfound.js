/** The page for an address that nothing stands at. */

import { h } from '../dom.js';
import { empty, pageHead } from '../elements/blocks.js';
import { t } from '../texts.js';

/** @returns {import('../router.js').Page} */
export function notFoundPage() {
  return {
    title: t('notfound.title'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('notfound.title')),
      empty(
        'search',
        t('notfound.text'),
        h('p', null, h('code', null, location.pathname)),
        h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/' }, t('notfound.home'))),
      ),
    ),
  };
}
