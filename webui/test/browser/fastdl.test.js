/** FastDL: the lines to copy, what is wrong, what players asked for in vain. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

test('the lines for server.cfg are copied, and figures and problems shown', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/fastdl');
    const tree = page.getByRole('region', { name: 'tf2', exact: true });
    await tree.getByRole('button', { name: 'Copy: server.cfg' }).click();
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      'sv_downloadurl "http://mods.example.org:27020/fastdl/tf2"\nsv_allowdownload 1',
    );
    await tree.getByText('4,312', { exact: true }).waitFor();
    await tree.getByText('5.41 GiB of 20 GiB').waitFor();
    await tree.getByText('/srv/tf2/tf/custom/ours cannot be read: permission denied').waitFor();
    await tree.getByText('1 problem', { exact: true }).waitFor();
    await tree.getByRole('button', { name: 'Read the folders now' }).click();
    await page.getByText('The folders are being read').waitFor();
    assert.ok(fake.requests.some((request) => request.path === '/fastdl/tf2/scan'));
  }));

test('misses have reasons, the most wanted first, and are begun anew', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/fastdl');
    const misses = page.getByRole('region', { name: 'What players asked for in vain: tf2' });
    await misses.getByRole('row', { name: /surf_utopia_v3\.bsp 212 In none of the folders/ }).waitFor();
    await misses.getByRole('row', { name: /cp_dustbowl\.bsp 29 Comes with the game/ }).waitFor();
    await misses.getByRole('button', { name: 'Begin anew' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Begin anew' }).click();
    await misses.getByText('Nothing: every file that was asked for was there.').waitFor();
    assert.deepEqual(fake.misses, []);
    assert.equal(await misses.getByRole('button', { name: 'Begin anew' }).isVisible(), false);
  }));

test('the folders are checked on demand', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 503/);
    await page.goto('/app/fastdl');
    fake.failures.set('/fastdl/tf2/lint', 503);
    await page.getByRole('button', { name: 'Check the folders' }).click();
    const report = page.getByRole('region', { name: 'What keeps players from downloading: tf2' });
    await report.getByRole('alert').waitFor();
    fake.failures.clear();
    await report.getByRole('button', { name: 'Try again' }).click();
    await report.getByText('3 findings, the worst first').waitFor();
    const first = report.getByRole('listitem').first();
    await first.getByText('Error', { exact: true }).waitFor();
    await first.getByText('maps/jump_academy2_rc5.bsp').waitFor();
    fake.lint = { ...fake.lint, ok: true, findings: [] };
    await page.getByRole('button', { name: 'Check the folders' }).click();
    await report.getByText('Nothing: 4,312 files are fine.').waitFor();
  }));

test('a guest sees the address, and nothing of the disk', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/fastdl');
    await page.getByText('http://mods.example.org:27020/fastdl/tf2', { exact: true }).waitFor();
    assert.equal(await page.getByText('/srv/tf2').count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Check the folders' }).count(), 0);
    assert.ok(!fake.requests.some((request) => request.path.endsWith('/misses')));
  }));

test('without trees, the lines that make one', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 500/);
    fake.trees = [];
    await page.goto('/app/fastdl');
    await page.getByText('No game folder is served yet').waitFor();
    await page.getByText('[[workshop.fastdl]]').waitFor();
    fake.failures.set('/fastdl?', 500);
    await page.reload();
    await page.getByRole('alert').getByText('The database does not answer').waitFor();
  }));
