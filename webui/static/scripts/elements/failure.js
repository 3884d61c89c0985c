/** What people see when a request failed. */

import { ApiError } from '../api/client.js';
import { h } from '../dom.js';
import { sentence } from '../format.js';
import { icon } from '../icons.js';
import { t, tOr } from '../texts.js';
import { copyable } from './copy.js';

/**
 * The one sentence that says what went wrong.
 * @param {unknown} error
 */
export function failureText(error) {
  if (!(error instanceof ApiError)) return t('failure.page');
  if (error.offline) return t('failure.offline');
  if (error.status === 429)
    return error.retryAfter ? t('failure.too_many_wait', { count: error.retryAfter }) : t('failure.too_many');
  return (
    sentence(tOr(`refusal.${error.message}`, error.message)) ||
    t('failure.status', { status: String(error.status) })
  );
}

/**
 * @param {unknown} error
 * @param {(() => void) | null} [retry]
 */
export function failureView(error, retry = null) {
  const known = error instanceof ApiError ? error : null;
  const refused = known?.status === 401;
  return h(
    'div',
    { class: 'notice bad', role: 'alert' },
    icon('error'),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, refused ? t('failure.sign_in') : failureText(error)),
      known?.hint && h('p', null, sentence(known.hint)),
      known?.requestId &&
        h(
          'p',
          { class: 'soft' },
          t('failure.request_id'),
          ' ',
          copyable(known.requestId, t('failure.request_id')),
        ),
      h(
        'p',
        { class: 'actions' },
        refused && h('a', { class: 'button', href: signInHref() }, icon('signin'), t('session.sign_in')),
        retry &&
          h('button', { type: 'button', class: 'button', onclick: retry }, icon('retry'), t('action.retry')),
      ),
    ),
  );
}

/** The sign-in page that comes back here. */
export function signInHref() {
  const back = location.pathname + location.search;
  return `/app/signin?to=${encodeURIComponent(back)}`;
}
