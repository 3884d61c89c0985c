/** What is kept about oneself: take it along, or have it deleted. */

import { deleteMe, exportHref } from '../../api/me.js';
import { h, keyed } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, passwordField } from './form.js';
import { submitForm } from './submit.js';

export function dataCard() {
  const form = h('div', null);
  const element = card(
    t('data.title'),
    {},
    h('p', { class: 'soft' }, t('data.export_text')),
    h(
      'p',
      { class: 'actions' },
      h('a', { class: 'button', href: exportHref, download: true }, icon('download'), t('data.export')),
    ),
    h('details', { class: 'more' }, h('summary', null, t('data.delete')), form),
  );

  /** @param {import('../../api/me.js').Me} me */
  function update({ name, has_password: guarded }) {
    keyed(
      form,
      [{ name, guarded }],
      () => 'form',
      () => deleteForm(name, guarded),
    );
  }
  return { element, update };
}

/**
 * @param {string} name That has to be typed.
 * @param {boolean} guarded
 */
function deleteForm(name, guarded) {
  const typed = field(t('confirm.type', { what: name }), { autocomplete: 'off', spellcheck: 'false' });
  const password = guarded
    ? passwordField(t('password.current'), { name: 'password', autocomplete: 'current-password' })
    : null;
  return submitForm({
    fields: [
      h('p', { class: 'notice warn' }, icon('warning'), h('span', null, t('data.delete_text'))),
      typed.element,
      password?.element,
    ],
    button: [icon('trash'), t('data.delete_now')],
    tone: 'danger',
    check() {
      if (typed.input.value.trim() !== name.trim()) return { input: typed.input, text: t('data.type_name') };
      if (password && !password.input.value)
        return { input: password.input, text: t('password.need_current') };
      return null;
    },
    run: async () => {
      await deleteMe(password?.input.value ?? '');
      navigate('/app/', { replace: true });
      toast(t('data.deleted'));
    },
  }).element;
}
