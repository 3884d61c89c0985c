/** The frame: keyboard, focus, live connection, failures, theme. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** What has the focus, as a person would name it. @param {import('playwright-core').Page} page */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return (element?.getAttribute('aria-label') || element?.textContent || element?.tagName || '').trim();
  });

test('everything is reached by Tab, in order, and shows that it has the focus', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    const walk = [];
    for (let i = 0; i < 80; i += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement === document.body)) break;
      walk.push(await focused(page));
      assert.ok(await page.evaluate(showsFocus), `${walk.at(-1)} shows the focus`);
    }
    assert.deepEqual(walk.slice(0, 23), [
      'Skip to content',
      'Quartermaster',
      'Overview',
      'Mods',
      'Catalogue',
      'Games',
      'Updates',
      'FastDL',
      'Recordings',
      'Review queue',
      'Reports',
      'Servers',
      'Players',
      'Clans',
      'Matches',
      'Leaderboards',
      'Skins',
      'Statistics',
      'Storage',
      'Peers',
      'Mails',
      'Search mods',
      'AAccount and settings',
    ]);
    for (const wanted of [
      'Show',
      'mods',
      'Copy: ServerConfig.json → settings',
      'Copy: address',
      'Copy: Build',
    ]) {
      assert.ok(walk.includes(wanted), `${wanted} is on the way: ${walk.join(', ')}`);
    }
  }));

function showsFocus() {
  const element = document.activeElement;
  if (!element) return false;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return (
    style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.height > 0
  );
}

test('the skip link leads to the content; navigation puts the focus on the heading', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'content');
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Mods' }).click();
    await page.locator('.row-title').first().waitFor();
    assert.equal(await focused(page), 'Mods');
    assert.equal(await page.title(), 'Mods · Quartermaster');
    assert.equal(await page.locator('.nav [aria-current="page"]').textContent(), 'Mods');
  }));

test('on a phone a sheet has all places, and closes by itself', () =>
  scene({ size: 'phone' }, async ({ page }) => {
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    const button = page.getByRole('button', { name: 'Menu', exact: true });
    const places = page.getByRole('navigation', { name: 'Main', exact: true });
    assert.equal(await places.isVisible(), false);
    await button.click();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    assert.equal(await focused(page), 'Overview');
    await page.keyboard.press('Escape');
    assert.equal(await places.isVisible(), false);
    assert.equal(await focused(page), 'Menu');
    await page.keyboard.press('Enter');
    await places.getByRole('link', { name: 'Statistics' }).click();
    await page.getByRole('heading', { level: 1, name: 'Statistics' }).waitFor();
    assert.equal(await places.isVisible(), false);
    await button.click();
    await page.getByRole('heading', { level: 1 }).click();
    assert.equal(await places.isVisible(), false);
  }));

test('the field of the top bar searches what the page lists', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/games');
    await page.locator('.mod-card').first().waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('rim');
    await page.waitForURL('**/app/games?q=rim');
    await page.locator('header', { hasText: '1 game' }).waitFor();
    assert.equal(await focused(page), 'Search games');
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Catalogue' }).click();
    await page.getByRole('heading', { level: 1, name: 'Catalogue' }).waitFor();
    assert.equal(await page.getByRole('searchbox', { name: 'Search the catalogue' }).inputValue(), '');
  }));

test('the menu opens, chooses and closes by keyboard alone', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/mods');
    const button = page.getByRole('button', { name: 'Account and settings' });
    await button.focus();
    await page.keyboard.press('Enter');
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('Tab'); // my account, sign out, theme
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'light');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.keyboard.press('Escape');
    assert.equal(await button.getAttribute('aria-expanded'), 'false');
    assert.equal(await focused(page), 'AAccount and settings');
    await page.reload();
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'the choice is remembered');
  }));

test('another language takes effect at once and is remembered', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/mods?q=map');
    await page.getByRole('button', { name: 'Account and settings' }).click();
    await page.getByText('Русский').click();
    await page.getByRole('heading', { level: 1, name: 'Моды' }).waitFor();
    await page.getByText('61 мод').waitFor();
    assert.equal(new URL(page.url()).search, '?q=map');
    await page.reload();
    await page.getByText('61 мод').waitFor();
  }));

test('the page says when it lost the daemon, comes back by itself and catches up', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/ERR_|status of 503/);
    await page.goto('/app/mods');
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    const port = Number(new URL(fake.url).port);
    await fake.stop();
    await page.locator('.connection', { hasText: 'Reconnecting' }).waitFor();
    fake.mods[0].title = 'Renamed meanwhile';
    await fake.start(port);
    await page.locator('.connection', { hasText: 'Live' }).waitFor();
    await page.locator('.row-title', { hasText: 'Renamed meanwhile' }).waitFor();
  }));

test('a failure names its request and is tried again', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 500/);
    fake.failures.set('/mods?', 500);
    await page.goto('/app/mods');
    const alert = page.getByRole('alert');
    await alert.getByText('The database does not answer').waitFor();
    await alert.getByText('Look at the log').waitFor();
    assert.match((await alert.locator('code').textContent()) ?? '', /^FAKE42-/);
    fake.failures.clear();
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.row-title').first().waitFor();
    await alert.waitFor({ state: 'detached' });
  }));

test('a session that ended elsewhere is noticed', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 401/);
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    fake.sessions.clear();
    fake.publish('mods.changed', { item: '117887554' });
    await page.getByText('You need to sign in to see this').waitFor();
    await page.getByRole('alert').getByRole('link', { name: 'Sign in' }).click();
    await page.waitForURL('**/app/signin?to=%2Fapp%2F');
  }));

test('an address that nothing stands at says so, on any path', () =>
  scene({}, async ({ page, expected }) => {
    expected.push(/status of 404/);
    for (const path of ['/app/nowhere', '/somewhere/else']) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1, name: 'Nothing here' }).waitFor();
      await page.locator('.empty').getByText(path).waitFor();
    }
    await page.getByRole('link', { name: 'To the overview' }).click();
    await page.locator('.facts').waitFor();
  }));
