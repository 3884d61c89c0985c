/** What stands on a page that only who is signed in may see. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../texts.js';
import { empty } from './blocks.js';
import { signInHref } from './failure.js';

/** @param {string} why What one would see. */
export function forMembers(why) {
  return h(
    'div',
    { class: 'card' },
    empty(
      'signin',
      t('guest.title'),
      h('p', null, why),
      h(
        'p',
        null,
        h('a', { class: 'button primary', href: signInHref() }, icon('signin'), t('session.sign_in')),
      ),
    ),
  );
}
