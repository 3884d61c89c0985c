/**
 * The first minutes of an operator with the real daemon: the setup link, a mod
 * from Steam, a mod from a folder, the lines for the game server, a restart.
 * With SCREENSHOTS=<folder> it leaves pictures for the manual there.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../browser/browser.js';
import { Daemon } from './daemon.js';
import { startSteam } from './steam.js';
import { zipFile } from './zip.js';

const phrase = 'four random words here';
const shine = zipFile('lua/shine/startup.lua', 1_204_224);
const combat = zipFile('maps/ns2_co_core.level', 18_812_345);

/** @type {Map<string, import('./steam.js').Item>} */
const items = new Map([
  [
    '117887554',
    {
      title: 'Shine Administration',
      updated: 1763480000,
      description: 'An [b]administration[/b] mod.',
      tags: ['Server only'],
      content: shine,
    },
  ],
  ['99874752', { title: 'ns2_co_core – Combat Map', updated: 1700048000, content: combat }],
  [
    '727457182',
    { title: 'Карты осеннего турнира', updated: 1762000000, content: zipFile('maps/a.level', 6_400_000) },
  ],
  [
    '1011978254',
    { title: 'ns2_eclipse_2', updated: 1755000000, content: zipFile('maps/ns2_eclipse_2.level', 2_900_000) },
  ],
  [
    '161759524',
    { title: 'Competitive Mod', updated: 1748000000, content: zipFile('lua/CompMod/Server.lua', 412_000) },
  ],
  [
    '812931',
    {
      title: 'Devnull’s Server Essentials',
      updated: 1731000000,
      content: zipFile('lua/dse/Shared.lua', 96_000),
    },
  ],
  ['145366787', { title: 'Extra Entities Mod', updated: 1755000000 }],
]);

/** How the other items are asked for: hexadecimal as the game writes it, and decimal. */
const spellings = ['5f3f7c0', '727457182', 'm3c51900e', '161759524', '0xc6783'];

const daemon = new Daemon();
/** @type {Awaited<ReturnType<typeof startSteam>>} */
let steam;
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof openPage>>} */
let tab;
/** @type {import('playwright-core').Page} */
let page;

before(async () => {
  steam = await startSteam(items);
  await daemon.prepare(steam.url);
  writeFileSync(join(daemon.roots, 'm706d242_1348957670.zip'), zipFile('lua/old.lua', 988_160));
  writeFileSync(join(daemon.roots, 'm2b5c1d9e_1718822400.zip'), zipFile('maps/old.level', 4_100_000));
  browser = await launch();
  tab = await openPage(browser, daemon.url);
  page = tab.page;
});

after(async () => {
  await browser?.close();
  await daemon.stop();
  steam?.stop();
  daemon.remove();
});

/** @param {string} name */
async function picture(name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await page.locator('.toast').first().waitFor({ state: 'detached' });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

let broken = false;

/**
 * A test that needs those before it: after the first failure the others say
 * so instead of waiting for what cannot come.
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

step('the setup link from the terminal makes the administrator', async () => {
  const link = await daemon.start(/http:\S+\/app\/setup#\S+/);
  await page.goto(link);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Password', { exact: true }).fill(phrase);
  await page.getByLabel('Password again').fill(phrase);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.waitForURL('**/app/');
  await page.locator('.facts').getByText(daemon.url.slice('http://'.length)).waitFor();
});

step('mods are added by address and by id, and become ready', async () => {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Mods' }).click();
  const field = page.getByLabel('Add a mod');
  for (const item of ['https://steamcommunity.com/sharedfiles/filedetails/?id=117887554', ...spellings]) {
    await field.fill(item);
    await field.press('Enter');
    await page.waitForFunction(
      () => /** @type {HTMLInputElement} */ (document.querySelector('input[name=item]')).value === '',
    );
  }
  for (const { title, content } of items.values()) {
    if (content) await page.locator('.table.mods tr', { hasText: title }).getByText('Ready').waitFor();
  }
});

