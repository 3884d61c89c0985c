/** Making an account with an e-mail address. */

import { steamHref } from '../../api/account.js';
import { register } from '../../api/me.js';
import { current, loadSession } from '../../api/session.js';
import { h } from '../../dom.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, gate } from './form.js';
import { newPassword } from './newpassword.js';
import { safeTarget } from './signin.js';
import { submitForm } from './submit.js';

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function registerPage(place) {
  const to = place.query.get('to');
  const title = t('register.title');
  const signIn = h(
    'p',
    null,
    t('register.have'),
    ' ',
    h('a', { href: to ? `/app/signin?to=${encodeURIComponent(to)}` : '/app/signin' }, t('session.sign_in')),
  );
  const steam = current().steam_sign_in
    ? h('a', { class: 'button wide', href: steamHref(safeTarget(to)) }, icon('signin'), t('signin.steam'))
    : null;
  if (!current().registration) {
    const off = h('p', { class: 'notice note' }, icon('info'), h('span', null, t('register.off')));
    return { title, element: gate(title, off, steam, signIn) };
  }
  return {
    title,
    element: gate(title, h('p', { class: 'soft' }, t('register.text')), form(), steam, signIn),
  };
}

function form() {
  const email = field(t('email.address'), {
    type: 'email',
    name: 'email',
    autocomplete: 'email',
    maxlength: 320,
    autofocus: true,
  });
  const name = field(
    t('name.label'),
    { name: 'nickname', autocomplete: 'nickname', maxlength: 64 },
    h('p', { class: 'hint' }, t('register.name_hint')),
  );
  const password = newPassword(() => name.input.value);
  return submitForm({
    fields: [email.element, name.element, ...password.elements],
    button: [icon('check'), t('register.action')],
    tone: 'primary wide',
    check() {
      if (!email.input.value.trim()) return { input: email.input, text: t('email.need_address') };
      if (!name.input.value.trim()) return { input: name.input, text: t('setup.need_name') };
      return password.mistake();
    },
    run: async () => {
      await register(email.input.value.trim(), name.input.value.trim(), password.value());
      await loadSession(); // until the address is proved, one may do less
      navigate('/app/me', { replace: true });
      toast(t('register.done', { name: current().account?.name ?? '' }));
    },
  }).element;
}
