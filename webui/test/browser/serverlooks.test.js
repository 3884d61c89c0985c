/** How game servers, players, accounts and mails look, everywhere and to everybody. */

import { looks, openAll } from './looks.js';

/** @type {Record<string, import('./looks.js').View>} */
const views = {
  servers: { address: '/app/servers', shows: '.table.servers .row-title', roles: null },
  'servers, narrowed, the other way round': {
    address:
      '/app/servers?q=host&map=eden&has_players=true&not_full=true&not_passworded=true&sort=name&reverse=true',
    shows: '.table.servers .row-title',
    roles: null,
    act: (page) => page.locator('.chart-table summary').click(),
  },
  'servers of a moderator': {
    address: '/app/servers?sort=map',
    shows: '.table.registered',
    roles: ['moderator'],
  },
  'servers, none': { address: '/app/servers', shows: '.list .empty', arrange: noServers },
  'servers, no match': { address: '/app/servers?q=nothing+like+it', shows: '.empty', roles: null },
  'servers, no favourites': { address: '/app/servers?favourites=true', shows: '.empty', roles: null },
  'servers, server fails': {
    address: '/app/servers',
    shows: '.list .notice',
    roles: null,
    arrange: (fake) => fake.failures.set('/serverlist', 500),
  },
  server: { address: '/app/servers/3', shows: '.facts', roles: ['moderator'] },
  'server with an odd name': { address: '/app/servers/6', shows: '.facts', roles: null },
  'server that is offline': { address: '/app/servers/7', shows: '.facts', roles: null },
  'server that nobody knows': { address: '/app/servers/999', shows: '.empty', roles: null },
  players: { address: '/app/players?sort=-last_online', shows: '.table.players', roles: [] },
  'players of a moderator': {
    address: '/app/players?state=all',
    shows: '.table.players',
    roles: ['moderator'],
  },
  'players of a guest': { address: '/app/players', shows: '.empty', roles: null },
  'players, no match': { address: '/app/players?q=nobody+at+all', shows: '.empty', roles: [] },
  'players, server fails': {
    address: '/app/players',
    shows: '.list .notice',
    roles: [],
    arrange: (fake) => fake.failures.set('/players', 500),
  },
  player: { address: '/app/players/1', shows: '.table.played', roles: ['moderator'], act: openAll },
  'player with an odd name, closed': {
    address: '/app/players/3',
    shows: '.facts',
    roles: ['moderator'],
    arrange: (fake) => fake.closed.add('3'),
  },
  'player, asking for a reason': {
    address: '/app/players/2',
    shows: '.facts',
    roles: ['moderator'],
    act: (page) => page.locator('[data-focus="close"]').click(),
  },
  'player that nobody knows': { address: '/app/players/9999', shows: '.empty', roles: [] },
  me: { address: '/app/me', shows: '.own-server', roles: [], act: openAll },
  'me, not confirmed': {
    address: '/app/me',
    shows: '.code-form',
    roles: [],
    arrange: (fake) => (fake.me = { email: 'ada@example.org', has_password: true }),
  },
  'me, without address and password': {
    address: '/app/me',
    shows: '.account form',
    roles: [],
    arrange: (fake) => (fake.me = { has_password: false }),
  },
  'me, where no mails are sent': {
    address: '/app/me',
    shows: '.own-server',
    roles: [],
    arrange: (fake) => (fake.registration = false),
  },
  'me, server fails': {
    address: '/app/me',
    shows: '.notice.bad',
    roles: [],
    arrange: (fake) => fake.failures.set('/me', 500),
  },
  'a password shown once': {
    address: '/app/me',
    shows: '.own-server',
    roles: [],
    act: async (page) => {
      await page.locator('[data-focus="rotate-8"]').click();
      await page.locator('.dialog .danger').click();
      await page.locator('.credentials').waitFor();
    },
  },
  register: { address: '/app/register', shows: '.gate form', roles: null },
  'register, where nobody can': {
    address: '/app/register',
    shows: '.gate .notice',
    roles: null,
    arrange: (fake) => (fake.registration = false),
  },
  'new password': { address: '/app/reset', shows: '.gate form', roles: null },
  'new password, the code is mailed': {
    address: '/app/reset',
    shows: '.gate form',
    roles: null,
    act: async (page) => {
      await page.locator('.gate input').fill('ada@example.org');
      await page.keyboard.press('Enter');
      await page.locator('.code-input').waitFor();
    },
  },
  'new password, where no mails are sent': {
    address: '/app/reset',
    shows: '.gate .notice',
    roles: null,
    arrange: (fake) => (fake.registration = false),
  },
  mails: { address: '/app/mail', shows: '.table.mails' },
  'mails, none': { address: '/app/mail', shows: '.empty', arrange: (fake) => (fake.mails = []) },
  'mails, none are sent': {
    address: '/app/mail?failed=true',
    shows: '.notice.warn:visible',
    arrange: (fake) => (fake.registration = false),
  },
};

/** @param {import('../fake/daemon.js').FakeDaemon} fake */
function noServers(fake) {
  fake.listed = [];
  fake.listHistory = [];
}

looks(views);
