/** The first run: the one-time link leads here and makes the first administrator. */

import { ApiError } from '../../api/client.js';
import { current, setUp } from '../../api/session.js';
import { h } from '../../dom.js';
import { codeBlock } from '../../elements/copy.js';
import { languageChoice } from '../../elements/choice.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { here, navigate, reopen } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, formError, gate } from './form.js';
import { newPassword } from './newpassword.js';

/**
 * What was read from the address and typed so far: it survives a change of the
 * language, which builds the page anew, and nothing else.
 */
const draft = { token: '', name: '' };

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function setupPage(place) {
  takeToken(place.fragment);
  const body = current().needs_setup ? withLink() : [alreadyDone()];
  return {
    title: t('setup.title'),
    element: gate(t('setup.title'), body),
    query: () => {
      // A fresh link pasted over the old one changes the fragment alone.
      if (here().fragment) reopen();
    },
  };
}

/**
 * Keeps the token and takes it out of the address, so that it stays out of the
 * history and of what people share.
 * @param {string} fragment
 */
function takeToken(fragment) {
  if (!fragment) return;
  draft.token = fragment;
  history.replaceState(null, '', '/app/setup');
}

/** @returns {import('../../dom.js').Child[]} */
function withLink() {
  const language = languageChoice(t('setup.language'));
  return draft.token
    ? [language, h('p', { class: 'soft' }, t('setup.text')), accountForm()]
    : [language, ...noToken()];
}

function noToken() {
  return [
    h('p', { class: 'notice note' }, icon('info'), h('span', null, t('setup.no_token'))),
    h('p', { class: 'soft' }, t('setup.where')),
    codeBlock('quartermaster setup-link', t('setup.command')),
  ];
}

function alreadyDone() {
  return h(
    'div',
    { class: 'form' },
    h('p', null, t('setup.done_before')),
    h(
      'a',
      { class: 'button primary wide', href: current().account ? '/app/' : '/app/signin' },
      current().account ? t('notfound.home') : t('session.sign_in'),
    ),
  );
}

function accountForm() {
  const name = field(t('setup.name'), {
    name: 'username',
    autocomplete: 'username',
    value: draft.name,
    maxlength: 64,
    autofocus: true,
  });
  const password = newPassword(() => name.input.value);
  const button = h('button', { class: 'button primary wide' }, icon('check'), t('setup.action'));
  const error = formError();
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    error.element,
    name.element,
    password.elements,
    button,
  );

  form.addEventListener('input', () => {
    draft.name = name.input.value;
    password.check();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = noName(name.input) ?? password.mistake();
    if (wrong) {
      error.say(wrong.text);
      wrong.input.focus();
      return;
    }
    button.disabled = true;
    error.say('');
    try {
      await setUp(draft.token, name.input.value.trim(), password.value());
      draft.token = '';
      draft.name = '';
      navigate('/app/', { replace: true });
      toast(t('setup.done'));
    } catch (cause) {
      error.say(explain(cause));
    } finally {
      button.disabled = false;
    }
  });
  return form;
}

/** @param {HTMLInputElement} input */
function noName(input) {
  return input.value.trim() ? null : { input, text: t('setup.need_name') };
}

/** @param {unknown} cause */
function explain(cause) {
  if (!(cause instanceof ApiError)) return failureText(cause);
  if (cause.status === 404 || cause.status === 401 || cause.status === 403) return t('setup.stale');
  return [failureText(cause), sentence(cause.hint)].filter(Boolean).join('. ');
}
