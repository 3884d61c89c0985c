/** First run, signing in and out. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();
const phrase = 'four random words here';

test('the setup link makes the first administrator and leaves no trace in the address', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.needsSetup = true;
    await page.goto('/app/setup#fake-setup-token');
    await page.getByRole('heading', { name: 'Set up Quartermaster' }).waitFor();
    assert.equal(page.url(), `${fake.url}/app/setup`);
    await page.getByLabel('Your name').fill('Grace');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByText('Too short').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(phrase);
    await page.getByText('Strong', { exact: true }).waitFor();
    await page.getByLabel('Password again').fill('something else');
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('alert').getByText('The two passwords are not the same').waitFor();
    await page.getByLabel('Password again').fill(phrase);
    assert.equal(await page.locator('.rule.met').count(), 2);
    await page.keyboard.press('Enter');
    await page.getByText('Welcome aboard').waitFor();
    await page.waitForURL('**/app/');
    await page.locator('.facts').waitFor();
    const sent = fake.requests.find((request) => request.path === '/setup');
    assert.deepEqual(sent?.body, { token: 'fake-setup-token', name: 'Grace', password: phrase });
  }));

test('what was typed survives a change of the language', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.needsSetup = true;
    await page.goto('/app/setup#fake-setup-token');
    await page.getByLabel('Your name').fill('Grace');
    await page.getByRole('radio', { name: 'Русский' }).check({ force: true });
    await page.getByRole('heading', { name: 'Настройка Quartermaster' }).waitFor();
    assert.equal(await page.getByLabel('Ваше имя').inputValue(), 'Grace');
    assert.equal(await page.locator('html').getAttribute('lang'), 'ru');
    await page.reload();
    await page.getByRole('heading', { name: 'Настройка Quartermaster' }).waitFor();
  }));

test('an old link says how to get a new one; the daemon has the last word on passwords', () =>
  scene({ roles: null }, async ({ page, fake, expected }) => {
    fake.needsSetup = true;
    expected.push(/status of 40[03]/);
    await page.goto('/app/setup#stale');
    await page.getByLabel('Your name').fill('Grace');
    await page.getByLabel('Password', { exact: true }).fill('password1');
    await page.getByLabel('Password again').fill('password1');
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByText('This link is not valid any more').waitFor();
    await page.goto('/app/setup#fake-setup-token');
    await page.getByLabel('Your name').fill('Grace');
    await page.getByLabel('Password', { exact: true }).fill('password1');
    await page.getByLabel('Password again').fill('password1');
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByText('This password is among the first that an attacker tries').waitFor();
  }));

test('a server without an account leads every visitor to the setup', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.needsSetup = true;
    await page.goto('/app/mods');
    await page.getByText('To prove that this server is yours, open the one-time link.').waitFor();
    await page.getByText('quartermaster setup-link', { exact: true }).waitFor();
  }));

test('signing in comes back to where one was', () =>
  scene({ roles: null }, async ({ page, fake, expected }) => {
    expected.push(/status of 401/);
    await page.goto('/app/mods?q=map');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.waitForURL('**/app/signin?to=%2Fapp%2Fmods%3Fq%3Dmap');
    await page.keyboard.type('Ada');
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('No account has this name and password').waitFor();
    await page.keyboard.type(phrase);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/app/mods?q=map');
    await page.getByLabel('Add a mod').waitFor();
    await page.getByText('Welcome, Ada').waitFor();
    assert.equal(fake.sessions.size, 1);
  }));

test('signing in never leads to another site', () =>
  scene({ roles: null }, async ({ page }) => {
    for (const to of [
      'https://example.com/',
      '//example.com',
      '/\\example.com',
      '/api/v1/session',
      '/app\\..\\docs',
    ]) {
      await page.goto(`/app/signin?to=${encodeURIComponent(to)}`);
      await page.getByLabel('Name').fill('Ada');
      await page.getByLabel('Password', { exact: true }).fill(phrase);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/app/');
      await page.locator('.facts').waitFor();
      await page.context().clearCookies();
    }
  }));

