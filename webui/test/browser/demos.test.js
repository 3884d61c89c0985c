/** Recordings: finding them, judging them, and showing one moment to others. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cheater, growing, rich } from '../fake/demos.js';
import { scenes } from './scene.js';

const scene = scenes();

/**
 * @param {import('playwright-core').Page} page
 * @param {string} text
 */
const count = (page, text) => page.locator('.page-head', { hasText: text }).waitFor();

/** @param {import('playwright-core').Page} page */
const places = (page) => page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents();

/** @param {import('../fake/daemon.js').FakeDaemon} fake @param {string} id */
const kept = (fake, id) => {
  const found = fake.demos.find(({ demo }) => demo.id === id);
  assert.ok(found);
  return found;
};

test('the library is narrowed by its address, and pages go on', () =>
  scene({ roles: ['analyst'] }, async ({ page }) => {
    await page.goto('/app/demos');
    await count(page, '67 recordings');
    assert.equal(await page.locator('.table.demos tbody tr').count(), 25);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('.table.demos tbody tr').nth(49).waitFor();
    await page.getByLabel('State').selectOption('analysed');
    await page.waitForURL('**/app/demos?state=analysed');
    await count(page, '1 recording');
    await page.reload();
    await count(page, '1 recording');
    assert.equal(await page.getByLabel('State').inputValue(), 'analysed');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await count(page, '67 recordings');
    await page.getByText('Map, server, player, dates').click();
    await page.getByLabel('Map', { exact: true }).fill('cp_badlands');
    await page.waitForURL('**/app/demos?map=cp_badlands');
    await count(page, '15 recordings');
    await page.getByLabel('Map', { exact: true }).fill('');
    await page.getByRole('searchbox', { name: 'Search recordings' }).fill('nothing like it');
    await page.getByText('No recording matches').waitFor();
    await page.goto('/app/demos?flagged=true');
    await count(page, '2 recordings');
    assert.equal(await page.getByLabel('Flagged only').isChecked(), true);
  }));

test('days of the address are asked for whole, in UTC', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/demos?from=2026-11-01&to=2026-11-03');
    await page.locator('.list:not([aria-busy])').waitFor();
    const asked = fake.requests.find((one) => one.path === '/demos' && one.query.has('from'));
    assert.equal(asked?.query.get('from'), '2026-11-01T00:00:00.000Z');
    assert.equal(asked?.query.get('to'), '2026-11-04T00:00:00.000Z');
    assert.equal(await page.getByLabel('From (UTC)').inputValue(), '2026-11-01');
  }));

test('what is recorded now grows before one’s eyes', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/demos');
    const live = page.locator('.live-demo', { hasText: 'auto-live' });
    await live.getByText('9.01 MiB').waitFor();
    await live.getByText('16 KiB/s').waitFor();
    const link = live.getByRole('link');
    await link.focus();
    kept(fake, growing).demo.received = 12 * 1024 ** 2;
    fake.publish('demos.live', { id: growing, state: 'live' });
    await live.getByText('12 MiB').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'auto-live');
    fake.demos = fake.demos.filter(({ demo }) => demo.state !== 'live' && demo.state !== 'idle');
    fake.publish('demos.live', { id: growing, state: 'closed' });
    await page.getByText('Being recorded now').waitFor({ state: 'detached' });
    await count(page, '65 recordings');
  }));

test('a player sees his own recordings and nothing of what was found', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    kept(fake, rich).demo.mine = true;
    await page.goto(`/app/demos/${rich}`);
    await page.getByRole('link', { name: 'Download (38 MiB)' }).waitFor();
    for (const title of ['Detections', 'Reviews', 'Evidence links', 'Witnesses', 'Result of the analysis']) {
      assert.equal(await page.getByRole('heading', { name: title }).count(), 0, title);
    }
    assert.equal(await page.getByText('76561198000000042').count(), 0, 'nor who sent it');
    assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0);
    const shown = await places(page);
    assert.ok(shown.includes('Recordings') && !shown.includes('Review queue') && !shown.includes('Reports'));
    await page.goto('/app/demos');
    await count(page, '22 recordings');
    assert.equal(await page.getByText('Room for recordings').count(), 0);
    assert.ok(fake.requests.every((one) => one.path !== '/demos/storage'));
  }));

test('without the demo sink there is no way to it', () =>
  scene({}, async ({ page, fake }) => {
    fake.demosOn = false;
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    assert.ok(!(await places(page)).includes('Recordings'));
    assert.equal(await page.getByText('Review queue').isVisible(), false);
    assert.ok(fake.requests.every((one) => !one.path.startsWith('/demos')));
  }));

test('guests are not asked about recordings, and led to the sign-in page', () =>
  scene({ roles: null }, async ({ page, fake, expected }) => {
    expected.push(/status of 401/);
    await page.goto('/app/');
    await page.locator('.shelf').waitFor();
    assert.ok(fake.requests.every((one) => !one.path.startsWith('/demos')));
    await page.goto('/app/demos');
    await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).waitFor();
  }));

test('detections stand on the ticks, and in a table from which one makes evidence', () =>
  scene({ roles: ['analyst'] }, async ({ page, fake, context }) => {
    await page.goto(`/app/demos/${rich}`);
    await page.getByRole('img', { name: /^viewangles_180degrees: 19 detections, from tick 5,200/ }).waitFor();
    assert.equal(await page.locator('.lane').first().locator('line').count(), 19);
    await page.getByText('As a table: 22 detections').click();
    await page.getByRole('button', { name: 'Make an evidence link to tick 61,020' }).click();
    assert.equal(await page.getByLabel('Tick', { exact: true }).inputValue(), '61020');
    await page.getByLabel('Note for the reader').fill('Look <here>');
    await page.getByRole('button', { name: 'Make a link' }).click();
    await page.getByRole('button', { name: 'Copy: Address' }).click();
    const address = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(address, /\/app\/evidence\/evidence-\d+$/);
    assert.deepEqual(
      fake.requests.findLast((one) => one.path.endsWith('/evidence') && one.method === 'POST')?.body,
      {
        tick: 61020,
        note: 'Look <here>',
        expires_in: 7 * 86_400,
      },
    );
    await context.clearCookies();
    await page.goto(address);
    await page.getByText('Tick 61,020 (15:15)').waitFor();
    await page.getByText('Look <here>').waitFor();
    await page.getByText('demo_gototick 61020').waitFor();
  }));

