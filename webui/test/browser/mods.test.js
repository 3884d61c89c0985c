/** Adding, watching, finding and opening mods. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complete } from '../fake/routes.js';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page */
const titles = (page) => page.locator('.table.mods .row-title').allTextContents();

test('a mod is added by address, watched while it comes, and becomes ready', () =>
  scene({}, async ({ page, fake }) => {
    fake.mods = [];
    fake.jobs = [];
    await page.goto('/app/mods');
    await page.getByText('No mods yet').waitFor();
    const field = page.getByLabel('Add a mod');
    await field.fill('https://steamcommunity.com/sharedfiles/filedetails/?id=117887554');
    await page.getByText('Item 117887554, in hex 706d242').waitFor();
    await field.press('Enter');
    await page.locator('.job', { hasText: 'Item 117887554' }).getByText('Asking Steam').waitFor();
    await page.locator('.table.mods', { hasText: 'Item 117887554' }).waitFor();

    const job = fake.jobs[0];
    fake.publish('mods.job', {
      ...job,
      title: 'Shine',
      state: 'fetching',
      bytes: 1_048_576,
      total: 4_194_304,
      speed: 524_288,
      attempts: 2,
      source: 'steam-url',
    });
    const row = page.locator('.job');
    await row.getByText('1 MiB of 4 MiB (25%) · 512 KiB/s · Steam · attempt 3').waitFor();
    assert.equal(await row.getByRole('progressbar').getAttribute('aria-valuenow'), '25');

    complete(fake, '117887554', 'Shine');
    await page.locator('.table.mods').getByText('Ready').waitFor();
    await row.getByText('Ready').waitFor();
    await page.locator('.queue').waitFor({ state: 'hidden' });

    const post = fake.requests.find((request) => request.method === 'POST' && request.path === '/mods');
    assert.deepEqual(post?.body, { item: '0x706d242' });
    assert.match(String(post?.headers['x-csrf-token']), /^csrf-/);
  }));

test('what is no item is refused before it is sent', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/mods');
    const field = page.getByLabel('Add a mod');
    await field.fill('shine');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('This is neither a Workshop id nor the address').waitFor();
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    assert.ok(await field.evaluate((element) => element === document.activeElement));
    assert.equal(fake.requests.filter((request) => request.method === 'POST').length, 0);
  }));

test('search, state and order live in the address and survive reload and back', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/mods');
    await page.locator('.row-title').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('map_0');
    await page.waitForURL('**/app/mods?q=map_0');
    await page.locator('header', { hasText: '9 mods' }).waitFor();
    await page.getByRole('button', { name: 'Mod', exact: true }).click();
    await page.waitForURL('**/app/mods?q=map_0&sort=title');
    await page.locator('th[aria-sort="ascending"]', { hasText: 'Mod' }).waitFor();
    assert.equal((await titles(page))[0], 'ns2_map_01');

    await page.reload();
    await page.locator('header', { hasText: '9 mods' }).waitFor();
    assert.equal(await page.getByRole('searchbox').inputValue(), 'map_0');
    await page.locator('.row-title', { hasText: 'ns2_map_03' }).click();
    await page.getByRole('heading', { level: 1, name: 'ns2_map_03' }).waitFor();
    await page.goBack();
    await page.waitForURL('**/app/mods?q=map_0&sort=title');
    await page.locator('header', { hasText: '9 mods' }).waitFor();

    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.waitForURL('**/app/mods');
    await page.getByLabel('State', { exact: true }).selectOption('quarantined');
    await page.waitForURL('**/app/mods?state=quarantined');
    await page.locator('header', { hasText: '1 mod' }).waitFor();
  }));

test('from any page Ctrl-K and Enter find a mod by its id', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('706d242');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/app/mods?q=706d242');
    await page.locator('.row-title', { hasText: 'Shine Administration' }).waitFor();
    assert.equal((await titles(page)).length, 1);
  }));

test('more rows come on demand and stay through a refresh', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/mods');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('.row-title').nth(66).waitFor();
    assert.equal(new Set(await titles(page)).size, 67);
    await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'hidden' });
    fake.mods[0].title = 'Shine, renamed';
    fake.publish('mods.changed', { item: fake.mods[0].id });
    await page.locator('.row-title', { hasText: 'Shine, renamed' }).waitFor();
    assert.equal((await titles(page)).length, 67);
  }));

test('a failed job says why and is tried again or cancelled', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/mods');
    const failed = page.locator('.job', { hasText: 'Item 40000' });
    await failed.getByText('The server closed the connection').waitFor();
    await failed.getByRole('button', { name: 'Try again now' }).click();
    await failed.getByText('Queued').waitFor();
    await failed.getByRole('button', { name: 'Cancel' }).click();
    await failed.waitFor({ state: 'detached' });
    assert.equal(fake.jobs.length, 2);
  }));

test('a name cannot become markup or turn the text around it', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/mods?q=bold');
    const title = page.locator('.row-title');
    await title.waitFor();
    assert.match((await title.textContent()) ?? '', /<b>bold<\/b> & "quoted"/);
    assert.equal(await title.locator('bdi').count(), 1);
    assert.equal(await page.locator('.table b').count(), 0);
  }));

test('a guest looks but has nothing to press', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/mods');
    await page.locator('.row-title').first().waitFor();
    assert.equal(await page.getByLabel('Add a mod').count(), 0);
    assert.equal(await page.locator('.job-actions').count(), 0);
    await page.goto('/app/mods/117887554');
    await page.locator('.versions tbody tr').first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'Download' }).count(), 3);
  }));
