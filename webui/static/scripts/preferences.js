/**
 * What this browser remembers: theme and language. Nothing here is secret and
 * nothing is sent to the server.
 */

/** @typedef {'system' | 'light' | 'dark'} Theme */
/** @typedef {'en' | 'ru'} Language */

/** @type {Theme[]} */
export const themes = ['system', 'light', 'dark'];

/** @type {Record<Language, string>} Each language's name in itself. */
export const languages = { en: 'English', ru: 'Русский' };

/** @returns {Theme} */
export function theme() {
  const saved = read('theme');
  return saved === 'light' || saved === 'dark' ? saved : 'system';
}

/** @param {Theme} value */
export function setTheme(value) {
  if (value === 'system') {
    delete document.documentElement.dataset.theme;
    write('theme', null);
    return;
  }
  document.documentElement.dataset.theme = value;
  write('theme', value);
}

/**
 * The saved language, else the first one of the browser's that we have.
 * @returns {Language}
 */
export function language() {
  const wanted = [read('language'), ...navigator.languages];
  for (const tag of wanted) {
    const base = tag?.toLowerCase().split('-')[0];
    if (base === 'en' || base === 'ru') return base;
  }
  return 'en';
}

/** @param {Language} value */
export function saveLanguage(value) {
  write('language', value);
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is blocked: the choice lasts as long as the page
  }
}

/**
 * @param {string} key
 * @param {string | null} value
 */
function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
}