test('a link that was taken back says so', () =>
  scene({ roles: null }, async ({ page, expected }) => {
    expected.push(/status of 404/);
    await page.goto('/app/evidence/nothing');
    await page.getByText('This link does not work any more').waitFor();
  }));

test('a recording is taken, judged and given back', () =>
  scene({ roles: ['analyst'] }, async ({ page, fake }) => {
    await page.goto('/app/queue');
    await count(page, '1 waits');
    await page.getByRole('button', { name: 'Take', exact: true }).click();
    await page.waitForURL(`**/app/demos/${rich}`);
    await page.getByText('You are reviewing it').waitFor();
    assert.equal(await page.getByLabel('Player’s SteamID', { exact: true }).inputValue(), cheater);
    await page.getByLabel('Player’s SteamID', { exact: true }).fill('12');
    await page.getByRole('button', { name: 'Save the verdict' }).click();
    await page.getByText('A SteamID has 17 digits').waitFor();
    await page.getByLabel('Player’s SteamID', { exact: true }).fill(cheater);
    await page.getByLabel('Note', { exact: true }).fill('Spins <b>always</b>');
    await page.getByRole('button', { name: 'Save the verdict' }).click();
    await page.getByText('Choose a verdict first').waitFor();
    await page.getByLabel('Verdict', { exact: true }).selectOption('confirmed');
    await page.getByRole('button', { name: 'Save the verdict' }).click();
    await page.locator('.review-note', { hasText: 'Spins <b>always</b>' }).waitFor();
    await page.getByText('Nobody is reviewing it.').waitFor();
    assert.deepEqual(fake.requests.find((one) => one.method === 'PUT')?.body, {
      target: cheater,
      verdict: 'confirmed',
      note: 'Spins <b>always</b>',
    });
    await page.goto('/app/queue');
    await page.getByText('Nothing waits').waitFor();
  }));

test('what another works on cannot be taken', () =>
  scene({ roles: ['analyst'] }, async ({ page, fake }) => {
    const until = new Date(Date.now() + 600_000).toISOString();
    kept(fake, rich).parts.lease = { by: 'Ben', mine: false, until };
    await page.goto(`/app/demos/${rich}`);
    await page.getByText('Ben · is reviewing it').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Take it for review' }).isVisible(), false);
    assert.equal(await page.getByRole('button', { name: 'Give it back' }).isVisible(), false);
  }));

test('a refresh leaves what is being typed', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(`/app/demos/${growing}`);
    await page.getByLabel('Note', { exact: true }).fill('half a sen');
    kept(fake, growing).demo.received = 77 * 1024 ** 2;
    fake.publish('demos.live', { id: growing, state: 'live' });
    await page.getByText('77 MiB').waitFor();
    assert.equal(await page.getByLabel('Note', { exact: true }).inputValue(), 'half a sen');
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'TEXTAREA');
  }));

test('moderators work through reports and tell players news', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/reports');
    await count(page, '1 report');
    await page.getByRole('link', { name: 'reported in 3 recordings' }).waitFor();
    await page.getByRole('button', { name: 'Mark as handled' }).click();
    await page.getByText('No open reports').waitFor();
    await page.getByLabel('State').selectOption('all');
    await page.waitForURL('**/app/reports?state=all');
    await count(page, '2 reports');
    await page.getByRole('textbox', { name: 'Message' }).fill('New <maps>');
    await page.getByLabel('Importance').selectOption('medium');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('.review-note', { hasText: 'New <maps>' }).waitFor();
    const entry = page.locator('.review', { hasText: 'Thank you for' });
    await entry.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await entry.waitFor({ state: 'detached' });
    assert.deepEqual(
      fake.broadcasts.map((one) => one.message),
      ['New <maps>', 'The sink moves to new disks on Sunday.'],
    );
  }));

test('an administrator deletes a recording after a question', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(`/app/demos/${rich}`);
    await page.getByText('76561198000000042').waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal(fake.demos.length, 67);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL('**/app/demos');
    await count(page, '66 recordings');
  }));

test('what is kept is set, and what goes is shown before it goes', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/demos');
    await page.getByText('From the configuration').waitFor();
    await page.getByLabel('Age, days').fill('30');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('button', { name: 'Back to the configuration' }).waitFor();
    assert.deepEqual(fake.requests.find((one) => one.method === 'PUT')?.body, {
      max_bytes: 40 * 1024 ** 3,
      max_age: 30 * 86_400,
      keep_flagged: true,
      max_prune_ratio: 0.05,
    });
    await page.getByRole('button', { name: 'What would be deleted?' }).click();
    await page
      .getByText(/^\d+ recordings would go/)
      .first()
      .waitFor();
    assert.equal(fake.demos.filter(({ demo }) => demo.state === 'pruned').length, 1);
    await page.getByRole('button', { name: 'Delete by the rules' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete by the rules' }).click();
    await page
      .locator('.retention')
      .getByText(/^\d+ recordings deleted/)
      .waitFor();
    assert.ok(fake.demos.filter(({ demo }) => demo.state === 'pruned').length > 1);
  }));
