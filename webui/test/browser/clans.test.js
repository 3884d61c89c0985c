/** Clans: finding and registering them, and what each rank may do. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenes } from './scene.js';

const scene = scenes();

/** @param {import('playwright-core').Page} page @param {string} text */
const count = (page, text) => page.locator('.page-head', { hasText: text }).waitFor();

/** @param {import('playwright-core').Page} page @param {string} who */
const member = (page, who) => page.locator('.table.roster tbody tr', { hasText: who });

/** @param {import('../fake/daemon.js').FakeDaemon} fake @param {string} id */
function clan(fake, id) {
  const found = fake.clans.find((one) => one.id === id);
  assert.ok(found);
  return found;
}

/** The head of a PNG image. @param {number} width @param {number} height */
function png(width, height) {
  const bytes = Buffer.alloc(64);
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return { name: 'icon.png', mimeType: 'image/png', buffer: bytes };
}

test('clans are searched, ordered and paged by the address', () =>
  scene({ roles: [] }, async ({ page }) => {
    await page.goto('/app/clans');
    await count(page, '30 clans');
    assert.equal(await page.locator('.table.clans tbody tr').count(), 25);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.locator('.table.clans tbody tr').nth(29).waitFor();
    await page.getByLabel('Order', { exact: true }).selectOption('members');
    await page.waitForURL('**/app/clans?sort=members');
    await page.locator('.table.clans tbody tr').first().getByText('Night Shift').waitFor();
    await page.getByRole('searchbox', { name: 'Search clans' }).fill('zzzz');
    await count(page, '1 clan');
    await page.getByRole('searchbox', { name: 'Search clans' }).fill('nothing like it');
    await page.getByText('No clan matches').waitFor();
    await page.goto('/app/clans?state=disbanded');
    await count(page, '1 clan');
    await page.getByText(/^Disbanded \d/).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await count(page, '30 clans');
  }));

test('the colours of a tag are shown, and the tag can be read', () =>
  scene({ roles: [] }, async ({ page }) => {
    await page.goto('/app/clans/1');
    const tag = page.locator('.clan-head .clan-tag');
    await tag.waitFor();
    assert.equal(await tag.textContent(), 'Zzzz');
    const colours = await tag.evaluate((all) =>
      [...all.children].map((part) => getComputedStyle(part).textDecorationColor),
    );
    assert.deepEqual(colours, ['rgb(255, 0, 0)', 'rgb(255, 255, 255)']);
    await page.locator('.clan-facts code', { hasText: '^900Zz^wzz' }).waitFor();
  }));

test('a guest is asked to sign in, and comes back', () =>
  scene({ roles: null }, async ({ page, fake }) => {
    for (const address of [
      '/app/clans',
      '/app/clans/1',
      '/app/matches',
      '/app/matches/60',
      '/app/leaderboards',
      '/app/skins',
    ]) {
      await page.goto(address);
      await page.getByText('Sign in to see this').waitFor();
      const href = await page.locator('.content').getByRole('link', { name: 'Sign in' }).getAttribute('href');
      assert.equal(href, `/app/signin?to=${encodeURIComponent(address)}`);
    }
    assert.deepEqual(
      fake.requests.filter((one) => /clans|matches|leaderboards|skins/.test(one.path)),
      [],
    );
  }));

test('a clan is registered, and what is wrong is said at its field', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/status of 400/);
    await page.goto('/app/clans');
    await page.getByText('Register a clan').first().click();
    const form = page.locator('.clan-form');
    await form.getByLabel('Tag').fill('^gToo^rLong');
    await form.getByText('It will look like this: TooLong').waitFor();
    await form.getByRole('button', { name: 'Register a clan' }).click();
    await form.getByText('A tag has at most four letters').waitFor();
    assert.equal(await form.getByLabel('Tag').getAttribute('aria-invalid'), 'true');
    await form.getByLabel('Tag').fill('^gNew');
    await form.getByLabel('Name').fill('New Clan');
    await form.getByLabel('Icon').setInputFiles(png(64, 32));
    await form.getByRole('button', { name: 'Register a clan' }).click();
    await form.getByText('The image has to be square').waitFor();
    await form.getByLabel('Icon').setInputFiles(png(64, 64));
    await form.getByRole('button', { name: 'Register a clan' }).click();
    await page.getByRole('heading', { level: 1, name: 'New Clan' }).waitFor();
    assert.equal(fake.clans.at(-1)?.icon, png(64, 64).buffer.toString('base64'));
    await member(page, 'Ada').getByText('Owner').waitFor();
  }));

test('an invitation is accepted in the list and declined at the clan', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    clan(fake, '5').invites.push({ account: '1', invited_at: new Date().toISOString() });
    await page.goto('/app/clans');
    const line = page.locator('.clan-line', { hasText: 'Quartermasters' });
    await line.getByRole('button', { name: 'Accept' }).click();
    await page.getByText('You are now a member of Quartermasters').waitFor();
    await page.getByRole('region', { name: 'Your clans' }).getByText('Quartermasters').waitFor();
    await page.goto('/app/clans/5');
    await page.getByText('You are invited to this clan').waitFor();
    await page.getByRole('button', { name: 'Decline' }).click();
    await page.getByText('You are invited to this clan').waitFor({ state: 'detached' });
    assert.equal(clan(fake, '5').roster.length, 1);
  }));

