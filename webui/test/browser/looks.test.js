/**
 * Every page at both widths, in both themes and languages: accessible by axe's
 * rules, nothing wider than the screen, nothing from another host.
 */

import { growing, rich } from '../fake/demos.js';
import { emptyStorage } from '../fake/hosts.js';
import { looks, openAll } from './looks.js';

/** @typedef {import('./looks.js').View} View */

/** @type {Record<string, View>} */
const views = {
  overview: { address: '/app/', shows: '.facts' },
  'overview, all well': {
    address: '/app/overview',
    shows: '.all-well',
    arrange: (fake) => (fake.overview.attention = []),
  },
  'overview of a guest': { address: '/app/', shows: '.shelf', roles: null },
  mods: { address: '/app/mods', shows: '.table .row-title' },
  'mods of a guest': { address: '/app/mods?q=map&sort=size', shows: '.table .row-title', roles: null },
  'mods, none': { address: '/app/mods', shows: '.empty', arrange: (fake) => (fake.mods = []) },
  'mods, no match': { address: '/app/mods?q=nothing+like+it', shows: '.empty' },
  'mods, Steam away': { address: '/app/mods', shows: '.strip-part.bad', arrange: breakSteam },
  'mods, server fails': {
    address: '/app/mods',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/mods?', 500),
  },
  mod: { address: '/app/mods/117887554', shows: '.versions' },
  'mod with an odd name': { address: '/app/mods/4069973', shows: '.versions' },
  'mod that is refused': { address: '/app/mods/145366787', shows: '.summary .notice' },
  'mod that nobody knows': { address: '/app/mods/1', shows: '.empty' },
  'mod of the catalogue': { address: '/app/mods/117887554', shows: '.markup' },
  'mod of the catalogue, of a guest': { address: '/app/mods/117887554', shows: '.markup', roles: null },
  'mod, the catalogue fails': {
    address: '/app/mods/117887554',
    shows: '.catalog-part .notice',
    arrange: (fake) => fake.failures.set('/catalog/mods/', 500),
  },
  catalogue: { address: '/app/catalog', shows: '.mod-card' },
  'catalogue of a guest': {
    address: '/app/catalog?game=4920&tag=4&tag=1&sort=name&q=s&dependency=117887554&independent=true',
    shows: '.empty',
    roles: null,
  },
  'catalogue, empty': { address: '/app/catalog', shows: '.empty', arrange: emptyCatalog },
  'catalogue, server fails': {
    address: '/app/catalog',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/catalog', 500),
  },
  games: { address: '/app/games', shows: '.mod-card' },
  'games of a guest, none': { address: '/app/games', shows: '.empty', roles: null, arrange: emptyCatalog },
  'games, server fails': {
    address: '/app/games?genre=2',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/catalog', 500),
  },
  game: { address: '/app/games/4920', shows: '.markup' },
  'game that Steam has not described': { address: '/app/games/4000', shows: '.tiles' },
  'game that nobody knows': { address: '/app/games/1', shows: '.empty' },
  statistics: { address: '/app/statistics', shows: '.chart' },
  'statistics of a guest, with its table': {
    address: '/app/statistics?range=24h&type=files_sent',
    shows: '.chart',
    roles: null,
    act: (page) => page.locator('.chart-table summary').click(),
  },
  'statistics between two dates': {
    address: '/app/statistics?from=2026-10-01&to=2026-10-31&type=%2Fcondition%2Fmod%2F',
    shows: '.chart',
  },
  'statistics, nothing counted': {
    address: '/app/statistics',
    shows: '.empty',
    arrange: (fake) => (fake.counting = false),
  },
  'statistics, server fails': {
    address: '/app/statistics',
    shows: '.notice',
    arrange: (fake) => fake.failures.set('/catalog/statistics', 500),
  },
  storage: {
    address: '/app/storage',
    shows: '.chart-plot rect',
    act: press('What would be removed?', 'Что будет удалено?'),
  },
  'storage of a guest': { address: '/app/storage', shows: '.chart-plot rect', roles: null },
  'storage, nothing stored': {
    address: '/app/storage',
    shows: '.empty',
    arrange: (fake) => (fake.storage = emptyStorage()),
  },
  'storage, server fails': {
    address: '/app/storage',
    shows: '.notice',
    arrange: (fake) => fake.failures.set('/mods/storage', 500),
  },
  peers: { address: '/app/peers', shows: '.table.peers' },
  'peers of a guest': { address: '/app/peers', shows: '.table.peers', roles: null },
  'peers, none': { address: '/app/peers', shows: '.empty', arrange: (fake) => (fake.peers.peers = []) },
  updates: { address: '/app/radar', shows: '.server', act: openAll },
  'updates of a guest': { address: '/app/radar', shows: '.server', roles: null, act: openAll },
  'updates, none': { address: '/app/radar', shows: '.empty', arrange: (fake) => (fake.gameServers = []) },
  fastdl: {
    address: '/app/fastdl',
    shows: '.table.misses',
    act: press('Check the folders', 'Проверить папки'),
  },
  'fastdl of a guest': { address: '/app/fastdl', shows: '.tree', roles: null },
  'fastdl, none': { address: '/app/fastdl', shows: '.empty', arrange: (fake) => (fake.trees = []) },
  recordings: {
    address: '/app/demos',
    shows: '.table.demos .row-title',
    act: async (page) => {
      await page.locator('.calendar-plot, .meter').nth(1).waitFor();
      for (const summary of await page.locator('details > summary').all()) await summary.click();
    },
  },
  'recordings of a player': { address: '/app/demos?sort=size', shows: '.table.demos .row-title', roles: [] },
  'recordings of a guest': { address: '/app/demos', shows: '.notice', roles: null },
  'recordings, none': { address: '/app/demos', shows: '.empty', arrange: (fake) => (fake.demos = []) },
  'recordings, server fails': {
    address: '/app/demos?q=x',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/demos', 500),
  },
  recording: {
    address: `/app/demos/${rich}`,
    shows: '.lane',
    act: (page) => page.locator('.timeline summary').click(),
  },
  'recording that grows': { address: `/app/demos/${growing}`, shows: '.demo-facts' },
  'recording of a player': { address: `/app/demos/${growing}`, shows: '.demo-facts', roles: [] },
  'recording with an odd name': {
    address: '/app/demos/173205080756887729352744634150587236694',
    shows: '.demo-facts .notice',
  },
  'recording that nobody knows': { address: '/app/demos/1', shows: '.empty' },
  'review queue': { address: '/app/queue', shows: '.table.demos', roles: ['analyst'] },
  'review queue, none': { address: '/app/queue', shows: '.empty', arrange: (fake) => (fake.demos = []) },
  reports: { address: '/app/reports?state=all', shows: '.table.reports', roles: ['moderator'] },
  'reports, none': { address: '/app/reports', shows: '.empty', arrange: noReports },
  evidence: { address: '/app/evidence/sample', shows: '.tiles', roles: null, arrange: showEvidence },
  'evidence that ended': { address: '/app/evidence/nothing', shows: '.empty', roles: null },
  'sign-in': { address: '/app/signin', shows: '.gate form', roles: null },
  'sign-in, Steam away': { address: '/app/signin?steam=away', shows: '.gate .notice.bad', roles: null },
  account: {
    address: '/app/account',
    shows: '.key-list',
    arrange: (fake) => {
      for (const who of fake.sessions.values()) who.steam_id = '76561197960287930';
      fake.demosKeys = [{ id: 1, kind: 'demos', prefix: 'MB-abcdef', last_used: '2026-11-20T10:00:00Z' }];
    },
  },
  'account without Steam': { address: '/app/account?steam=taken', shows: '.account .notice.bad', roles: [] },
  setup: {
    address: '/app/setup#fake-setup-token',
    shows: '.rules',
    roles: null,
    arrange: (fake) => (fake.needsSetup = true),
  },
  'setup without a link': {
    address: '/app/setup',
    shows: '.gate .code',
    roles: null,
    arrange: (fake) => (fake.needsSetup = true),
  },
  'setup, done before': { address: '/app/setup', shows: '.gate .primary', roles: null },
  'not found': { address: '/app/nowhere', shows: '.empty' },
  'open menu': { address: '/app/', shows: '.facts', act: (page) => page.locator('.menu-button').click() },
  'all places on a phone': {
    address: '/app/',
    shows: '.facts',
    act: async (page) => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.locator('.nav-bar button').click();
    },
  },
  'delete dialog': {
    address: '/app/mods/117887554',
    shows: '.versions',
    act: (page) => page.locator('[data-focus="delete-1348957670"]').click(),
  },
};

