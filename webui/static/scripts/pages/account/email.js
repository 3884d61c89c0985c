/** One's e-mail address: add, confirm by a mailed code, change. */

import { changeEmail, resendCode, verifyEmail } from '../../api/me.js';
import { current } from '../../api/session.js';
import { h, keyed, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { onDate } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, passwordField } from './form.js';
import { submitForm } from './submit.js';

/** @typedef {import('../../api/me.js').Me} Me */

/** @param {(me: Me) => void} changed */
export function emailCard(changed) {
  const state = h('div', { class: 'account-body' });
  const code = h('div', null);
  const change = h('div', null);
  const element = card(t('email.title'), {}, state, code, change);

  /** @param {Me} me */
  function update(me) {
    const { email = '', new_email: next = '', verified_at: verified = '', has_password: guarded } = me;
    const waits = next || (email && !verified ? email : '');
    keyed(state, [{ email, verified, next }], () => 'state', standing);
    keyed(
      code,
      waits ? [waits] : [],
      (one) => one,
      (one) => codeForm(one, !next, changed),
    );
    keyed(
      change,
      [{ email, guarded }],
      () => 'change',
      () => changePart(Boolean(email), guarded, changed),
    );
  }
  return { element, update };
}

/** @param {{ email: string, verified: string, next: string }} known */
function standing({ email, verified, next }) {
  if (!email) return h('p', { class: 'soft' }, t('email.none'));
  return h(
    'div',
    null,
    h(
      'p',
      null,
      h('strong', null, name(email)),
      ' ',
      verified ? badge(t('email.verified'), 'good', true) : badge(t('email.unverified'), 'warn', true),
    ),
    verified && h('p', { class: 'soft small' }, t('email.since'), ' ', onDate(verified)),
    next && h('p', null, t('email.next'), ' ', h('strong', null, name(next))),
  );
}

/**
 * @param {string} address That the code was mailed to.
 * @param {boolean} first Not to replace another address: only then is there another code without naming it again.
 * @param {(me: Me) => void} changed
 */
function codeForm(address, first, changed) {
  const code = field(t('email.code'), {
    name: 'code',
    class: 'input mono code-input',
    autocomplete: 'one-time-code',
    autocapitalize: 'characters',
    spellcheck: 'false',
    maxlength: 32,
  });
  const form = submitForm({
    fields: [
      h('p', { class: 'notice note' }, icon('info'), h('span', null, t('email.sent', { address }))),
      code.element,
    ],
    button: [icon('check'), t('email.confirm')],
    check: () => (code.input.value.trim() ? null : { input: code.input, text: t('email.need_code') }),
    run: async () => {
      changed(await verifyEmail(code.input.value.trim()));
      toast(t('email.confirmed'));
    },
  });
  const again = actionButton({
    label: t('email.again'),
    icon: 'retry',
    focus: 'code-again',
    run: async () => {
      await resendCode();
      toast(t('email.sent_again', { address }));
    },
  });
  return h('div', { class: 'account-body code-form' }, form.element, first && again);
}

/**
 * @param {boolean} has Whether there is an address already.
 * @param {boolean} guarded Whether the account has a password.
 * @param {(me: Me) => void} changed
 */
function changePart(has, guarded, changed) {
  if (!current().mail) return h('p', { class: 'soft' }, t('email.no_mail'));
  const address = field(has ? t('email.new') : t('email.address'), {
    type: 'email',
    name: 'email',
    autocomplete: 'email',
    maxlength: 320,
  });
  const password = guarded
    ? passwordField(t('password.current'), { name: 'password', autocomplete: 'current-password' })
    : null;
  const form = submitForm({
    fields: [address.element, password?.element],
    button: has ? t('email.change') : t('email.add'),
    tone: has ? '' : 'primary',
    check() {
      if (!address.input.value.trim()) return { input: address.input, text: t('email.need_address') };
      if (password && !password.input.value)
        return { input: password.input, text: t('password.need_current') };
      return null;
    },
    run: async () => {
      changed(await changeEmail(address.input.value.trim(), password?.input.value ?? ''));
      toast(t('email.mailed'));
    },
  });
  if (!has) return form.element;
  return h('details', { class: 'more' }, h('summary', null, t('email.change')), form.element);
}
