/** Which address shows which page. */

import { accountPage } from './account/account.js';
import { signInPage } from './account/signin.js';
import { setupPage } from './account/setup.js';
import { modPage } from './mod/page.js';
import { modsPage } from './mods/page.js';
import { notFoundPage } from './notfound.js';
import { overviewPage } from './overview/page.js';

/** @type {import('../router.js').Route[]} */
export const routes = [
  { pattern: /^\/(?:app\/?(?:overview\/?)?)?$/, open: overviewPage },
  { pattern: /^\/app\/mods\/?$/, open: modsPage },
  { pattern: /^\/app\/mods\/([^/]+)\/?$/, open: modPage },
  { pattern: /^\/app\/account\/?$/, open: accountPage },
  { pattern: /^\/app\/signin\/?$/, open: signInPage },
  { pattern: /^\/app\/setup\/?$/, open: setupPage },
  { pattern: /^/, open: notFoundPage },
];