test('an owner invites, retracts, promotes, demotes and kicks', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/status of (404|409)/);
    await page.goto('/app/clans/1');
    const invites = page.getByRole('region', { name: 'Invitations' });
    await invites.getByLabel('Name of the player').fill('nobody at all');
    await invites.getByRole('button', { name: 'Invite' }).click();
    await invites.getByText('There is no such player').waitFor();
    await invites.getByLabel('Name of the player').fill('foo');
    await invites.locator('datalist option[value="foo"]').waitFor({ state: 'attached' });
    await invites.getByLabel('Name of the player').press('Enter');
    await invites.getByRole('link', { name: 'foo' }).waitFor();
    await invites
      .getByRole('listitem')
      .filter({ hasText: 'bar' })
      .getByRole('button', { name: 'Retract' })
      .click();
    await invites.getByRole('link', { name: 'bar' }).waitFor({ state: 'detached' });
    await member(page, 'Мария').getByRole('button', { name: 'Make admin' }).click();
    await member(page, 'Мария').getByRole('button', { name: 'Make member' }).click();
    await member(page, 'Мария').getByRole('button', { name: 'Kick' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal(clan(fake, '1').roster.length, 5);
    await member(page, 'Мария').getByRole('button', { name: 'Kick' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Kick' }).click();
    await member(page, 'Мария').waitFor({ state: 'detached' });
    await member(page, 'Grace').getByRole('button', { name: 'Make owner' }).click();
    await page.getByRole('dialog').getByText('Owners cannot take the rank').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Make owner' }).click();
    await member(page, 'Grace').getByText('Owner', { exact: true }).waitFor();
    assert.equal(await member(page, 'Grace').getByRole('button').count(), 0);
  }));

test('an owner renames, changes the icon, hands over and leaves', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/status of (400|409)/);
    await page.goto('/app/clans/1');
    const own = page.getByRole('region', { name: 'Your clan' });
    await own.getByLabel('Tag', { exact: true }).fill('QM');
    await own.getByRole('button', { name: 'Save' }).click();
    await own.getByText('This tag, or one that looks the same, is taken').waitFor();
    await own.getByLabel('Tag', { exact: true }).fill('^rDay');
    await own.getByLabel('Name', { exact: true }).fill('Day Shift');
    await own.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Day Shift' }).waitFor();
    await own.getByRole('button', { name: 'Change the icon' }).click();
    await own.getByText('Choose a file first').waitFor();
    /** @type {[any, string][]} */
    const wrong = [
      [
        { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no image') },
        'The file could not be read',
      ],
      [
        { name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('\xff\xd8\xff', 'latin1') },
        'has to be in PNG',
      ],
      [png(65, 65), 'The image is too large'],
      [png(32, 16), 'has to be square'],
    ];
    for (const [file, said] of wrong) {
      await own.getByLabel('Icon', { exact: true }).last().setInputFiles(file);
      await own.getByRole('button', { name: 'Change the icon' }).click();
      await own.getByText(said).waitFor();
    }
    await own.getByLabel('Icon', { exact: true }).last().setInputFiles(png(32, 32));
    await own.getByRole('button', { name: 'Change the icon' }).click();
    await page.getByText('The icon is changed').waitFor();
    assert.equal(clan(fake, '1').icon, png(32, 32).buffer.toString('base64'));
    await own.getByRole('button', { name: 'Leave the clan' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Leave the clan' }).click();
    await page.getByText('The clan has no other owner: hand it over first').waitFor();
    await own.getByLabel('New owner').selectOption({ label: 'Grace' });
    await own.getByRole('button', { name: 'Hand over' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Hand over' }).click();
    await member(page, 'Grace').getByText('Owner', { exact: true }).waitFor();
    assert.equal(await own.getByRole('button', { name: 'Disband the clan' }).count(), 0);
    await own.getByRole('button', { name: 'Leave the clan' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Leave the clan' }).click();
    await member(page, 'Ada').waitFor({ state: 'detached' });
    await own.waitFor({ state: 'hidden' });
  }));

test('disbanding asks for the tag', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    await page.goto('/app/clans/1');
    await page.getByRole('button', { name: 'Disband the clan' }).click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByRole('button', { name: 'Disband the clan' }).isDisabled(), true);
    await dialog.getByRole('textbox').fill('Zzzz');
    await dialog.getByRole('button', { name: 'Disband the clan' }).click();
    await page.getByText('This clan is disbanded').waitFor();
    assert.ok(clan(fake, '1').disbanded_at);
  }));

test('a plain member may only leave, and others see no invitations', () =>
  scene({ roles: [] }, async ({ page, fake }) => {
    clan(fake, '1').roster[0].rank = 'member';
    clan(fake, '1').roster[1].rank = 'owner';
    await page.goto('/app/clans/1');
    const own = page.getByRole('region', { name: 'Your clan' });
    await own.getByRole('button').first().waitFor();
    assert.deepEqual(
      (await own.getByRole('button').allTextContents()).map((one) => one.trim()),
      ['Leave the clan'],
    );
    await page.getByRole('region', { name: 'Invitations' }).getByRole('link', { name: 'bar' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Retract' }).count(), 0);
    assert.equal(await page.locator('.table.roster').getByRole('button').count(), 0);
    await page.goto('/app/clans/3');
    await member(page, 'Grace').waitFor();
    for (const name of ['Invitations', 'Your clan', 'Moderation'])
      assert.equal(await page.getByRole('region', { name }).isVisible(), false, name);
  }));

test('a moderator changes any clan, with a reason', () =>
  scene({ roles: ['moderator'] }, async ({ page, fake }) => {
    await page.goto('/app/clans/3');
    const card = page.getByRole('region', { name: 'Moderation' });
    const dialog = page.getByRole('dialog');
    await card.getByRole('button', { name: 'Change tag and name' }).click();
    await dialog.getByLabel('Name').fill('Autumn');
    await dialog.getByRole('button', { name: 'Save' }).click(); // the browser asks for the reason
    assert.equal(clan(fake, '3').name, 'Клан осени');
    await dialog.getByLabel('Reason').fill('Could not be read');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: 'Autumn' }).waitFor();
    const sent = fake.requests.find((one) => one.method === 'PATCH');
    assert.equal(sent?.body.reason, 'Could not be read');
    await card.getByRole('button', { name: 'Remove the icon' }).click();
    await dialog.getByLabel('Reason').fill('Not nice');
    await dialog.getByRole('button', { name: 'Remove the icon' }).click();
    await page.getByText('The icon is removed').waitFor();
    assert.equal(clan(fake, '3').icon, '');
    await card.getByRole('button', { name: 'Hand over' }).click();
    await dialog.getByLabel('Reason').fill('The owner is away');
    await dialog.getByRole('button', { name: 'Hand over' }).click();
    await member(page, 'Grace').getByText('Owner').waitFor();
    await card.getByRole('button', { name: 'Disband the clan' }).click();
    await dialog.getByLabel('Reason').fill('Insults');
    await dialog.getByRole('button', { name: 'Disband the clan' }).click();
    await page.getByText('Reason: Insults').waitFor();
    await card.waitFor({ state: 'hidden' });
  }));

test('what is typed stays while the clan is shown anew', () =>
  scene({ roles: [] }, async ({ page, fake, expected }) => {
    expected.push(/ERR_/); // the stream is cut
    await page.goto('/app/clans/1');
    const field = page.getByRole('region', { name: 'Invitations' }).getByLabel('Name of the player');
    await field.fill('fo');
    clan(fake, '1').roster.pop();
    fake.dropStreams();
    await member(page, 'deleted account').waitFor({ state: 'detached' });
    assert.equal(await field.inputValue(), 'fo');
  }));

test('an administrator adds a skin, gives it and takes it away', () =>
  scene({}, async ({ page, fake }) => {
    await page.goto('/app/skins');
    await count(page, '2 skins');
    await page.getByRole('button', { name: 'Add a skin' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Kind').fill('model');
    await dialog.getByLabel('Unit').fill('human_legionnaire');
    await dialog.getByLabel('Path of the model').fill('/models/l.s2z');
    await dialog.getByRole('button', { name: 'Add a skin' }).click();
    await count(page, '3 skins');
    const skin = page.locator('.skin', { hasText: 'human_legionnaire' });
    await skin.getByText('Who has it').click();
    await skin.getByLabel('Give to a player').fill('nobody like that');
    await skin.getByLabel('Give to a player').press('Enter');
    await skin.getByText('Nothing has exactly this name').waitFor();
    await skin.getByLabel('Give to a player').fill('grace');
    await skin.getByLabel('Give to a player').press('Enter');
    await skin.getByRole('link', { name: 'Grace' }).waitFor();
    await skin.getByLabel('Give to a clan').fill('Night Shift');
    await skin.getByLabel('Give to a clan').press('Enter');
    await skin.getByRole('link', { name: 'Night Shift' }).waitFor();
    await skin
      .getByRole('listitem')
      .filter({ hasText: 'Grace' })
      .getByRole('button', { name: 'Take away' })
      .click();
    await skin.getByRole('link', { name: 'Grace' }).waitFor({ state: 'detached' });
    assert.deepEqual(fake.skins.at(-1)?.players, []);
    await skin.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await count(page, '2 skins');
  }));

test('without a metaserver nothing leads to clans', () =>
  scene({}, async ({ page, fake }) => {
    fake.metaserverOn = false;
    await page.goto('/app/');
    const places = page.getByRole('navigation', { name: 'Main' });
    await places.getByRole('link', { name: 'Mods' }).first().waitFor();
    assert.equal(await places.getByRole('link', { name: 'Clans' }).isVisible(), false);
  }));
