/** Updates: which game servers want a restart, their webhooks, adding and removing them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page @param {string} name */
const card = (page, name) => page.getByRole('region', { name, exact: true });

test('outdated mods come first, with what runs and what Steam has', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/radar');
    await page.getByText('1 server wants a restart').waitFor();
    assert.deepEqual(await page.locator('.server h2').allTextContents(), ['ns2-main', 'arena']);
    const main = card(page, 'ns2-main');
    await main.getByText('2 mods out of date').waitFor();
    const row = main.getByRole('row', { name: /Combat Mode/ });
    await row.getByText('12 Aug 2025, 14:00').waitFor();
    await row.getByText('5 hours ago').waitFor();
    await main
      .getByRole('row', { name: /NS2\+/ })
      .getByText('Restarted since, and still without it')
      .waitFor();
    await main
      .getByRole('row', { name: /Item 145347249/ })
      .getByText('Gone from Steam')
      .waitFor();
    assert.equal(await main.getByRole('row', { name: /Shine Administration/ }).count(), 0);
    await main.getByText('1 mod is up to date').click();
    await main.getByRole('row', { name: /Shine Administration/ }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'It was restarted' }).count(), 0);
    assert.equal(await page.getByText('404').count(), 0, 'strangers are not told why a webhook fails');
    assert.equal(await page.getByLabel('Name').count(), 0);
  }));

test('a restart is noted, and what is open stays open', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/radar');
    const main = card(page, 'ns2-main');
    await main.getByText('Lines for its start script').click();
    await main.getByRole('button', { name: 'Copy: ns2-main: on another machine' }).click();
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      'curl -fsS -X POST -H "Authorization: Bearer $QM_KEY" \\\n' +
        `  ${fake.url}/api/v1/mods/servers/ns2-main/restarted`,
    );
    await main.getByText('quartermaster mods servers restarted ns2-main').waitFor();
    const button = main.getByRole('button', { name: 'It was restarted' });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Noted: ns2-main was restarted').waitFor();
    await main.getByText('Up to date', { exact: true }).waitFor();
    await page.getByText('Every server runs what Steam has').waitFor();
    await main.getByText('quartermaster mods servers restarted ns2-main').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'It was restarted');
  }));

test('what Steam has not said is not called up to date', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.gameServers = fake.gameServers.slice(0, 1);
    fake.gameServers[0].mods[0].state = 'unknown';
    await page.goto('/app/radar');
    await page.getByText('Steam has not said of every mod yet what is current').waitFor();
    const arena = card(page, 'arena');
    await arena.getByText('Not known yet').first().waitFor();
    assert.equal(await arena.getByText('Up to date', { exact: true }).count(), 0);
  }));

test('the webhook is tested, and why it failed is said', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 503/);
    await page.goto('/app/radar');
    const main = card(page, 'ns2-main');
    await main.getByText('The webhook did not take the last message: The server answered 404').waitFor();
    await main.getByRole('button', { name: 'Test the webhook' }).click();
    await page
      .locator('.toast.error')
      .getByText('The message did not arrive: the server answered 404')
      .waitFor();
    fake.gameServers[1].webhook_error = '';
    await main.getByRole('button', { name: 'Test the webhook' }).click();
    await page.getByText('The test message arrived').waitFor();
    assert.equal(await card(page, 'arena').getByRole('button', { name: 'Test the webhook' }).count(), 0);
  }));

test('a server is added with its mods, collections and webhook', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/radar');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await page.getByText('Up to 64 letters, digits').waitFor();
    await page.getByLabel('Name').fill('siege-1');
    await page.keyboard.press('Enter');
    await page.getByText('Name at least one mod or collection').waitFor();
    await page
      .getByLabel('Mods', { exact: true })
      .fill('706d242, https://steamcommunity.com/sharedfiles/filedetails/?id=99874752\nzzz');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await page.getByText('“zzz” is not a Workshop id').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'TEXTAREA');
    await page.getByLabel('Mods', { exact: true }).fill('706d242 99874752');
    await page.getByLabel('Collections').fill('2884187311');
    await page.getByLabel('Webhook').fill('https://bot.example.org/hook');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    await card(page, 'siege-1').getByText('2 mods are up to date').waitFor();
    const put = fake.requests.find((request) => request.method === 'PUT');
    assert.equal(put?.path, '/mods/servers/siege-1');
    assert.deepEqual(put?.body, {
      mods: [{ id: '0x706d242' }, { id: '0x5f3f7c0' }],
      collections: ['0xabe934af'],
      webhook: 'https://bot.example.org/hook',
    });
    assert.equal(await page.getByLabel('Webhook').inputValue(), '', 'an address is a secret');
  }));

test('a list is replaced only after a question, and a refusal is shown', () =>
  scene({}, async ({ page, expected }) => {
    expected.push(/status of 409/);
    await page.goto('/app/radar');
    await card(page, 'ns2-main').waitFor();
    await page.getByLabel('Name').fill('ns2-main');
    await page.getByLabel('Collections').fill('2884187311');
    await page.getByRole('button', { name: 'Watch', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Replace the list of ns2-main?').waitFor();
    await dialog.getByRole('button', { name: 'Replace' }).click();
    await page
      .getByRole('alert')
      .getByText(/are set in the configuration\. Change them there/)
      .waitFor();
    assert.equal(await page.getByLabel('Collections').inputValue(), '2884187311', 'what was typed stays');
  }));

test('only what was added here is removed', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/radar');
    assert.equal(await card(page, 'ns2-main').getByRole('button', { name: 'Remove' }).count(), 0);
    await card(page, 'arena').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await card(page, 'arena').waitFor({ state: 'detached' });
    assert.deepEqual(
      fake.gameServers.map((server) => server.name),
      ['ns2-main'],
    );
  }));

test('a change elsewhere shows by itself, and no server is explained', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/radar');
    await card(page, 'ns2-main').waitFor();
    fake.gameServers = [];
    fake.publish('mods.servers', { server: 'ns2-main', outdated: 0, mods: [] });
    await page.getByText('No game server is watched yet').waitFor();
    await page.getByRole('button', { name: 'Copy: config.toml' }).click();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^\[\[workshop\.servers\]\]\n/);
  }));