step('a mod that no source has says so', async () => {
  const field = page.getByLabel('Add a mod');
  await field.fill('0x8aa1f03');
  await field.press('Enter');
  const row = page.locator('.table.mods tr', { hasText: 'Extra Entities Mod' });
  await row.getByText('Denied - no source can supply this item').waitFor();
});

step('the file that the page names is the one that clients are sent', async () => {
  await page.locator('.row-title', { hasText: 'Shine Administration' }).click();
  await page.getByRole('heading', { level: 1, name: 'Shine Administration' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/app/mods/117887554');
  await page.getByRole('button', { name: 'Copy: Fetch and check' }).click();
  const lines = await page.evaluate(() => navigator.clipboard.readText());
  const [, address, sum] = /remote-name (\S+)\necho '([0-9a-f]{64}) /.exec(lines) ?? [];
  assert.equal(address, `${daemon.url}/m706d242_1763480000.zip`);
  const answer = await fetch(address);
  const body = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200);
  assert.ok(body.equals(shine));
  assert.equal(createHash('sha256').update(body).digest('hex'), sum);
});

step('the lines for the game server name this server', async () => {
  await page.getByRole('button', { name: 'Copy: ServerConfig.json → settings' }).click();
  const lines = await page.evaluate(() => navigator.clipboard.readText());
  assert.deepEqual(JSON.parse(`{${lines}}`), {
    mod_backup_servers: [daemon.url],
    mod_backup_before_steam: false,
  });
});

step('a version is verified and pinned; the one from the folder is there too', async () => {
  await page.locator('[data-focus="verify-1763480000"]').click();
  await page.getByText('The file is whole and unchanged').waitFor();
  await page.locator('[data-focus="pin-1763480000"]').click();
  await page.locator('.versions').getByText('Pinned').waitFor();
  await page.locator('.versions tr', { hasText: '1348957670' }).getByText('folder').waitFor();
});

step('pictures for the manual', async () => {
  for (const file of ['m706d242_1763480000', 'm5f3f7c0_1700048000', 'm2b5c1d9e_1718822400']) {
    for (let i = 0; i < 4; i += 1)
      await fetch(`${daemon.url}/${file}.zip`).then((answer) => answer.arrayBuffer());
  }
  await page.goto('/app/mods');
  await page.locator('.row-title').first().waitFor();
  await picture('mods');
  await page.goto('/app/');
  await page.locator('.facts').waitFor();
  await picture('overview');
});

step('the catalogue offers the mods, narrowed by a tag of Steam', async () => {
  await page.goto('/app/catalog');
  const card = page.locator('.mod-card', { hasText: 'Shine Administration' });
  await card.waitFor();
  await page.getByRole('button', { name: 'Server only 1' }).click();
  await page.locator('header', { hasText: '1 mod' }).waitFor();
  await card.getByRole('link').click();
  await page.locator('.markup strong', { hasText: 'administration' }).waitFor();
  await page.getByRole('list', { name: 'Tags' }).getByRole('link', { name: 'Server only' }).click();
  await page.locator('header', { hasText: '1 mod' }).waitFor();
  await page.getByLabel('Game').selectOption('4920');
  await page.goto('/app/games');
  await page.locator('.mod-card').getByRole('link').click();
  await page.getByRole('link', { name: 'Show its mods' }).click();
  await card.waitFor();
});

step('what was sent is counted', async () => {
  for (const range of ['7d', '24h']) {
    await page.goto(`/app/statistics?range=${range}&type=ns2_sent`);
    const chart = page.getByRole('region', { name: 'Archives sent to game clients', exact: true });
    await chart.getByText(/^1[2-9] in all$/).waitFor();
  }
});

step('the store is divided by game and source, and tidying up is planned', async () => {
  await page.goto('/app/storage');
  await page
    .getByRole('table', { name: 'By source' })
    .getByRole('row', { name: /^Steam/ })
    .waitFor();
  await page.getByRole('table', { name: 'By game' }).getByRole('row').nth(1).waitFor();
  await page.getByText('A forecast needs a week of history.').waitFor();
  await page.getByRole('button', { name: 'What would be removed?' }).click();
  await page.getByText('Nothing would be removed.', { exact: true }).first().waitFor();
});

step('the lines for other Quartermasters name this server and its key', async () => {
  await page.goto('/app/peers');
  await page.getByText('No peers yet').waitFor();
  await page.getByRole('button', { name: 'Copy: Public key' }).click();
  const key = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(key, /^[A-Za-z0-9+/]{43}=$/);
  await page.getByRole('button', { name: 'Copy: For another Quartermaster: config.toml' }).click();
  const lines = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(lines, `[[workshop.peers]]\nurl = "${daemon.url}"\ntrust = "key"\nkey = "${key}"`);
});

step('a game server is watched, restarted and removed', async () => {
  await page.goto('/app/radar');
  await page.getByText('No game server is watched yet').waitFor();
  await page.getByLabel('Name').fill('arena');
  await page.getByLabel('Mods', { exact: true }).fill('706d242');
  await page.getByRole('button', { name: 'Watch', exact: true }).click();
  const card = page.getByRole('region', { name: 'arena', exact: true });
  await card.getByText('1 mod is up to date').click();
  await card.getByRole('row', { name: /Shine Administration/ }).waitFor();
  await card.getByRole('button', { name: 'It was restarted' }).click();
  await page.getByText('Noted: arena was restarted').waitFor();
  await card.getByText(/^restarted just now/).waitFor();
  await card.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No game server is watched yet').waitFor();
});

step('players download from the address that the page names, and misses are reported', async () => {
  await page.goto('/app/fastdl');
  const tree = page.getByRole('region', { name: 'tf2', exact: true });
  await tree.getByRole('button', { name: 'Copy: server.cfg' }).click();
  const lines = await page.evaluate(() => navigator.clipboard.readText());
  const address = /^sv_downloadurl "(http:[^"]+)"\nsv_allowdownload 1$/.exec(lines)?.[1];
  assert.equal(address, `${daemon.url}/fastdl/tf2`);
  assert.equal((await fetch(`${address}/maps/surf_x.bsp`)).status, 200);
  assert.equal((await fetch(`${address}/maps/surf_gone.bsp`)).status, 404);
  await page.getByRole('button', { name: 'Check the folders' }).click();
  await tree.getByRole('listitem').filter({ hasText: 'maps/empty.bsp' }).waitFor();
  await page.reload();
  await tree.getByRole('row', { name: /maps\/surf_gone\.bsp 1 In none of the folders/ }).waitFor();
  await tree.getByRole('button', { name: 'Begin anew' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Begin anew' }).click();
  await tree.getByText('Nothing: every file that was asked for was there.').waitFor();
});

step('the overview tells the traffic', async () => {
  await page.goto('/app/');
  const card = page.getByRole('region', { name: 'Traffic now' });
  await card.getByText('no limit', { exact: true }).first().waitFor();
});

step('after a restart the page comes back by itself and the session holds', async () => {
  tab.expected.push(/ERR_|status of 503/);
  await page.goto('/app/mods');
  await page.locator('.connection', { hasText: 'Live' }).waitFor();
  await daemon.stop();
  await page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
  await daemon.start(/listening/);
  await page.locator('.connection', { hasText: 'Live' }).waitFor({ timeout: 40_000 });
  await page.locator('.table.mods tr', { hasText: 'Shine Administration' }).getByText('Ready').waitFor();
  await page.getByLabel('Add a mod').waitFor();
});

step('a version is deleted', async () => {
  await page.goto('/app/mods/99874752');
  await page.locator('[data-focus="delete-1700048000"]').click();
  await page.getByRole('dialog').getByRole('textbox').fill('5f3f7c0');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('The version is deleted').waitFor();
  await page.getByText('No version is kept yet').waitFor();
});

step('signed out, a guest sees what is public', async () => {
  await page.getByRole('button', { name: 'Account and settings' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are signed out').waitFor();
  await page.goto('/app/');
  await page.getByText('Mods kept here').waitFor();
  await page.locator('.shelf').getByText('Shine Administration').waitFor();
});

step('the browser has nothing to complain of', () => {
  assert.deepEqual(tab.complaints(), []);
});
