/** The catalogue: finding mods and games, and what a mod needs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogMod, description } from '../fake/shelf.js';
import { scenes } from './scene.js';

const scene = scenes();
const shine = '/app/mods/117887554';

/** @param {import('playwright-core').Page} page */
const titles = (page) => page.locator('.mod-card .row-title').allTextContents();

/**
 * @param {import('playwright-core').Page} page
 * @param {string} text
 */
const count = (page, text) => page.locator('.page-head', { hasText: text }).waitFor();

test('filters and order live in the address and survive reload and back', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/catalog');
    await count(page, '68 mods');
    assert.equal((await titles(page))[0], 'Shine Administration');
    await page.getByLabel('Game').selectOption({ label: 'Natural Selection 2' });
    await page.waitForURL('**/app/catalog?game=4920');
    await count(page, '64 mods');
    await page.getByRole('button', { name: 'Библиотека 1' }).click();
    await page.waitForURL('**/app/catalog?game=4920&tag=5');
    await count(page, '1 mod');
    assert.deepEqual(await titles(page), ['Shine Administration']);

    await page.reload();
    await count(page, '1 mod');
    assert.equal(await page.getByLabel('Game').inputValue(), '4920');
    const tag = page.getByRole('button', { name: 'Библиотека 1' });
    assert.equal(await tag.getAttribute('aria-pressed'), 'true');
    await page.locator('.mod-card .row-title').click();
    await page.waitForURL('**/app/mods/117887554');
    await page.goBack();
    await page.waitForURL('**/app/catalog?game=4920&tag=5');
    await tag.click();
    await count(page, '64 mods');
    await page.getByLabel('Order', { exact: true }).selectOption('name');
    await page.waitForURL('**/app/catalog?game=4920&sort=name');
    await page.locator('.mod-card:first-child', { hasText: 'evil' }).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await count(page, '68 mods');
  }));

test('another game takes the tags of the old one away', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/catalog?game=4920&tag=4');
    await count(page, '62 mods');
    await page.getByLabel('Game').selectOption({ label: 'RimWorld' });
    await page.waitForURL('**/app/catalog?game=294100');
    await count(page, '2 mods');
  }));

test('state, independence and what needs a mod narrow the list', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/catalog');
    await page.getByLabel('State', { exact: true }).selectOption('fetching');
    await count(page, '2 mods');
    await page.getByLabel('Needs no other mod').check();
    await page.waitForURL('**/app/catalog?state=fetching&independent=true');
    await count(page, '1 mod');
    assert.deepEqual(await titles(page), ['Item 2817']);
    await page.goto('/app/catalog?dependency=117887554');
    await count(page, '1 mod');
    await page.getByText('Mods that need 117887554').waitFor();
    assert.deepEqual(await titles(page), ['Карты осеннего турнира']);
  }));

test('a game that is not among the first hundred has its name in the filter all the same', () =>
  scene({}, async ({ page, fake }) => {
    const [one] = fake.games;
    fake.games = [
      ...fake.games,
      ...Array.from({ length: 120 }, (_, i) => ({ ...one, id: String(9000 + i), name: `Game ${i}` })),
    ];
    fake.catalog = fake.games
      .slice(3)
      .map((game, i) =>
        catalogMod(String(50_000 + i), `of ${game.name}`, { game: { id: game.id, name: game.name } }),
      );
    await page.goto('/app/catalog?game=9119');
    await count(page, '1 mod');
    await page.locator('select option', { hasText: 'Game 119' }).waitFor({ state: 'attached' });
    assert.equal(await page.getByLabel('Game').inputValue(), '9119');
  }));

test('more cards come on demand and stay through a refresh, even beyond one answer of the API', () =>
  scene({}, async ({ page, fake }) => {
    fake.catalog.push(
      ...Array.from({ length: 100 }, (_, i) => catalogMod(String(70_000_000 + i), `more ${i}`)),
    );
    await page.goto('/app/catalog');
    const more = page.getByRole('button', { name: 'Show more' });
    for (const shown of [48, 72, 96, 120, 144, 168]) {
      await more.click();
      await page
        .locator('.mod-card')
        .nth(shown - 1)
        .waitFor();
    }
    await more.waitFor({ state: 'hidden' });
    assert.equal(new Set(await titles(page)).size, 168);
    fake.catalog[0].name = 'Shine, renamed';
    fake.publish('mods.changed', { item: fake.catalog[0].id });
    await page.locator('.mod-card', { hasText: 'Shine, renamed' }).waitFor();
    assert.equal((await titles(page)).length, 168);
  }));

test('a mod that is being fetched becomes ready before one’s eyes', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/catalog?state=fetching');
    const card = page.locator('.mod-card', { hasText: 'HugsLib' });
    await card.getByText('Fetching').waitFor();
    const mod = fake.catalog.find((one) => one.id === '818773962');
    Object.assign(mod ?? {}, { condition: 0, archive_size: 1_048_576 });
    fake.publish('mods.changed', { item: '818773962' });
    await card.waitFor({ state: 'detached' });
    await page.getByLabel('State', { exact: true }).selectOption('ready');
    await card.getByText('1 MiB').waitFor();
  }));

