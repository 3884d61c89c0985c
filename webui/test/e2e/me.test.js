/**
 * A player with the real daemon: registers, takes the code out of the mail,
 * signs in by the address, registers a game server that reports itself, and
 * deletes the account. The mails are in the outbox of the data directory.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../browser/browser.js';
import { Daemon } from './daemon.js';
import { startSteam } from './steam.js';

const phrase = 'correct horse battery';
const mailMs = 10_000;

const daemon = new Daemon();
/** @type {Awaited<ReturnType<typeof startSteam>>} */
let steam;
/** @type {import('playwright-core').Browser} */
let browser;
/** The tabs of the player and of a guest. @type {Awaited<ReturnType<typeof openPage>>[]} */
const tabs = [];
/** @type {import('playwright-core').Page} */
let page;
/** @type {import('playwright-core').Page} */
let guest;
let server = { id: '', password: '' };

before(async () => {
  steam = await startSteam(new Map());
  await daemon.prepare(steam.url, '[mail]', 'outbox = "outbox"', 'from = "quartermaster@example.com"');
  const link = new URL(await daemon.start(/http:\S+\/app\/setup#\S+/));
  const made = await fetch(`${daemon.url}/api/v1/setup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: link.hash.slice(1), name: 'Ada', password: 'four random words here' }),
  });
  assert.ok(made.ok, `setup: ${made.status}`);
  browser = await launch();
  for (let i = 0; i < 2; i += 1) tabs.push(await openPage(browser, daemon.url));
  [page, guest] = tabs.map((tab) => tab.page);
});

after(async () => {
  await browser?.close();
  await daemon.stop();
  steam?.stop();
  daemon.remove();
});

let broken = false;

/**
 * A test that needs those before it.
 * @param {string} title
 * @param {() => Promise<void>} play
 */
function step(title, play) {
  test(title, async () => {
    if (broken) throw new Error('a step before this one failed');
    broken = true;
    await play();
    broken = false;
  });
}

const folder = () => join(daemon.folder, 'data', 'outbox');

/** @returns {string[]} The mails in the outbox. */
const mails = () =>
  existsSync(folder()) ? readdirSync(folder()).filter((name) => name.endsWith('.eml')) : [];

/** The code in the newest mail, once there are so many. @param {number} count */
async function code(count) {
  const end = Date.now() + mailMs;
  while (mails().length < count) {
    if (Date.now() > end) throw new Error(`${mails().length} mails in the outbox, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const newest = mails().sort().at(-1) ?? '';
  const found = /^([A-Z]{6})\r?$/m.exec(readFileSync(join(folder(), newest), 'utf8'));
  assert.ok(found, 'the mail has a code');
  return found[1];
}

/** @param {string} name */
const card = (name) => page.getByRole('region', { name, exact: true });

/** Reports the game server as it does itself. @param {number} players */
async function report(players) {
  const answer = await fetch(`${daemon.url}/v1/server/update`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Authorization: `Basic ${Buffer.from(`${server.id}:${server.password}`).toString('base64')}`,
    },
    body: JSON.stringify({
      host_name: '203.0.113.5',
      port: 11235,
      display_name: '^900Red ^wBarn',
      description: 'Every evening',
      game_type: 'RTSS',
      max_player_count: 32,
      current_map: 'eden2',
      current_player_count: players,
    }),
  });
  return answer.status;
}

step('a player registers and confirms the address by the mailed code', async () => {
  await page.goto('/app/signin');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByLabel('E-mail address').fill('grace@example.com');
  await page.getByLabel('Display name').fill('Grace');
  await page.getByLabel('Password', { exact: true }).fill(phrase);
  await page.getByLabel('Password again').fill(phrase);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/app/me');
  await page.getByText('Confirm your e-mail address first').waitFor();
  await card('E-mail address')
    .getByLabel('Code from the mail')
    .fill(await code(1));
  await page.keyboard.press('Enter');
  await page.getByText('The address is confirmed').waitFor();
});

step('the address and the password sign in; a lost password is replaced', async () => {
  await page.getByRole('button', { name: 'Account and settings' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out').waitFor();
  await page.goto('/app/reset');
  await page.getByLabel('E-mail address').fill('grace@example.com');
  await page.keyboard.press('Enter');
  await page.getByLabel('Code from the mail').fill(await code(2));
  await page.getByLabel('Password', { exact: true }).fill(`${phrase} staple`);
  await page.getByLabel('Password again').fill(`${phrase} staple`);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/app/signin');
  await page.getByLabel('Name or e-mail address').fill('grace@example.com');
  await page.getByLabel('Password', { exact: true }).fill(`${phrase} staple`);
  await page.keyboard.press('Enter');
  await page.getByText('Welcome, Grace').waitFor();
});

step('a game server is registered, reports itself and is in the list at once', async () => {
  await guest.goto('/app/servers');
  await guest.getByText('No game server is online now').waitFor();
  await guest.locator('.connection', { hasText: 'Live' }).waitFor();
  await page.goto('/app/me');
  const own = card('My game servers');
  await own.getByText('Register a game server', { exact: true }).click();
  await own.getByLabel('Name of the server').fill('^900Red ^wBarn');
  await own.getByLabel('Address', { exact: true }).fill('203.0.113.5');
  await own.getByLabel('Port', { exact: true }).fill('11235');
  await own.getByLabel('Room for players').fill('32');
  await own.getByRole('button', { name: 'Register', exact: true }).click();
  await own.getByText('Note the password of Red Barn now').waitFor();
  server = {
    id: (await own.locator('.credentials code').first().textContent()) ?? '',
    password: (await own.locator('.server-password code').textContent()) ?? '',
  };
  assert.match(server.password, /^[0-9a-f]{32}$/);
  await own.getByText('Not listed, because it never sent a heartbeat.').waitFor();
  assert.equal(await report(7), 200);
  const row = guest.getByRole('row', { name: /Red Barn/ });
  await row.getByText('7 / 32').waitFor();
  await guest.getByText('1 server, 7 players').waitFor();
  await own.getByText('Listed', { exact: true }).waitFor();
  assert.equal(await report(8), 200);
  await row.getByText('8 / 32').waitFor();
  await row.getByRole('link', { name: 'Red Barn' }).click();
  await guest.getByText('connect 203.0.113.5:11235', { exact: true }).waitFor();
});

step('a new password shuts the old one out', async () => {
  const own = card('My game servers');
  await own.getByRole('button', { name: 'I have noted it' }).click();
  await own.getByRole('button', { name: 'New password' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New password' }).click();
  const next = (await own.locator('.server-password code').textContent()) ?? '';
  assert.notEqual(next, server.password);
  assert.equal(await report(9), 401);
  server.password = next;
  assert.equal(await report(9), 200);
  await own.getByRole('button', { name: 'Take off the list' }).click();
  await own.getByText('Not listed, because it was taken off the list').waitFor();
});

step('players find each other', async () => {
  await page.goto('/app/players?q=grac');
  await page.getByRole('link', { name: 'Grace' }).click();
  await page.getByRole('heading', { level: 1, name: 'Grace' }).waitFor();
  await page.getByText('No match yet').waitFor();
  assert.equal(await page.getByText('not in the leaderboard').count(), 0);
});

step('the account is deleted, and its game server with it', async () => {
  await page.goto('/app/me');
  const data = card('Your data');
  await data.getByText('Delete my account', { exact: true }).click();
  await data.getByLabel('Type Grace to confirm').fill('Grace');
  await data.getByLabel('Current password').fill(`${phrase} staple`);
  await data.getByRole('button', { name: 'Delete my account for good' }).click();
  await page.getByText('Your account is deleted').waitFor();
  tabs[1].expected.push(/status of 404/);
  assert.equal(await report(1), 401);
  await guest.getByText('There is no such server').waitFor({ timeout: 30_000 });
  tabs[0].expected.push(/status of 401/);
  await page.goto('/app/signin');
  await page.getByLabel('Name or e-mail address').fill('grace@example.com');
  await page.getByLabel('Password', { exact: true }).fill(`${phrase} staple`);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('No account has this name and password').waitFor();
});

step('the browsers have nothing to complain of', async () => {
  for (const tab of tabs) assert.deepEqual(tab.complaints(), []);
});
