/** Matches and leaderboards: what happened, why ratings changed, and who is how good. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page @param {string} text */
const count = (page, text) => page.locator('.page-head', { hasText: text }).waitFor();

test('matches are narrowed by server, player and date, in the address', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/status of 404/); // the server that is gone
    await page.goto('/app/matches');
    await count(page, '60 matches');
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('.table.matches tbody tr').nth(49).waitFor();
    await page.getByLabel('Server', { exact: true }).selectOption({ label: 'Red Arena' });
    await page.waitForURL('**/app/matches?server=3');
    await count(page, '26 matches');
    await page.getByLabel('Player', { exact: true }).fill('linus “\u202egnp.exe');
    await page.getByLabel('Player', { exact: true }).press('Enter');
    await page.waitForURL('**/app/matches?server=3&player=3');
    await count(page, '21 matches');
    await page.reload();
    await count(page, '21 matches');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('input')].some((one) => one.value === 'Linus “\u202egnp.exe'),
    );
    await page.getByLabel('Player', { exact: true }).fill('nobody like that');
    await page.getByLabel('Player', { exact: true }).press('Enter');
    await page.getByText('Nothing has exactly this name').waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await count(page, '60 matches');
    await page.goto('/app/matches?from=2026-11-01&to=2026-11-03');
    await page.locator('.list:not([aria-busy])').waitFor();
    const asked = fake.requests.find((one) => one.path === '/matches' && one.query.has('from'));
    assert.equal(asked?.query.get('from'), '2026-10-31T23:00:00.000Z'); // days of the browser's zone
    assert.equal(asked?.query.get('to'), '2026-11-03T23:00:00.000Z');
    await page.goto('/app/matches?server=5&player=4&to=2020-01-01');
    await page.getByText('No match fits').waitFor();
  }));

test('a match tells ratings before and after, and why', () =>
  scene({ roles: [] }, async ({ page }) => {
    await page.goto('/app/matches');
    await page.locator('.table.matches .row-title').nth(1).click();
    await page.getByRole('heading', { level: 1, name: /^Match of / }).waitFor();
    await page.getByText('Does not count', { exact: true }).waitFor();
    const winners = page.getByRole('region', { name: 'Team 1: Humans' });
    await winners.getByText('Won', { exact: true }).waitFor();
    const row = winners.getByRole('row', { name: /^Ada/ });
    await row.getByText('812').waitFor();
    await row.getByText('842').waitFor();
    await row.getByText('+30', { exact: true }).waitFor();
    await row
      .getByText(
        'Weighed as 803.1 against 766.7, 53% of the win was expected. It was a win: +0.47 more than expected × 63.1 points = +30.',
      )
      .waitFor();
    await page.getByRole('region', { name: 'Team 2: Beasts' }).getByText('without an account').waitFor();
    await page.getByText('How ratings are reckoned').click();
    await page.getByText('Everybody begins at 800, and nobody falls below 100.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Take the match out' }).count(), 0);
  }));

test('a match leads to its recording', () =>
  scene({}, async ({ page }) => {
    await page.goto('/app/matches/60');
    await page.getByText('arena-2026-11-20-7').waitFor();
    await page.getByRole('region', { name: 'Recordings of this match' }).getByRole('link').click();
    await page.waitForURL('**/app/demos/*');
    await page.locator('.demo-facts').waitFor();
  }));

test('a moderator takes a match out, with a reason', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/matches/57');
    await page.getByRole('button', { name: 'Take the match out' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Take the match out' }).click();
    assert.equal(
      fake.requests.some((one) => one.method === 'POST'),
      false,
    );
    await dialog.getByLabel('Reason, shown with the match').fill('Two teams of one');
    await dialog.getByRole('button', { name: 'Take the match out' }).click();
    await page.getByText('Reason: Two teams of one').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Take the match out' }).count(), 0);
  }));

test('a match and a clan that nobody knows say so', () =>
  scene({ roles: [] }, async ({ page, expected }) => {
    expected.push(/status of 404/);
    await page.goto('/app/matches/9999');
    await page.getByText('There is no such match').waitFor();
    await page.goto('/app/clans/9999');
    await page.getByText('There is no such clan').waitFor();
  }));

test('leaderboards tell the own place and what one needs', () =>
  scene({ roles: [] }, async ({ page, expected }) => {
    expected.push(/status of 404/); // the caller has no place there
    await page.goto('/app/leaderboards');
    await count(page, '86 players');
    await page.getByText('From 10 matches in the field on').waitFor();
    await page.getByText('Place 30 of 86 with a rating of 1,007; 23 of 41 matches won.').waitFor();
    const own = page.locator('.table.board tr.own');
    await own.getByRole('link', { name: 'Ada' }).waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('.table.board tbody tr').nth(85).waitFor();
    await page.getByLabel('Leaderboard', { exact: true }).selectOption({ label: 'Red Arena' });
    await page.waitForURL('**/app/leaderboards?server=3');
    await count(page, '5 players');
    await page
      .getByText('Your rating is 840; 1 of 2 matches won. 8 more matches and you are in the leaderboard.')
      .waitFor();
    await page.getByLabel('Leaderboard', { exact: true }).selectOption({ label: 'Север' });
    await page.getByText('Nobody is in this leaderboard yet').waitFor();
    await page.getByText('You have not played a match here that counts.').waitFor();
    await page.getByText('One needs 10 matches in the field.').waitFor();
  }));
