/** A new password for one's own account. */

import { changePassword } from '../../api/me.js';
import { h, keyed } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { passwordField } from './form.js';
import { newPassword } from './newpassword.js';
import { submitForm } from './submit.js';

export function passwordCard() {
  const body = h('div', null);
  const element = card(t('password.title'), {}, body);

  /** @param {import('../../api/me.js').Me} me */
  function update({ has_password: guarded, name }) {
    keyed(
      body,
      [{ guarded, name }],
      () => 'form',
      () => form(guarded, name),
    );
  }
  return { element, update };
}

/**
 * @param {boolean} guarded Whether there is a password to be asked for.
 * @param {string} name
 */
function form(guarded, name) {
  const old = guarded
    ? passwordField(t('password.current'), { name: 'password', autocomplete: 'current-password' })
    : null;
  const fresh = newPassword(() => name);
  return h(
    'div',
    { class: 'stack' },
    !guarded && h('p', { class: 'soft' }, t('password.none')),
    submitForm({
      fields: [old?.element, ...fresh.elements],
      button: guarded ? t('password.change') : t('password.set'),
      check: () =>
        old && !old.input.value ? { input: old.input, text: t('password.need_current') } : fresh.mistake(),
      run: async () => {
        await changePassword(old?.input.value ?? '', fresh.value());
        if (old) old.input.value = '';
        fresh.clear();
        toast(t('password.changed'));
      },
    }).element,
  );
}