/**
 * Presses a button and waits for what it shows.
 * @param {...string} names In each language.
 * @returns {(page: import('playwright-core').Page) => Promise<void>}
 */
function press(...names) {
  return async (page) => {
    await page
      .getByRole('button', {
        name: new RegExp(`^(${names.map((name) => name.replace('?', '\\?')).join('|')})$`),
      })
      .click();
    await page.locator('.removals, .findings').first().waitFor();
  };
}

/** @param {import('../fake/daemon.js').FakeDaemon} fake */
function noReports(fake) {
  fake.demos = [];
  fake.broadcasts = [];
}

/** @param {import('../fake/daemon.js').FakeDaemon} fake */
function showEvidence(fake) {
  const now = new Date();
  const expires_at = new Date(now.getTime() + 86_400_000).toISOString();
  const shown = {
    id: '1',
    token: 'sample',
    tick: 61_020,
    note: 'Look at the spin',
    created_at: now.toISOString(),
  };
  fake.demos.find(({ demo }) => demo.id === rich)?.evidence.push({ ...shown, expires_at });
}

/** @param {import('../fake/daemon.js').FakeDaemon} fake */
function emptyCatalog(fake) {
  fake.catalog = [];
  fake.games = [];
}

/** @param {import('../fake/daemon.js').FakeDaemon} fake */
function breakSteam(fake) {
  Object.assign(fake.status.steam, {
    breaker_open: true,
    retry_at: new Date(Date.now() + 90_000).toISOString(),
    last_error: '503',
  });
  fake.status.roots = [
    {
      path: '/srv/ns2/Workshop',
      ok: false,
      problem: 'the folder does not exist',
      zips: 0,
      folders: 0,
      unchecked: 0,
    },
  ];
  fake.status.problems = [
    {
      code: 'steam_unavailable',
      text: 'Steam cannot be asked: 503',
      hint: 'Nothing to do: it is asked again by itself',
    },
  ];
}

looks(views);
