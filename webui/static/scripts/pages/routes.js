/** Which address shows which page. */

import { accountPage } from './account/account.js';
import { signInPage } from './account/signin.js';
import { setupPage } from './account/setup.js';
import { catalogPage } from './catalog/page.js';
import { demoPage } from './demo/page.js';
import { demosPage } from './demos/page.js';
import { evidencePage } from './evidence/page.js';
import { fastdlPage } from './fastdl/page.js';
import { gamePage } from './games/detail.js';
import { gamesPage } from './games/page.js';
import { modPage } from './mod/page.js';
import { modsPage } from './mods/page.js';
import { notFoundPage } from './notfound.js';
import { overviewPage } from './overview/page.js';
import { peersPage } from './peers/page.js';
import { queuePage } from './queue/page.js';
import { radarPage } from './radar/page.js';
import { reportsPage } from './reports/page.js';
import { statisticsPage } from './statistics/page.js';
import { storagePage } from './storage/page.js';

/** @type {import('../router.js').Route[]} */
export const routes = [
  { pattern: /^\/(?:app\/?(?:overview\/?)?)?$/, open: overviewPage },
  { pattern: /^\/app\/mods\/?$/, open: modsPage },
  { pattern: /^\/app\/mods\/([^/]+)\/?$/, open: modPage },
  { pattern: /^\/app\/catalog\/?$/, open: catalogPage },
  { pattern: /^\/app\/games\/?$/, open: gamesPage },
  { pattern: /^\/app\/games\/([^/]+)\/?$/, open: gamePage },
  { pattern: /^\/app\/statistics\/?$/, open: statisticsPage },
  { pattern: /^\/app\/radar\/?$/, open: radarPage },
  { pattern: /^\/app\/fastdl\/?$/, open: fastdlPage },
  { pattern: /^\/app\/storage\/?$/, open: storagePage },
  { pattern: /^\/app\/peers\/?$/, open: peersPage },
  { pattern: /^\/app\/account\/?$/, open: accountPage },
  { pattern: /^\/app\/demos\/?$/, open: demosPage },
  { pattern: /^\/app\/demos\/([^/]+)\/?$/, open: demoPage },
  { pattern: /^\/app\/queue\/?$/, open: queuePage },
  { pattern: /^\/app\/reports\/?$/, open: reportsPage },
  { pattern: /^\/app\/evidence\/([^/]+)\/?$/, open: evidencePage },
  { pattern: /^\/app\/signin\/?$/, open: signInPage },
  { pattern: /^\/app\/setup\/?$/, open: setupPage },
  { pattern: /^/, open: notFoundPage },
];
