/**
 * A match with the real daemon, on its defaults: two players record, an
 * analysis finds something, and people look at it.
 * With SCREENSHOTS=<folder> it leaves pictures there.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../browser/browser.js';
import { Daemon } from './daemon.js';
import { finished, Player, recording } from './player.js';
import { startSteam } from './steam.js';

const phrase = 'four random words here';
const cheater = '76561198000000777';
const whole = recording(3 * 1024 * 1024, 'Ada in the game');
const half = 1024 * 1024;

const daemon = new Daemon();
/** @type {Awaited<ReturnType<typeof startSteam>>} */
let steam;
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof openPage>>} */
let tab;
/** @type {Awaited<ReturnType<typeof openPage>>} */
let phone;
/** @type {import('playwright-core').Page} */
let page;
/** @type {Player} */
let player;
/** @type {Player} */
let witness;

before(async () => {
  steam = await startSteam(new Map());
  await daemon.prepare(steam.url);
  browser = await launch();
  tab = await openPage(browser, daemon.url);
  phone = await openPage(browser, daemon.url, { size: 'phone', theme: 'dark' });
  page = tab.page;
});

after(async () => {
  await browser?.close();
  await daemon.stop();
  steam?.stop();
  daemon.remove();
});

/** The same page on both screens; nothing of it is wider than the phone. @param {string} name */
async function picture(name) {
  await phone.page.goto(page.url());
  await phone.page.locator('h1').waitFor();
  await phone.page.locator('.skeleton, [aria-busy]').first().waitFor({ state: 'detached' });
  const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `${name} is ${wide} wide`);
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await page.locator('.toast').first().waitFor({ state: 'detached' });
  await page.screenshot({ path: join(folder, `demos-${name}.png`), fullPage: true });
  await phone.page.screenshot({ path: join(folder, `demos-${name}-phone.png`), fullPage: true });
}

let broken = false;

/**
 * A test that needs those before it.
 * @param {string} title
 * @param {() => Promise<void> | void} play
 */
function step(title, play) {
  test(title, async () => {
    if (broken) throw new Error('a step before this one failed');
    broken = true;
    await play();
    broken = false;
  });
}

step('players get keys, and without a recording the page says how one comes', async () => {
  const link = await daemon.start(/http:\S+\/app\/setup#\S+/);
  await page.goto(link);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Password', { exact: true }).fill(phrase);
  await page.getByLabel('Password again').fill(phrase);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.waitForURL('**/app/');
  await phone.context.addCookies(await tab.context.cookies());
  const key = (/** @type {string} */ id) => daemon.command('key', 'create', id, '--kind', 'demos');
  player = new Player(daemon.url, key('76561197960287930'));
  witness = new Player(daemon.url, key('76561197960287931'));
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Recordings' }).click();
  await page.getByText('No recordings yet').waitFor();
  await picture('none');
});

step('a recording grows on the page while it is streamed, and is closed', async () => {
  await player.begin('2026-11-20_20-15-00.dem');
  const live = page.locator('.live-demo', { hasText: '2026-11-20_20-15-00' });
  await live.waitFor();
  player.send(whole.subarray(0, half));
  await live.getByText('1 MiB', { exact: true }).waitFor({ timeout: 15_000 });
  await live.getByText('pl_pier').waitFor();
  await picture('live');
  await player.report(cheater, 'cheater');
  player.send(whole.subarray(half));
  await live.getByText('3 MiB', { exact: true }).waitFor({ timeout: 15_000 });
  await witness.begin('2026-11-20_20-16-12.dem');
  witness.send(recording(200_000, 'Ben'));
  await page.locator('.live-demo').nth(1).waitFor();
  await player.end();
  await live.waitFor({ state: 'detached' });
  const row = page.locator('.table.demos tbody tr', { hasText: '2026-11-20_20-15-00' });
  await row.getByText('3 MiB').waitFor();
  await row.getByText('27:38').waitFor();
  await row.getByText('1 report').waitFor();
  await witness.end();
  await page.getByText('Being recorded now').waitFor({ state: 'detached' });
});

step('an analysis puts detections on the ticks', async () => {
  daemon.command('admin', 'grant', 'analyst', '76561197960287931');
  const found = [12_345, 61_020, 61_044, 99_000].map(
    (tick) =>
      // a SteamID does not fit into a number of JavaScript
      `{"tick": ${tick}, "algorithm": "viewangles_180degrees", "player": ${cheater}, "data": {"angle": 179}}`,
  );
  const text = `{"author": "worker", "detections": [${found}], "duration": 1657, "map": "pl_pier", "server_ip": ""}`;
  const query = new URLSearchParams({ api_key: witness.key, session_id: player.session });
  const jobs = await (await fetch(`${daemon.url}/jobs?limit=5&api_key=${witness.key}`)).json();
  assert.deepEqual(jobs, [player.session, witness.session]);
  const put = await fetch(`${daemon.url}/analysis?${query}`, { method: 'PUT', body: text });
  assert.equal(put.status, 200);
  const taken = await fetch(`${daemon.url}/ingest?${query}`, {
    method: 'POST',
    body: JSON.stringify({ session_ids: [player.session] }),
  });
  assert.deepEqual(await taken.json(), [{ session_id: player.session, ingested: true }]);
  await page.goto(`/app/demos/${player.session}`);
  await page.getByRole('img', { name: /^viewangles_180degrees: 4 detections, from tick 12,345/ }).waitFor();
  await page.getByRole('heading', { name: 'Witnesses' }).waitFor();
  await page.locator('.table.demos tr', { hasText: '2026-11-20_20-16-12' }).waitFor();
  await page.getByText('Ada in the game').first().waitFor();
  await page.getByText('Its bytes are not distributed as those of a demo').waitFor();
  await picture('detail');
});

step('the file of the page is what was recorded', async () => {
  const href = await page.getByRole('link', { name: 'Download (3 MiB)' }).getAttribute('href');
  const answer = await page.request.get(String(href));
  assert.ok((await answer.body()).equals(finished(whole)));
});

step('an evidence link is made, opened by a guest, and ends', async () => {
  await page.getByText('As a table: 4 detections').click();
  await page.getByRole('button', { name: 'Make an evidence link to tick 61,020' }).click();
  await page.getByLabel('Note for the reader').fill('Watch the <angle>');
  await page.getByRole('button', { name: 'Make a link' }).click();
  await page.getByRole('button', { name: 'Copy: Address' }).click();
  const address = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(address.startsWith(`${daemon.url}/app/evidence/`));
  await page.getByText('The link is made').waitFor({ state: 'detached' });
  const guest = await openPage(browser, daemon.url);
  await guest.page.goto(address);
  await guest.page.getByText(/^Tick 61,020 \(15:15\)/).waitFor();
  await guest.page.getByText('Watch the <angle>').waitFor();
  await guest.page.getByText('demo_gototick 61020').waitFor();
  const text = await guest.page.locator('body').innerText();
  assert.ok(!text.includes('7656119796028793'), 'who sent it is not told');
  const saved = guest.page.waitForEvent('download');
  await guest.page.getByRole('link', { name: /^Download/ }).click();
  await saved;
  if (process.env.SCREENSHOTS)
    await guest.page.screenshot({
      path: join(process.env.SCREENSHOTS, 'demos-evidence.png'),
      fullPage: true,
    });

  const short = await page.evaluate(async (id) => {
    const { csrf } = await (await fetch('/api/v1/session')).json();
    const answer = await fetch(`/api/v1/demos/${id}/evidence`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
      body: JSON.stringify({ tick: 5, expires_in: 1 }),
    });
    return (await answer.json()).url;
  }, player.session);
  guest.expected.push(/status of 404/);
  await guest.page.goto(short);
  const gone = guest.page.getByText('This link does not work any more');
  for (let tries = 0; tries < 50 && !(await gone.isVisible()); tries += 1) {
    await guest.page.reload();
    await guest.page.locator('h1').waitFor();
    await guest.page.waitForTimeout(100);
  }
  assert.ok(await gone.isVisible());
  assert.deepEqual(guest.complaints(), []);
  await page.reload();
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByText('The link no longer works').waitFor();
  await guest.page.goto(address);
  await gone.waitFor();
  await guest.context.close();
});

