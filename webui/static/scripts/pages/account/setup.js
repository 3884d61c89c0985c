/** The first run: the one-time link leads here and makes the first administrator. */

import { ApiError } from '../../api/client.js';
import { current, setUp } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { codeBlock } from '../../elements/copy.js';
import { languageChoice } from '../../elements/choice.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { here, navigate, reopen } from '../../router.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field, formError, gate, passwordField } from './form.js';
import { shortest, strength } from './strength.js';

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
  const rules = ruleList();
  const name = field(t('setup.name'), {
    name: 'username',
    autocomplete: 'username',
    value: draft.name,
    maxlength: 64,
    autofocus: true,
  });
  const first = passwordField(
    t('setup.password'),
    { name: 'new-password', autocomplete: 'new-password' },
    rules.element,
  );
  const second = passwordField(t('setup.again'), { name: 'repeat-password', autocomplete: 'new-password' });
  first.input.setAttribute('aria-describedby', rules.element.id);
  const button = h('button', { class: 'button primary wide' }, icon('check'), t('setup.action'));
  const error = formError();
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    error.element,
    name.element,
    first.element,
    second.element,
    button,
  );

  form.addEventListener('input', () => {
    draft.name = name.input.value;
    rules.check(first.input.value, second.input.value, name.input.value);
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = firstMistake(name.input, first.input, second.input);
    if (wrong) {
      error.say(wrong.text);
      wrong.input.focus();
      return;
    }
    button.disabled = true;
    error.say('');
    try {
      await setUp(draft.token, name.input.value.trim(), first.input.value);
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
  rules.check('', '', '');
  return form;
}

/**
 * @param {HTMLInputElement} name
 * @param {HTMLInputElement} first
 * @param {HTMLInputElement} second
 */
function firstMistake(name, first, second) {
  if (!name.value.trim()) return { input: name, text: t('setup.need_name') };
  const word = strength(first.value, name.value);
  if (word === 'short') return { input: first, text: t('rule.length', { count: shortest }) };
  if (word === 'long') return { input: first, text: t('strength.long') };
  if (first.value !== second.value) return { input: second, text: t('setup.differ') };
  return null;
}

/** @param {unknown} cause */
function explain(cause) {
  if (!(cause instanceof ApiError)) return failureText(cause);
  if (cause.status === 404 || cause.status === 401 || cause.status === 403) return t('setup.stale');
  return [failureText(cause), sentence(cause.hint)].filter(Boolean).join('. ');
}

/** The rules, ticked as they are met, and the strength in words. */
function ruleList() {
  const length = rule(t('rule.length', { count: shortest }));
  const same = rule(t('rule.same'));
  const word = h('span', { class: 'strength' });
  const meterBar = h('span', { class: 'strength-bar', 'aria-hidden': 'true' });
  const element = h(
    'div',
    { class: 'rules', id: 'password-rules' },
    h('ul', null, length.element, same.element),
    h('p', { class: 'strength-row', 'aria-live': 'polite' }, meterBar, word),
  );

  /**
   * @param {string} first
   * @param {string} second
   * @param {string} name
   */
  function check(first, second, name) {
    const found = strength(first, name);
    length.set(found !== 'short');
    same.set(first !== '' && first === second);
    meterBar.dataset.strength = first ? found : '';
    fill(word, first ? t(`strength.${found}`) : t('strength.advice'));
  }
  return { element, check };
}

/** @param {string} text */
function rule(text) {
  const state = h('span', { class: 'visually-hidden' });
  const element = h('li', { class: 'rule' }, icon('check'), h('span', null, text), state);
  return {
    element,
    /** @param {boolean} met */
    set(met) {
      element.classList.toggle('met', met);
      state.textContent = met ? t('rule.met') : t('rule.open');
    },
  };
}
