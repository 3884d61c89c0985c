/** The list of game servers, one server, and what moderators do with them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { server } from '../fake/servers.js';
import { totals } from '../fake/serverroutes.js';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page */
const titles = (page) => page.locator('.table.servers .row-title').allTextContents();

/** @param {import('playwright-core').Page} page @param {string} first */
const begins = (page, first) =>
  page.waitForFunction(
    (wanted) => document.querySelector('.table.servers .row-title')?.textContent === wanted,
    first,
  );

test('the fullest servers come first, with counts that are true', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/servers');
    await page.getByText('74 servers, ').waitFor();
    const { players } = totals(fake);
    await page.getByText(`74 servers, ${players} players`).waitFor();
    assert.deepEqual((await titles(page)).slice(0, 2), ['Север', 'Red Arena']);
    const full = page.getByRole('row', { name: /Север/ });
    await full.getByText('32 / 32').waitFor();
    await full.getByText('(full)').waitFor();
    const odd = page.getByRole('row', { name: /Names/ });
    await odd.getByText('3 / ?').waitFor();
    await odd.getByText('Password needed').waitFor();
    assert.equal(await page.getByRole('row', { name: /Sleeping/ }).count(), 0);
    assert.equal(await page.locator('.table.servers tbody tr').count(), 50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.table.servers tbody tr').length === 74);
  }));

test('every column sorts, both ways, and the address keeps it', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/servers');
    await begins(page, 'Север');
    await page.getByRole('button', { name: 'Server', exact: true }).click();
    await begins(page, 'Host 01');
    assert.equal(new URL(page.url()).search, '?sort=name');
    assert.equal(
      await page.getByRole('columnheader', { name: 'Server' }).getAttribute('aria-sort'),
      'ascending',
    );
    await page.getByRole('button', { name: 'Server', exact: true }).click();
    await begins(page, 'Север');
    assert.equal(new URL(page.url()).search, '?sort=name&reverse=true');
    for (const [column, sort] of [
      ['Map', 'map'],
      ['Game type', 'game_type'],
      ['Last report', 'updated'],
    ]) {
      await page.getByRole('button', { name: column, exact: true }).click();
      await page.waitForURL(`**/app/servers?sort=${sort}`);
    }
    await page.getByRole('button', { name: 'Players', exact: true }).click();
    await page.waitForURL('**/app/servers');
    await page.getByRole('button', { name: 'Players', exact: true }).click();
    await page.waitForURL('**/app/servers?reverse=true');
    await page.reload();
    await begins(page, 'Host 01');
  }));

test('filters live in the address', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/servers');
    await begins(page, 'Север');
    await page.getByLabel('Not full').check();
    await begins(page, 'Red Arena');
    await page.getByLabel('No password').check();
    await page.getByLabel('Has players').check();
    await page.getByLabel('Needs the mod (id)').fill('117887554');
    await page.waitForFunction(() => document.querySelectorAll('.table.servers tbody tr').length === 1);
    assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), {
      not_full: 'true',
      not_passworded: 'true',
      has_players: 'true',
      mod: '117887554',
    });
    await page.getByLabel('Map', { exact: true }).fill('nowhere');
    await page.getByText('No server matches').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await begins(page, 'Север');
    await page.getByRole('searchbox', { name: 'Search servers' }).fill('five against');
    await page.waitForFunction(() => document.querySelectorAll('.table.servers tbody tr').length === 1);
    assert.deepEqual(await titles(page), ['Red Arena']);
  }));

test('favourites stay in the browser and are shown while they are offline', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/servers');
    await page.getByRole('button', { name: 'Favourite: Red Arena' }).click();
    await page.getByText('Among your favourites in this browser').waitFor();
    await page.goto('/app/servers/7');
    await page.getByText('Offline', { exact: true }).waitFor();
    assert.equal(await page.getByText('9 / 32').count(), 0, 'an old count is not shown as one of now');
    await page.getByRole('button', { name: 'Favourite', exact: true }).click();
    await page.goto('/app/servers?favourites=true');
    await page
      .getByRole('row', { name: /Sleeping/ })
      .getByText('unknown')
      .waitFor();
    assert.deepEqual(await titles(page), ['Red Arena', 'Sleeping']);
    assert.ok(fake.requests.every((one) => !one.query.has('favourites')));
    await page.getByRole('button', { name: 'Favourite: Red Arena' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.table.servers tbody tr').length === 1);
    assert.equal(await page.evaluate(() => localStorage.getItem('favourite-servers')), '["7"]');
  }));

test('the list is live', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/servers');
    await page.getByText('74 servers, ').waitFor();
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    fake.listed.push(
      server('500', { name: 'Brand new', host: '203.0.113.200', players: 40, max_players: 64 }),
    );
    fake.publish('serverlist.totals', totals(fake));
    await page.getByText('75 servers, ').waitFor();
    await begins(page, 'Brand new');
  }));

test('a server is joined by a link, a copied line, and knows its mods', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/servers');
    await page
      .getByRole('row', { name: /Red Arena/ })
      .getByRole('button', { name: 'Copy: Address' })
      .click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), '203.0.113.5:11235');
    await page.getByRole('link', { name: 'Red Arena', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Red Arena' }).waitFor();
    assert.equal(
      await page.getByRole('link', { name: 'Join', exact: true }).getAttribute('href'),
      'steam://connect/203.0.113.5:11235',
    );
    await page.getByRole('button', { name: 'Copy: Line for the game’s console' }).click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'connect 203.0.113.5:11235');
    await page.getByText('Five against five, every evening.').waitFor();
    const kept = page.getByRole('listitem').filter({ hasText: 'Item 117887554' });
    assert.match(
      (await kept.getByRole('link', { name: 'Download' }).getAttribute('href')) ?? '',
      /117887554/,
    );
    await page
      .getByRole('listitem')
      .filter({ hasText: 'Item 99874752' })
      .getByText('Not kept here')
      .waitFor();
    assert.equal(await page.getByRole('button', { name: 'Hide' }).count(), 0);
    await page.goto('/app/servers/4');
    await page.locator('.facts').waitFor();
    assert.equal(await page.getByRole('link', { name: 'Join', exact: true }).count(), 0, 'no game, no link');
  }));

test('the last day is drawn, with its numbers in a table', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/servers');
    const chart = page.getByRole('img', {
      name: /^The last 24 hours, from .* At the end: Players: \d+, Servers: \d+/,
    });
    await chart.waitFor();
    const drawn = await chart.locator('path').first().getAttribute('d');
    assert.equal(drawn?.match(/M/g)?.length, 2, 'the pause is not drawn');
    await page.getByText('As a table').click();
    assert.equal(await page.locator('.chart-table tbody tr').count(), 257);
  }));

test('a moderator hides a server with a reason and allows it again', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/servers');
    const row = page.locator('.table.registered tr', { hasText: 'Red Arena' });
    await row.getByRole('button', { name: 'Hide' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('Shows a false number of players');
    await dialog.getByRole('button', { name: 'Hide' }).click();
    await page.getByText('The server is hidden').waitFor();
    await row.getByText('Hidden').waitFor();
    assert.deepEqual(fake.requests.findLast((one) => one.method === 'PUT')?.body, {
      state: 'hidden',
      reason: 'Shows a false number of players',
    });
    await row.getByRole('button', { name: 'Allow again' }).click();
    await row.getByText('Open', { exact: true }).waitFor();
  }));