test('signing out turns the page into a guest’s', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/');
    await page.locator('.facts').waitFor();
    await page.getByRole('button', { name: 'Account and settings' }).click();
    await page.getByText('Administrator').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out').waitFor();
    await page.getByText('Do you run this server?').waitFor();
    assert.equal(fake.sessions.size, 0);
    assert.ok(
      fake.requests.some((request) => request.method === 'DELETE' && request.headers['x-csrf-token']),
    );
  }));

test('a moderator adds mods but sees no operator’s overview', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/');
    await page.getByText('Mods kept here').waitFor();
    await page.getByRole('link', { name: 'All mods' }).click();
    await page.getByLabel('Add a mod').waitFor();
    assert.ok(fake.requests.every((request) => request.path !== '/overview'));
  }));

test('signing in through Steam comes back to where one was', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/signin?to=%2Fapp%2Fmods');
    await page.getByRole('link', { name: 'Sign in through Steam' }).click();
    await page.waitForURL('**/app/mods');
    await page.getByRole('button', { name: 'Account and settings' }).click();
    await page.getByText('Rabscuttle').waitFor();
    assert.equal(fake.requests.find((one) => one.path === '/session/steam')?.method, 'GET');
  }));

test('the sign-in page says what went wrong at Steam, and offers Steam only where it is on', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.steamResult = 'cancelled';
    await page.goto('/app/signin');
    await page.getByRole('link', { name: 'Sign in through Steam' }).click();
    await page.getByRole('alert').getByText('You turned back at Steam').waitFor();
    await page.goto('/app/signin?steam=nonsense');
    await page.getByRole('alert').getByText('Steam did not confirm who you are').waitFor();
    fake.steamSignIn = false;
    await page.goto('/app/signin');
    await page.getByLabel('Name').waitFor();
    assert.equal(await page.getByText('Sign in through Steam').count(), 0);
  }));

test('a player links Steam, makes a key and unlinks again', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    await page.goto('/app/');
    await page.getByRole('button', { name: 'Account and settings' }).click();
    await page.getByRole('link', { name: 'My account' }).click();
    await page.waitForURL('**/app/account');
    await page.getByText('Link yours first').waitFor();
    await page.getByRole('link', { name: 'Link my Steam account' }).click();
    await page.getByText('Your Steam account is linked').waitFor();
    assert.equal(page.url(), `${fake.url}/app/account`);
    await page.getByText('76561197960287930').waitFor();
    await page.getByText('not your Steam Web API key').waitFor();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const first = await page.locator('.code pre').textContent();
    assert.match(first ?? '', /^MB-.{43}$/);
    await page.getByRole('button', { name: 'Make it anew' }).click();
    await page.getByRole('dialog').getByText('stops working at once').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Make it anew' }).click();
    await page.waitForFunction((old) => document.querySelector('.code pre')?.textContent !== old, first);
    assert.equal(await page.locator('.key-list li').count(), 1);
    assert.deepEqual(fake.requests.findLast((one) => one.path === '/keys' && one.method === 'POST')?.body, {
      kind: 'demos',
      replace: true,
    });
    await page.reload();
    await page.locator('.key-list').waitFor();
    assert.equal(await page.locator('.code').count(), 0);
    await page.getByRole('button', { name: 'Unlink' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click();
    await page.getByText('The Steam account is unlinked').waitFor();
    await page.getByRole('link', { name: 'Link my Steam account' }).waitFor();
    await page.getByText('Link yours first').waitFor();
    assert.ok(fake.demosKeys.every((key) => key.revoked_at));
  }));

test('a guest is led to the sign-in page', () =>
  scene({ roles: null }, async ({ page }) => {
    await page.goto('/app/account');
    await page.getByText('Sign in to see your account').waitFor();
    const link = page.getByRole('main').getByRole('link', { name: 'Sign in' });
    assert.equal(await link.getAttribute('href'), '/app/signin?to=%2Fapp%2Faccount');
  }));
