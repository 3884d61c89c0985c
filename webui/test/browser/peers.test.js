/** Peers: how they do, and what they need to know of this server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page */
const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

test('every peer has its state, its trust and its figures', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/peers');
    await page.getByText('1 of 3 answers').waitFor();
    const good = page.getByRole('row', { name: /mods\.ben\.example/ });
    await good.getByText('Answers', { exact: true }).waitFor();
    await good.getByText('Signature', { exact: true }).waitFor();
    await good.getByRole('cell', { name: '1,204' }).waitFor();
    await good.getByText('393 MiB').waitFor();
    const away = page.getByRole('row', { name: /old\.example\.org/ });
    await away.getByText('no list').waitFor();
    await away.getByText('connection refused').waitFor();
    await away.getByText(/^next try in 1[01] minutes$/).waitFor();
    const liar = page.getByRole('row', { name: /backup\.carla\.example/ });
    await liar.getByText('Not believed').waitFor();
  }));

test('the key and the lines are copied whole', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/peers');
    await page.getByRole('button', { name: 'Copy: Public key' }).click();
    assert.equal(await clipboard(page), fake.peers.public_key);
    await page.getByRole('button', { name: 'Copy: For another Quartermaster: config.toml' }).click();
    assert.equal(await clipboard(page), fake.peers.lines?.workshop_peers.trimEnd());
    await page.getByRole('button', { name: 'Copy: ServerConfig.json → settings' }).click();
    assert.deepEqual(JSON.parse(`{${await clipboard(page)}}`), {
      mod_backup_servers: fake.peers.lines?.mod_backup_servers,
    });
  }));

test('a guest sees no addresses and no lines', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/peers');
    await page.getByText('Peer 1', { exact: true }).waitFor();
    await page.getByText(fake.peers.public_key).waitFor();
    assert.equal(await page.locator('.code').count(), 0);
    assert.equal(await page.getByText('mods.ben.example').count(), 0);
  }));

test('without peers, the lines that make one', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 500/);
    fake.peers.peers = [];
    await page.goto('/app/peers');
    await page.getByText('No peers yet').waitFor();
    await page.getByRole('button', { name: 'Copy: config.toml', exact: true }).click();
    assert.match(await clipboard(page), /^\[\[workshop\.peers\]\]\nurl = /);
    fake.failures.set('/mods/peers', 500);
    await page.reload();
    await page.getByRole('alert').getByText('The database does not answer').waitFor();
  }));
