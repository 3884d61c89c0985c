/** One's own account: register, e-mail, password, game servers, data. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();
const phrase = 'four random words here';

/** @param {import('playwright-core').Page} page @param {string} name */
const card = (page, name) => page.getByRole('region', { name, exact: true });

test('one registers, enters the mailed code and may then change things', () =>
  scene({ roles: null }, async ({ page, fake, expected }) => {
    expected.push(/status of 40[39]/);
    await page.goto('/app/signin?to=%2Fapp%2Fme');
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.getByRole('heading', { name: 'Create an account' }).waitFor();
    await page.getByLabel('E-mail address').fill('taken@example.org');
    await page.getByLabel('Display name').fill('Grace');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('alert').getByText('At least 8 characters').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(phrase);
    await page.getByLabel('Password again').fill(phrase);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('alert').getByText('belongs to another account').waitFor();
    await page.getByLabel('E-mail address').fill('grace@example.org');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/app/me');
    await page.getByText('Welcome, Grace').waitFor();
    assert.deepEqual(fake.requests.findLast((one) => one.path === '/registration')?.body, {
      email: 'grace@example.org',
      name: 'Grace',
      password: phrase,
    });
    await page.getByText('Confirm your e-mail address first').waitFor();
    const email = card(page, 'E-mail address');
    await email.getByText('Not confirmed').waitFor();
    await email.getByLabel('Code from the mail').fill('XXXXXX');
    await email.getByRole('button', { name: 'Confirm' }).click();
    await email.getByRole('alert').getByText('The code is wrong').waitFor();
    await email.getByRole('button', { name: 'Mail another code' }).click();
    await page.getByText('Another code is on its way to grace@example.org').waitFor();
    await email.getByLabel('Code from the mail').fill('abcdef');
    await page.keyboard.press('Enter');
    await page.getByText('The address is confirmed').waitFor();
    await email.getByText('Confirmed', { exact: true }).waitFor();
    await page.getByText('Register a game server', { exact: true }).waitFor();
    assert.equal(await page.getByText('Confirm your e-mail address first').count(), 0);
  }));

test('a lost password is replaced by a mailed code', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    await page.goto('/app/signin');
    await page.getByRole('link', { name: 'Forgot the password?' }).click();
    await page.getByLabel('E-mail address').fill('ada@example.org');
    await page.keyboard.press('Enter');
    await page.getByText('a code is on its way there').waitFor();
    await page.keyboard.type('abcdef');
    await page.getByLabel('Password', { exact: true }).fill('another four random words');
    await page.getByLabel('Password again').fill('another four random words');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/app/signin');
    await page.getByText('The new password holds').waitFor();
    assert.equal(fake.accounts[0].password, 'another four random words');
  }));

test('where no mails are sent nobody is offered what needs them', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    fake.registration = false;
    await page.goto('/app/signin');
    await page.getByLabel('Name', { exact: true }).waitFor();
    assert.equal(await page.getByText('Create an account').count(), 0);
    assert.equal(await page.getByText('Forgot the password?').count(), 0);
    await page.goto('/app/register');
    await page.getByText('This server makes no accounts').waitFor();
    await page.goto('/app/reset');
    await page.getByText('Passwords cannot be reset here').waitFor();
  }));

test('address, password and name are changed', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/status of 40[39]/);
    await page.goto('/app/me');
    const email = card(page, 'E-mail address');
    await email.getByText('Change the address').first().click();
    await email.getByLabel('New e-mail address').fill('new@example.org');
    await email.getByLabel('Current password').fill('wrong');
    await email.getByRole('button', { name: 'Change the address' }).click();
    await email.getByRole('alert').getByText('The current password is wrong').waitFor();
    await email.getByLabel('Current password').fill(phrase);
    await email.getByRole('button', { name: 'Change the address' }).click();
    await email.getByText('To be replaced by').waitFor();
    assert.equal(await email.getByRole('button', { name: 'Mail another code' }).count(), 0);
    await email.getByLabel('Code from the mail').fill('ABCDEF');
    await email.getByRole('button', { name: 'Confirm' }).click();
    await email.locator('strong', { hasText: 'new@example.org' }).waitFor();

    const password = card(page, 'Password');
    await password.getByLabel('Current password').fill(phrase);
    await password.getByLabel('Password', { exact: true }).fill('another four random words');
    await password.getByLabel('Password again').fill('not the same words at all');
    await password.getByRole('button', { name: 'Change the password' }).click();
    await password.getByRole('alert').getByText('The two passwords are not the same').waitFor();
    await password.getByLabel('Password again').fill('another four random words');
    await password.getByRole('button', { name: 'Change the password' }).click();
    await page.getByText('The password is changed').waitFor();
    assert.equal(fake.accounts[0].password, 'another four random words');
    assert.equal(await password.getByLabel('Current password').inputValue(), '');

    const name = card(page, 'Name');
    await name.getByLabel('Display name').fill('Grace');
    await name.getByRole('button', { name: 'Change the name' }).click();
    await name.getByRole('alert').getByText('This display name is taken').waitFor();
    await name.getByLabel('Display name').fill('Countess');
    await name.getByRole('button', { name: 'Change the name' }).click();
    await page.locator('.page-head').getByText('Countess').waitFor();
  }));

