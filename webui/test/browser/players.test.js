/** Players, one player, their moderation, and mails. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

test('players are found by a part of their name, page by page', () =>
  scene({ roles: [] }, async ({ page }) => {
    await page.goto('/app/players');
    await page.getByText('89 players').waitFor();
    assert.equal(await page.locator('.table.players tbody tr').count(), 50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.table.players tbody tr').length === 89);
    assert.equal(await page.getByLabel('State').count(), 0, 'states are for moderators');
    await page.getByRole('searchbox', { name: 'Search players' }).fill('мар');
    await page.getByText('1 player', { exact: true }).waitFor();
    await page.waitForURL(/q=/);
    await page.getByRole('link', { name: 'Мария' }).click();
    await page.getByRole('heading', { level: 1, name: 'Мария' }).waitFor();
  }));

test('a player has clans, ratings, a history and matches', () =>
  scene({ roles: [] }, async ({ page }) => {
    await page.goto('/app/players/1');
    await page.getByRole('heading', { level: 1, name: 'Ada' }).waitFor();
    const about = page.getByRole('region', { name: 'About the player' });
    await about.getByRole('link', { name: /Night Shift/ }).waitFor();
    await about.getByRole('link', { name: 'Recordings' }).waitFor();
    await page.getByRole('img', { name: /^Rating over time, from .* At the end: Rating: / }).waitFor();
    await page
      .getByRole('table', { name: 'On each server' })
      .getByRole('row', { name: /Red Arena/ })
      .waitFor();
    await page.getByText('60 matches').waitFor();
    const row = page.getByRole('table', { name: 'Matches' }).getByRole('row').nth(1);
    assert.equal(await row.getByRole('link').first().getAttribute('href'), '/app/matches/60');
    assert.equal(await page.getByRole('button', { name: 'Close the account' }).count(), 0);
  }));

test('a moderator renames, closes and opens an account', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake, expected }) => {
    expected.push(/status of 409/);
    await page.goto('/app/players/5');
    await page.getByRole('button', { name: 'Rename' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New name').fill('Ada');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await dialog.getByText('This display name is taken').waitFor();
    await dialog.getByLabel('New name').fill('Foo Fighter');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { level: 1, name: 'Foo Fighter' }).waitFor();
    await page.getByRole('button', { name: 'Close the account' }).click();
    await dialog.getByLabel('Reason').fill('Cheats');
    await dialog.getByRole('button', { name: 'Close the account' }).click();
    await page.getByText('This account is closed').waitFor();
    assert.ok(fake.closed.has('5'));
    assert.deepEqual(fake.requests.findLast((one) => one.path === '/accounts/5/closed')?.body, {
      reason: 'Cheats',
    });
    await page.goto('/app/players?state=closed');
    await page.getByText('1 player', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Foo Fighter' }).click();
    await page.getByRole('button', { name: 'Open the account' }).click();
    await page.getByText('The account is open again').waitFor();
    assert.ok(!fake.closed.has('5'));
  }));

test('an administrator sees which mails were given up, and sends a test mail', () =>
  scene({}, async ({ page, fake, expected }) => {
    expected.push(/status of 503/);
    await page.goto('/app/mail');
    await page.getByText('2 mails').waitFor();
    await page.getByLabel('Only given up').check();
    await page.waitForURL('**/app/mail?failed=true');
    await page.getByText('550 5.1.1 Mailbox does not exist').waitFor();
    await page.getByText('1 mail', { exact: true }).waitFor();
    await page.getByLabel('Only given up').uncheck();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByText('It is tried now').waitFor();
    await page.getByLabel('To whom').fill('refused@example.org');
    await page.getByRole('button', { name: 'Send a test mail' }).click();
    await page.getByRole('alert').getByText('550 not here').waitFor();
    await page.getByLabel('To whom').fill('ada@example.org');
    await page.getByRole('button', { name: 'Send a test mail' }).click();
    await page.getByText('The mail was taken by mail.example.org:587').waitFor();
    assert.deepEqual(fake.requests.findLast((one) => one.path === '/mail/test')?.body, {
      to: 'ada@example.org',
      lang: 'en',
    });
  }));

test('only administrators find the mails in the navigation', () =>
  scene({ roles: ['moderator'] }, async ({ page }) => {
    await page.goto('/app/players');
    const nav = page.getByRole('navigation', { name: 'Main' });
    await nav.getByRole('link', { name: 'Servers' }).waitFor();
    assert.equal(await nav.getByRole('link', { name: 'Mails' }).count(), 0);
  }));

test('without a metaserver nothing of it is offered', () =>
  scene({}, async ({ page, fake }) => {
    fake.metaserverOn = false;
    await page.goto('/app/account');
    await page.getByRole('heading', { name: 'Steam account' }).waitFor();
    const nav = page.getByRole('navigation', { name: 'Main' });
    assert.equal(await nav.getByRole('link', { name: 'Servers' }).count(), 0);
    assert.equal(await nav.getByRole('link', { name: 'Players' }).count(), 0);
    assert.equal(await page.getByText('My game servers').count(), 0);
    assert.ok(fake.requests.every((one) => one.path !== '/me/servers'));
  }));
