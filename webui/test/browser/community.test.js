/** How clans, matches, leaderboards and skins look, everywhere and to everybody. */

import { looks, openAll } from './looks.js';

/** @type {Record<string, import('./looks.js').View>} */
const views = {
  clans: {
    address: '/app/clans',
    shows: '.table.clans .row-title',
    act: async (page) => {
      await page.locator('.clan-line').first().waitFor();
      await openAll(page);
      await page.locator('.clan-form .input').first().fill('^900Zz^wzz');
    },
  },
  'clans of a guest': { address: '/app/clans', shows: '.empty', roles: null },
  'clans, none': { address: '/app/clans', shows: '.list .empty', arrange: (fake) => (fake.clans = []) },
  'clans, server fails': {
    address: '/app/clans?q=x&state=all',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/clans', 500),
  },
  'clan of its owner': { address: '/app/clans/1', shows: '.table.roster' },
  'clan of a moderator who is invited': {
    address: '/app/clans/2',
    shows: '.table.roster',
    roles: ['moderator'],
  },
  'clan that was disbanded': { address: '/app/clans/31', shows: '.notice.warn', roles: [] },
  'clan that nobody knows': { address: '/app/clans/9999', shows: '.empty' },
  'clan, asking for a reason': {
    address: '/app/clans/3',
    shows: '.table.roster',
    roles: ['moderator'],
    act: (page) => page.locator('.button.danger:visible').click(),
  },
  matches: { address: '/app/matches?player=3', shows: '.table.matches .row-title' },
  'matches of a guest': { address: '/app/matches', shows: '.empty', roles: null },
  'matches, none': { address: '/app/matches', shows: '.empty', arrange: (fake) => (fake.matches = []) },
  'matches, server fails': {
    address: '/app/matches?from=2026-11-01',
    shows: '.list .notice',
    arrange: (fake) => fake.failures.set('/matches', 500),
  },
  match: { address: '/app/matches/60', shows: '.table.rated', act: openAll },
  'match that does not count': { address: '/app/matches/59', shows: '.notice.warn', roles: [] },
  'match that nobody knows': { address: '/app/matches/9999', shows: '.empty' },
  leaderboards: { address: '/app/leaderboards', shows: '.own-place' },
  'leaderboards of a guest': { address: '/app/leaderboards', shows: '.empty', roles: null },
  'leaderboards, nobody': { address: '/app/leaderboards?server=4', shows: '.own-place' },
  skins: {
    address: '/app/skins',
    shows: '.skin',
    act: async (page) => {
      await page.locator('.skin summary').first().click();
      await page.locator('.skin .form').first().waitFor();
    },
  },
  'skins, none': { address: '/app/skins', shows: '.empty', arrange: (fake) => (fake.skins = []) },
};

looks(views);
