/** Signing in. */

import { steamHref } from '../../api/account.js';
import { current, signIn } from '../../api/session.js';
import { ApiError } from '../../api/client.js';
import { h } from '../../dom.js';
import { icon } from '../../icons.js';
import { navigate } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';
import { field, formError, gate, passwordField } from './form.js';
import { explained } from './submit.js';

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function signInPage(place) {
  const to = safeTarget(place.query.get('to'));
  const name = field(current().registration ? t('signin.name_or_email') : t('signin.name'), {
    name: 'username',
    autocomplete: 'username',
    autofocus: true,
    required: true,
  });
  const password = passwordField(t('signin.password'), {
    name: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const button = h('button', { class: 'button primary wide' }, icon('signin'), t('session.sign_in'));
  const error = formError();
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    error.element,
    name.element,
    password.element,
    button,
  );

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!name.input.value.trim() || !password.input.value) {
      error.say(t('signin.both'));
      (name.input.value.trim() ? password.input : name.input).focus();
      return;
    }
    button.disabled = true;
    error.say('');
    try {
      const session = await signIn(name.input.value.trim(), password.input.value);
      navigate(to, { replace: true });
      toast(t('signin.done', { name: session.account?.name ?? '' }));
    } catch (cause) {
      error.say(explain(cause));
      password.input.select();
    } finally {
      button.disabled = false;
    }
  });

  const result = place.query.get('steam');
  if (result) error.say(tOr(`steam.${result}`, t('steam.failed')));

  const needsSetup = current().needs_setup;
  return {
    title: t('session.sign_in'),
    element: gate(
      t('session.sign_in'),
      needsSetup
        ? h('p', { class: 'notice note' }, icon('info'), h('span', null, t('signin.no_account')))
        : null,
      form,
      current().steam_sign_in ? throughSteam(to) : null,
      current().registration ? noAccount(place.query.get('to')) : null,
      current().mail ? h('p', null, h('a', { href: '/app/reset' }, t('signin.reset'))) : null,
      h(
        'p',
        { class: 'soft small' },
        t('signin.lost'),
        ' ',
        h('code', null, 'quartermaster admin reset-password'),
      ),
      h('p', null, h('a', { href: '/app/' }, t('signin.look_around'))),
    ),
  };
}

/** @param {string | null} to */
function noAccount(to) {
  const href = to ? `/app/register?to=${encodeURIComponent(to)}` : '/app/register';
  return h('p', null, t('signin.new_here'), ' ', h('a', { href }, t('register.title')));
}

/** @param {string} to */
function throughSteam(to) {
  return h('a', { class: 'button wide', href: steamHref(to) }, icon('signin'), t('signin.steam'));
}

/** @param {unknown} cause */
function explain(cause) {
  if (cause instanceof ApiError && cause.status === 401) return t('signin.wrong');
  if (cause instanceof ApiError && cause.status === 429)
    return t('signin.too_many', { count: cause.retryAfter || 60 });
  return explained(cause);
}

/**
 * Where to go afterwards: only to a page of our own.
 * @param {string | null} to
 */
export function safeTarget(to) {
  return to && /^\/app(\/[^\\]*)?$/.test(to) ? to : '/app/';
}
