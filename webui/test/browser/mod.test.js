/** One mod: copy, pin, verify, delete. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();
const address = '/app/mods/117887554';

/** @param {import('playwright-core').Page} page */
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

test('any spelling of the id leads to one address', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/mods/m706d242');
    await page.getByRole('heading', { level: 1, name: 'Shine Administration' }).waitFor();
    assert.equal(new URL(page.url()).pathname, address);
    assert.equal(await page.title(), 'Shine Administration · Quartermaster');
  }));

test('ids, hash, address and lines are copied whole', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(address);
    await page.getByRole('button', { name: 'Copy: Hex id' }).click();
    assert.equal(await clipboard(page), '706d242');
    await page.getByRole('button', { name: 'Copy: Decimal id' }).click();
    assert.equal(await clipboard(page), '117887554');
    const newest = fake.mods[0].versions[0];
    await page.getByRole('button', { name: 'Copy: SHA-256' }).first().click();
    assert.equal(await clipboard(page), newest.sha256);
    await page.getByRole('button', { name: 'Copy: address of the file' }).first().click();
    assert.equal(await clipboard(page), `${fake.url}/m706d242_1763480000.zip`);
    await page.getByRole('button', { name: 'Copy: ServerConfig.json → settings' }).click();
    assert.equal(
      await clipboard(page),
      '"mod_backup_servers": ["http://mods.example.org:27020"],\n"mod_backup_before_steam": false',
    );
    await page.getByRole('button', { name: 'Copy: Fetch and check' }).click();
    assert.equal(
      await clipboard(page),
      `curl --fail --remote-name ${fake.url}/m706d242_1763480000.zip\n` +
        `echo '${newest.sha256}  m706d242_1763480000.zip' | sha256sum --check`,
    );
    await page.getByRole('status').getByText('Copied: Fetch and check').waitFor();
  }));

test('copying works without the clipboard interface, as over plain HTTP', () =>
  scene({}, async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.goto(address);
    await page.getByRole('button', { name: 'Copy: Hex id' }).click();
    await page.getByText('Copied: Hex id').waitFor();
  }));

test('a version is pinned and unpinned, and the focus stays', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(address);
    const pin = page.locator('[data-focus="pin-1763480000"]');
    await pin.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Pinned: this version will not be removed').waitFor();
    await page.locator('[data-focus="pin-1763480000"][aria-label="Unpin"]').waitFor();
    assert.equal(fake.mods[0].versions[0].pinned, true);
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute('data-focus')),
      'pin-1763480000',
    );
    await page.keyboard.press('Enter');
    await page.locator('[data-focus="pin-1763480000"][aria-label^="Pin:"]').waitFor();
    assert.equal(fake.mods[0].versions[0].pinned, false);
  }));

test('a version is verified', () =>
  scene({}, async ({ page }) => {
    await page.goto(address);
    await page.locator('[data-focus="verify-1763480000"]').click();
    await page.getByText('The file is whole and unchanged').waitFor();
    await page.goto('/app/mods/2013139122');
    await page.locator('[data-focus="verify-1755000000"]').click();
    await page.getByText('The file is damaged: The file is damaged: its checksum is wrong').waitFor();
  }));

test('deleting asks first, and Escape means no', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(address);
    await page.locator('[data-focus="delete-1763480000"]').click();
    await page.getByRole('dialog').getByText('m706d242_1763480000.zip').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(fake.mods[0].versions.length, 3);
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute('data-focus')),
      'delete-1763480000',
    );
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The version is deleted').waitFor();
    await page.locator('[data-focus="delete-1763480000"]').waitFor({ state: 'detached' });
    assert.equal(fake.mods[0].versions.length, 2);
  }));

test('what cannot be had again is deleted only after its id was typed', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/mods/727457182');
    await page.locator('[data-focus="delete-1762000000"]').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('This is the only copy of the mod on this server.').waitFor();
    const proceed = dialog.getByRole('button', { name: 'Delete' });
    assert.equal(await proceed.isDisabled(), true);
    await dialog.getByLabel('Type 2b5c1d9e to confirm').fill('2b5c1d9e');
    await proceed.click();
    await page.getByText('No version is kept yet').waitFor();
    assert.deepEqual(fake.mods.find((mod) => mod.hex === '2b5c1d9e')?.versions, []);
  }));

test('a change elsewhere shows by itself', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(address);
    await page.locator('.versions').waitFor();
    fake.mods[0].versions[0].state = 'quarantined';
    fake.mods[0].versions[0].reason = 'The checksum is not that of the stored bytes';
    fake.publish('mods.changed', { item: '117887554' });
    await page.locator('.versions').getByText('Damaged').waitFor();
    await page.locator('.versions').getByText('The checksum is not that of the stored bytes').waitFor();
  }));
