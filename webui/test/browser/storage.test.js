/** Storage: what fills it, how long there is room, and tidying up. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyStorage } from '../fake/hosts.js';
import { scenes } from './scene.js';

const scene = scenes();

test('a guest sees what fills the disk, and cannot remove anything', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/storage');
    await page.getByRole('img', { name: '3.67 GiB stored, room for 2.33 GiB' }).waitFor();
    await page.getByText('Irreplaceable · 977 MiB').waitFor();
    await page.getByText(/^At 21\.5\sMiB a day there is room until .+\. Then mods that can be/).waitFor();
    const games = page.getByRole('table', { name: 'By game' });
    assert.equal(await games.getByRole('row').count(), 4);
    await games
      .getByRole('row', { name: /App 440/ })
      .getByText('902 MiB')
      .waitFor();
    const sources = page.getByRole('table', { name: 'By source' });
    await sources.getByRole('progressbar', { name: 'Share of SteamCMD' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Tidy up now' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'Storage' }).getAttribute('aria-current'), 'page');
  }));

test('the history says in words and in a table what it shows', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/storage');
    const card = page.getByRole('region', { name: 'The last 90 days', exact: true });
    const label = (await card.getByRole('img').getAttribute('aria-label')) ?? '';
    assert.match(label, /^The last 90 days, from .+\. At the end, .+: 3\.67\sGiB\. Most: .+: 3\.67\sGiB$/);
    assert.equal(await card.locator('rect').count(), 90);
    await card.getByText('As a table').click();
    assert.equal(await card.locator('tbody td').first().textContent(), '3.67\u00a0GiB');
    assert.equal(await card.locator('tbody tr').count(), 90);

    fake.storage.days.splice(40, 10);
    fake.publish('mods.changed', { item: '1' });
    await page.waitForResponse((answer) => answer.url().endsWith('/mods/storage'));
    assert.equal(await card.locator('rect').count(), 90, 'days without a note keep their place');
    assert.equal(await card.locator('details').getAttribute('open'), '', 'the table stays open');
  }));

test('what would be removed is said with rule and reason, and nothing is removed', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/storage');
    await page.getByRole('button', { name: 'What would be removed?' }).click();
    await page.getByText('3 files would be removed; that frees 1.61 MiB.', { exact: true }).first().waitFor();
    const row = page.getByRole('row', { name: /m706d242_1348957670\.zip/ });
    await row.getByText('Superseded', { exact: true }).waitFor();
    await row.getByText('Superseded by 1763480000 for at least 30 days and not asked for since').waitFor();
    assert.equal(await row.getByRole('link').getAttribute('href'), '/app/mods/m706d242');
    await page.getByText('1 that stays, and why').click();
    await page.getByText(/but no source can supply it again/).waitFor();
    const asked = fake.requests.filter((request) => request.path === '/mods/gc');
    assert.deepEqual(
      asked.map((request) => request.body),
      [{ dry_run: true }],
    );
  }));

test('tidying up asks first, then removes', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/storage');
    const act = page.getByRole('region', { name: 'Tidying up' }).getByRole('button', { name: 'Tidy up now' });
    const asked = () =>
      fake.requests.filter((request) => request.path === '/mods/gc').map((one) => one.body.dry_run);
    await act.click();
    await page.getByRole('dialog').getByText('3 files would be removed; that frees 1.61 MiB.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.deepEqual(asked(), [true]);
    await act.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Tidy up now' }).click();
    await page.getByText('3 files removed, 1.61 MiB freed.').first().waitFor();
    assert.deepEqual(asked(), [true, true, false]);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await act.click();
    await page.getByText('Nothing would be removed.', { exact: true }).first().waitFor();
  }));

test('an empty store and a failure are said', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of (409|500)/);
    fake.storage = emptyStorage();
    await page.goto('/app/storage');
    await page.getByText('Nothing is stored yet').waitFor();
    await page.getByText('The chart begins tomorrow').waitFor();
    fake.failures.set('/mods/gc', 409);
    await page.getByRole('button', { name: 'What would be removed?' }).click();
    await page.locator('.toast.error').getByText('The database does not answer').waitFor();
    fake.failures.set('/mods/storage', 500);
    await page.reload();
    await page.getByRole('alert').getByText('The database does not answer').waitFor();
    fake.failures.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Nothing is stored yet').waitFor();
  }));

test('Russian tells the forecast and counts versions', () =>
  scene({ language: 'ru' }, async ({ page }) => {
    await page.goto('/app/storage');
    await page
      .getByText(/^До .+ места хватит, если в день прибавляется 21,5\sМиБ\. Тогда место освободят/)
      .waitFor();
    await page.getByText(/^13 версий\. /).waitFor();
  }));