test('a description is shown as elements, its links are safe, and nothing is loaded', () =>
  scene({}, async ({ page }) => {
    await page.goto(shine);
    const text = page.locator('.markup');
    await text.waitFor();
    assert.ok(description.includes('<b>no markup of its own</b>'));
    assert.ok((await text.textContent())?.includes('<b>no markup of its own</b>'));
    assert.equal(await text.locator('b, img, script').count(), 0);
    assert.equal(await text.locator('strong').first().textContent(), 'administration');
    assert.equal(await text.getByRole('listitem').count(), 3);
    assert.deepEqual(await text.locator('h3, h4, h5').allTextContents(), ['Shine', 'What it does']);
    assert.equal(
      await text.locator('pre').textContent(),
      description.slice(description.indexOf('sh_kick'), -7),
    );
    const links = await text.locator('a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    assert.deepEqual(links, [
      'https://shine.example/docs',
      'https://forums.example/shine',
      'https://images.example/banner.png',
    ]);
    for (const link of await page.locator('.catalog-part a[target]').all()) {
      assert.match((await link.getAttribute('rel')) ?? '', /noreferrer/);
      assert.match((await link.getAttribute('href')) ?? '', /^https:/);
    }
  }));

test('tags and game lead to the catalogue', () =>
  scene({}, async ({ page }) => {
    await page.goto(shine);
    await page.getByRole('list', { name: 'Tags' }).getByRole('link', { name: 'Библиотека' }).click();
    await page.waitForURL('**/app/catalog?game=4920&tag=5');
    await count(page, '1 mod');
    await page.goBack();
    await page.getByRole('link', { name: 'Natural Selection 2' }).click();
    await page.waitForURL('**/app/games/4920');
    await page.getByRole('heading', { level: 1, name: 'Natural Selection 2' }).waitFor();
    await page.getByRole('link', { name: 'Map 62' }).click();
    await page.waitForURL('**/app/catalog?game=4920&tag=4');
    await count(page, '62 mods');
  }));

test('what a mod needs is fetched with one press; what nobody has is named', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto(shine);
    const needs = page.getByRole('region', { name: 'What it needs' });
    await needs.getByText('Not here').first().waitFor();
    await needs.getByRole('button', { name: 'Fetch the 2 missing mods' }).click();
    await page.getByText('1 mod is in the queue').waitFor();
    await needs.locator('li', { hasText: 'Item 727457183' }).getByText('Fetching').waitFor();
    await needs.getByText('1 mod cannot be fetched:').waitFor();
    await needs.getByText('145366787: No source that is set up can supply it.').waitFor();
    assert.equal(await needs.getByText('99874752:').count(), 0, 'what is here is no refusal');
    const post = fake.requests.find((request) => request.method === 'POST');
    assert.equal(post?.path, '/catalog/mods/117887554/dependencies/fetch');
    assert.match(String(post?.headers['x-csrf-token']), /^csrf-/);

    for (const one of fake.catalog[0].dependencies) one.state = 'stored';
    fake.publish('mods.changed', { item: '727457183' });
    await needs.getByText('All of it is here').waitFor();
    await page.getByRole('region', { name: 'What needs it' }).getByRole('link').click();
    await page.waitForURL('**/app/mods/727457182');
  }));

test('a guest sees what is missing and has nothing to press', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto(shine);
    const needs = page.getByRole('region', { name: 'What it needs' });
    await needs.getByText('Not here').first().waitFor();
    assert.equal(await needs.getByRole('button').count(), 0);
  }));

test('a mod that the catalogue does not list has its page all the same, and it is not asked for', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/mods/145366787');
    await page.locator('.summary .notice').waitFor();
    assert.equal(await page.locator('.catalog-part').isVisible(), false);
    assert.equal(fake.requests.filter((request) => request.path.startsWith('/catalog')).length, 0);
  }));

test('where a version came from is told', () =>
  scene({}, async ({ page }) => {
    await page.goto(shine);
    const row = page.locator('.versions tbody tr').nth(2);
    await row.getByText('another server · https://mods.neighbour.example').waitFor();
    await row.getByText('arrived 12 days ago · verified by several hosts').waitFor();
  }));

test('games are narrowed by genre and ordered; one is opened', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/games');
    await count(page, '3 games');
    assert.deepEqual(await titles(page), ['Natural Selection 2', 'RimWorld', 'App 4000']);
    await page.getByLabel('Genre').selectOption({ label: 'Simulation (1)' });
    await page.waitForURL('**/app/games?genre=28');
    await count(page, '1 game');
    await page.goto('/app/games?sort=name');
    await count(page, '3 games');
    assert.deepEqual(await titles(page), ['App 4000', 'Natural Selection 2', 'RimWorld']);
    await page.locator('.row-title', { hasText: 'App 4000' }).click();
    await page.getByText('Steam has not described it yet').waitFor();
    await page.getByRole('link', { name: 'Show its mods' }).click();
    await page.waitForURL('**/app/catalog?game=4000');
    await count(page, '1 mod');
  }));

test('a game’s description loses its markup and keeps its shape', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/games/4920');
    const text = page.locator('.markup');
    await text.getByText('Aliens & marines.').waitFor();
    assert.equal(await text.locator('li').count(), 2);
    assert.equal(await text.locator('strong').textContent(), 'builds');
    assert.equal(await text.locator('img').count(), 0);
  }));