test('a game server is registered; its password is shown once', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    await page.goto('/app/me');
    const own = card(page, 'My game servers');
    await own.getByText('1 of 5').waitFor();
    await own.getByText('Players elsewhere cannot reach 192.168.0.7').waitFor();
    await own.getByText('Register a game server', { exact: true }).click();
    await own.getByRole('button', { name: 'Register', exact: true }).click();
    await own.getByRole('alert').getByText('Give the server a name').waitFor();
    await own.getByLabel('Name of the server').fill('^900Red ^wBarn');
    await own.getByLabel('Address', { exact: true }).fill('203.0.113.50');
    await own.getByLabel('Port', { exact: true }).fill('11235');
    await own.getByLabel('Room for players').fill('24');
    await own.getByLabel('Game type').fill('RTSS');
    await own.getByRole('button', { name: 'Register', exact: true }).click();
    await own.getByText('Note the password of Red Barn now').waitFor();
    const sent = fake.requests.findLast((one) => one.path === '/me/servers' && one.method === 'POST');
    assert.deepEqual(sent?.body, {
      name: '^900Red ^wBarn',
      host_name: '203.0.113.50',
      port: 11235,
      max_players: 24,
      game_type: 'RTSS',
      description: '',
      public_host: '',
      public_port: 0,
    });
    await own.getByRole('button', { name: 'Copy: Password of the game server' }).click();
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      '0123456789abcdef0123456789abcdef',
    );
    assert.match((await own.locator('.credentials pre').textContent()) ?? '', /curl -u \d+:0123456789abcdef/);
    const item = own.getByRole('listitem').filter({ hasText: 'Red Barn' });
    await item.getByText('Not listed, because it never sent a heartbeat.').waitFor();
    await own.getByRole('button', { name: 'I have noted it' }).click();
    assert.equal(await own.locator('.credentials').count(), 0);
    await page.reload();
    await item.waitFor();
    assert.equal(await page.getByText('0123456789abcdef').count(), 0);
  }));

test('a game server is checked, edited, taken off the list and deleted', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    await page.goto('/app/me');
    const item = card(page, 'My game servers').getByRole('listitem').filter({ hasText: 'My arena' });
    await item.getByRole('button', { name: 'Check whether it can be reached' }).click();
    await item.getByText('did not answer').waitFor();
    await item.getByText('Edit', { exact: true }).click();
    await item.getByLabel('Description').fill('typed, not yet saved');
    fake.publish('serverlist.totals', { servers: 1, players: 1 });
    await item.getByRole('button', { name: 'Take off the list' }).click();
    await item.getByText('Not listed', { exact: true }).waitFor();
    assert.equal(await item.getByLabel('Description').inputValue(), 'typed, not yet saved');
    await item.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved').waitFor();
    assert.equal(fake.listed.find((one) => one.id === '8')?.description, 'typed, not yet saved');
    await item.getByRole('button', { name: 'New password' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'New password' }).click();
    await page.locator('.server-password').getByText('fedcba9876543210fedcba9876543210').waitFor();
    await item.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    assert.ok(await dialog.getByRole('button', { name: 'Delete' }).isDisabled());
    await dialog.getByRole('textbox').fill('My arena');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('You have not registered a game server yet').waitFor();
  }));

test('one takes one’s data along and deletes the account', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    await page.goto('/app/me');
    const data = card(page, 'Your data');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      data.getByRole('link', { name: 'Download my data' }).click(),
    ]);
    assert.match(download.url(), /\/api\/v1\/me\/export$/);
    await data.getByText('Delete my account', { exact: true }).click();
    await data.getByLabel('Type Ada to confirm').fill('Somebody');
    await data.getByLabel('Current password').fill(phrase);
    await data.getByRole('button', { name: 'Delete my account for good' }).click();
    await data.getByRole('alert').getByText('Type your name exactly').waitFor();
    assert.ok(fake.requests.every((one) => one.method !== 'DELETE'));
    await data.getByLabel('Type Ada to confirm').fill('Ada');
    await data.getByRole('button', { name: 'Delete my account for good' }).click();
    await page.getByText('Your account is deleted').waitFor();
    await page.waitForURL('**/app/');
    assert.equal(fake.sessions.size, 0);
  }));
