/** A new password by a code that is mailed. */

import { confirmReset, requestReset } from '../../api/me.js';
import { current } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, gate } from './form.js';
import { newPassword } from './newpassword.js';
import { submitForm } from './submit.js';

/** @returns {import('../../router.js').Page} */
export function resetPage() {
  const title = t('reset.title');
  const back = h('p', null, h('a', { href: '/app/signin' }, t('reset.back')));
  if (!current().mail) {
    const off = h('p', { class: 'notice note' }, icon('info'), h('span', null, t('reset.off')));
    return { title, element: gate(title, off, back) };
  }
  const body = h('div', { class: 'stack' });
  fill(body, request(body));
  return { title, element: gate(title, body, back) };
}

/** @param {HTMLElement} body */
function request(body) {
  const email = field(t('email.address'), {
    type: 'email',
    name: 'email',
    autocomplete: 'email',
    maxlength: 320,
    autofocus: true,
  });
  return submitForm({
    fields: [h('p', { class: 'soft' }, t('reset.text')), email.element],
    button: t('reset.ask'),
    tone: 'primary wide',
    check: () => (email.input.value.trim() ? null : { input: email.input, text: t('email.need_address') }),
    run: async () => {
      const address = email.input.value.trim();
      await requestReset(address);
      fill(body, withCode(address));
      body.querySelector('input')?.focus();
    },
  }).element;
}

/** @param {string} address */
function withCode(address) {
  const code = field(t('email.code'), {
    name: 'code',
    class: 'input mono code-input',
    autocomplete: 'one-time-code',
    autocapitalize: 'characters',
    spellcheck: 'false',
    maxlength: 32,
  });
  const password = newPassword(() => '');
  return submitForm({
    fields: [
      h(
        'p',
        { class: 'notice note', role: 'status' },
        icon('info'),
        h('span', null, t('reset.sent', { address })),
      ),
      code.element,
      ...password.elements,
    ],
    button: t('reset.action'),
    tone: 'primary wide',
    check: () =>
      code.input.value.trim() ? password.mistake() : { input: code.input, text: t('email.need_code') },
    run: async () => {
      await confirmReset(address, code.input.value.trim(), password.value());
      navigate('/app/signin', { replace: true });
      toast(t('reset.done'));
    },
  }).element;
}
