/**
 * The page's texts in the chosen language. A text is a string, or an object of
 * plural forms chosen by Intl.PluralRules with the parameter `count`; `{name}`
 * stands for a parameter. Numbers are written the language's way.
 */

import { language, saveLanguage } from './preferences.js';

/** @typedef {keyof typeof import('../texts/en.json')} Key */
/** @typedef {Record<string, string | number>} Parameters */
/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Entry */

/** @type {Record<string, Entry>} */
let catalogue = {};
/** @type {import('./preferences.js').Language} */
let current = 'en';
let rules = new Intl.PluralRules('en');
const changes = new EventTarget();

/** The language that t() speaks now. */
export function spoken() {
  return current;
}

/** The spoken language with the browser's own region, which decides how dates look. */
export function locale() {
  return navigator.languages.find((tag) => tag.toLowerCase().split('-')[0] === current) ?? current;
}

/** Loads the texts of the saved or the browser's language. */
export function loadTexts() {
  return speak(language());
}

/**
 * Changes the language, remembers the choice and tells the listeners.
 * @param {import('./preferences.js').Language} value
 */
export async function changeLanguage(value) {
  await speak(value);
  saveLanguage(value);
  changes.dispatchEvent(new Event('change'));
}

/** @param {() => void} listener */
export function onLanguageChange(listener) {
  changes.addEventListener('change', listener);
}

/** @param {import('./preferences.js').Language} value */
async function speak(value) {
  const answer = await fetch(new URL(`../texts/${value}.json`, import.meta.url));
  if (!answer.ok) throw new Error(`texts: ${answer.status}`);
  catalogue = await answer.json();
  current = value;
  rules = new Intl.PluralRules(value);
  document.documentElement.lang = value;
}

/**
 * @param {Key} key
 * @param {Parameters} [parameters]
 * @returns {string}
 */
export function t(key, parameters) {
  return expand(catalogue[key] ?? key, parameters, rules, current);
}

/**
 * The text of a key that the server chose, or the server's own text when we
 * have none for it.
 * @param {string} key
 * @param {string} fallback
 * @param {Parameters} [parameters]
 */
export function tOr(key, fallback, parameters) {
  const entry = catalogue[key];
  return entry === undefined ? fallback : expand(entry, parameters, rules, current);
}

/**
 * @param {Entry} entry
 * @param {Parameters | undefined} parameters
 * @param {Intl.PluralRules} plural
 * @param {string} locale
 */
export function expand(entry, parameters, plural, locale) {
  const text =
    typeof entry === 'string'
      ? entry
      : (entry[plural.select(Number(parameters?.count ?? 0))] ?? entry.other ?? '');
  if (!parameters) return text;
  return text.replace(/\{(\w+)\}/g, (whole, key) => {
    const value = parameters[key];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value;
  });
}
