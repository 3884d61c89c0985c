/** Statistics: what is counted, in which time, as a chart and as a table. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** The last request for counts. @param {import('../fake/daemon.js').FakeDaemon} fake */
const asked = (fake) => fake.requests.findLast((request) => request.path === '/catalog/statistics');

test('every chart says in words and in a table what it shows', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/statistics');
    await page.getByText('Days and hours are those of UTC').waitFor();
    const card = page.getByRole('region', { name: 'Archives sent', exact: true });
    const label = (await card.getByRole('img').getAttribute('aria-label')) ?? '';
    const [, total] = /^Archives sent, .+ to .+: ([\d,]+) in all\. Most: .+: \d+$/.exec(label) ?? [];
    assert.ok(total, label);
    await card.getByText(`${total} in all`).waitFor();
    assert.equal(await card.locator('rect').count(), 30);

    await card.getByText('As a table').click();
    const counts = await card.locator('tbody td').allTextContents();
    const sum = counts.reduce((all, text) => all + Number(text.replaceAll(',', '')), 0);
    assert.equal(sum, Number(total.replaceAll(',', '')));
  }));

test('time and kinds live in the address', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/statistics');
    await page.locator('.chart').nth(2).waitFor();
    assert.equal(await page.locator('.chart').count(), 3);
    await page.getByLabel('Time').selectOption({ label: 'Last 24 hours' });
    await page.waitForURL('**/app/statistics?range=24h');
    await page.waitForFunction(() => document.querySelectorAll('.chart-plot')[0]?.children.length === 24);
    await page.getByRole('button', { name: 'Game files sent' }).click();
    await page.waitForURL('**/app/statistics?range=24h&type=files_sent&type=ns2_sent');
    await page.locator('.chart').nth(2).waitFor({ state: 'detached' });
    await page.getByLabel('Requests of the catalogue…').selectOption({ label: 'Mod state checks' });
    await page.getByRole('region', { name: 'Mod state checks', exact: true }).waitFor();

    await page.reload();
    await page.getByRole('region', { name: 'Mod state checks', exact: true }).waitFor();
    assert.equal(await page.getByLabel('Time').inputValue(), '24h');
    assert.ok(asked(fake));
  }));

test('two dates can be named', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/statistics?type=files_sent');
    await page.locator('.chart').waitFor();
    assert.equal(await page.getByLabel('From').isVisible(), false);
    await page.getByLabel('Time').selectOption({ label: 'Dates…' });
    await page.getByLabel('From').fill('2026-03-28');
    await page.getByLabel('To', { exact: true }).fill('2026-03-30');
    await page.waitForURL('**/app/statistics?type=files_sent&from=2026-03-28&to=2026-03-30');
    await page.waitForFunction(() => document.querySelector('.chart-plot')?.children.length === 3);
    const ends = await page.locator('.chart-axis span').allTextContents();
    assert.deepEqual([ends[0], ends.at(-1)], ['28 Mar', '30 Mar'], 'the zone of the browser moves no day');
    await page.getByLabel('Time').selectOption({ label: 'Last 7 days' });
    await page.waitForURL('**/app/statistics?type=files_sent&range=7d');
  }));

test('a column tells its value to the pointer', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/statistics?type=files_sent&from=2026-03-28&to=2026-03-30');
    const chart = page.locator('.chart');
    await chart.getByText(/^Most: /).waitFor();
    const box = await chart.locator('.chart-plot').boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await chart.getByText(/^29 Mar 2026: \d+$/).waitFor();
    await page.mouse.move(0, 0);
    await chart.getByText(/^Most: /).waitFor();
  }));

test('Russian names the types and counts by its rules', () =>
  scene({ language: 'ru' }, async ({ page }) => {
    await page.goto('/app/statistics');
    await page.getByRole('region', { name: 'Отправлено файлов игр' }).waitFor();
    await page.getByText('3 жанра · 5 тегов · 3 мода требуют других · учёт за 41 день').waitFor();
  }));

test('nothing counted is said, and a failure is tried again', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 500/);
    fake.counting = false;
    await page.goto('/app/statistics');
    await page.getByText('Nothing was counted in this time').waitFor();
    fake.failures.set('/catalog/statistics?', 500);
    await page.getByLabel('Time').selectOption({ label: 'Last 7 days' });
    const alert = page.getByRole('alert');
    await alert.getByText('The database does not answer').waitFor();
    fake.failures.clear();
    fake.counting = true;
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.chart').first().waitFor();
  }));