step('it is taken from the queue and judged', async () => {
  await page.goto('/app/queue');
  await page.locator('.page-head', { hasText: '1 waits' }).waitFor();
  await picture('queue');
  await page.getByRole('button', { name: 'Take', exact: true }).click();
  await page.waitForURL(`**/app/demos/${player.session}`);
  await page.getByText('You are reviewing it').waitFor();
  assert.equal(await page.getByLabel('Player’s SteamID', { exact: true }).inputValue(), cheater);
  await page.getByLabel('Note', { exact: true }).fill('Spins');
  await page.getByLabel('Verdict', { exact: true }).selectOption('confirmed');
  await page.getByRole('button', { name: 'Save the verdict' }).click();
  await page.locator('.review-note', { hasText: 'Spins' }).waitFor();
  await page.getByText('Nobody is reviewing it.').waitFor();
  await page.goto('/app/queue');
  await page.getByText('Nothing waits').waitFor();
});

step('the report is handled, and players are told', async () => {
  await page.goto('/app/reports');
  await page.locator('.page-head', { hasText: '1 report' }).waitFor();
  await page.getByText(cheater).waitFor();
  await picture('reports');
  await page.getByRole('button', { name: 'Mark as handled' }).click();
  await page.getByText('No open reports').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill('He is banned');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.review-note', { hasText: 'He is banned' }).waitFor();
  const told = await (await fetch(`${daemon.url}/broadcasts`)).json();
  assert.equal(told[0].message, 'He is banned');
});

step('the room and the hours are summed up', async () => {
  await page.goto('/app/demos');
  await page.locator('.page-head', { hasText: '2 recordings' }).waitFor();
  await page.getByText('3.19 MiB stored; there is no quota').waitFor();
  await page.getByText(/^55 min|^0\.9 hours? in the last 26 weeks|^0\.9.* in the last 26 weeks/).waitFor();
  await page.getByRole('button', { name: 'What would be deleted?' }).click();
  await page.getByText('Nothing has to go').first().waitFor();
  await picture('library');
});

step('the browsers have nothing to complain of', () => {
  assert.deepEqual(tab.complaints(), []);
  assert.deepEqual(phone.complaints(), []);
});
