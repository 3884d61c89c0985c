/** The two fields of a new password, with its rules and its strength. */

import { fill, h, uniqueId } from '../../dom.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { passwordField } from './form.js';
import { shortest, strength } from './strength.js';

/** @param {() => string} nameOf The account's name, which makes a poor password. */
export function newPassword(nameOf) {
  const rules = ruleList();
  const first = passwordField(
    t('setup.password'),
    { name: 'new-password', autocomplete: 'new-password' },
    rules.element,
  );
  const second = passwordField(t('setup.again'), { name: 'repeat-password', autocomplete: 'new-password' });
  first.input.setAttribute('aria-describedby', rules.element.id);
  const check = () => rules.check(first.input.value, second.input.value, nameOf());
  first.input.addEventListener('input', check);
  second.input.addEventListener('input', check);
  check();
  return {
    elements: [first.element, second.element],
    check,
    value: () => first.input.value,
    clear() {
      first.input.value = '';
      second.input.value = '';
      check();
    },
    /** What is wrong with it, and where; null when nothing is. */
    mistake() {
      const word = strength(first.input.value, nameOf());
      if (word === 'short') return { input: first.input, text: t('rule.length', { count: shortest }) };
      if (word === 'long') return { input: first.input, text: t('strength.long') };
      if (first.input.value !== second.input.value) return { input: second.input, text: t('setup.differ') };
      return null;
    },
  };
}

/** The rules, ticked as they are met, and the strength in words. */
function ruleList() {
  const length = rule(t('rule.length', { count: shortest }));
  const same = rule(t('rule.same'));
  const word = h('span', { class: 'strength' });
  const meterBar = h('span', { class: 'strength-bar', 'aria-hidden': 'true' });
  const element = h(
    'div',
    { class: 'rules', id: uniqueId('rules') },
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
