/**
 * Two players with the real daemon: a clan is registered, the other is
 * invited, accepts, rises and is kicked; their game server reports a match,
 * which is explained, and stands on the leaderboard.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../browser/browser.js';
import { Daemon } from './daemon.js';
import { startSteam } from './steam.js';

const phrase = 'correct horse battery';

const daemon = new Daemon();
/** @type {Awaited<ReturnType<typeof startSteam>>} */
let steam;
/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Record<string, string>} */
const ids = {};
/** @type {Awaited<ReturnType<typeof openPage>>[]} */
const tabs = [];
/** The pages of the two players. @type {import('playwright-core').Page} */
let foo;
/** @type {import('playwright-core').Page} */
let bar;

/**
 * Asks the wire of the games.
 * @param {string} path
 * @param {unknown} body
 * @param {string} [credentials] Name and password of HTTP Basic.
 */
async function wire(path, body, credentials = '') {
  const answer = await fetch(`${daemon.url}/v1/${path}`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(credentials ? { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } : {}),
    },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return answer.json();
}

/** @param {string} name */
async function player(name) {
  const { id } = await wire('user/register', {
    username: `${name}@example.com`,
    display_name: name,
    password: phrase,
  });
  ids[name] = String(id);
  const tab = await openPage(browser, daemon.url);
  tabs.push(tab);
  await tab.page.goto('/app/signin?to=%2Fapp%2Fclans');
  await tab.page.locator('input[name=username]').fill(name);
  await tab.page.locator('input[name=password]').fill(phrase);
  await tab.page.locator('form button.primary').click();
  await tab.page.waitForURL('**/app/clans');
  return tab.page;
}

/** @param {import('playwright-core').Page} page @param {string} who */
const member = (page, who) => page.locator('.table.roster tbody tr', { hasText: who });

before(async () => {
  steam = await startSteam(new Map());
  await daemon.prepare(steam.url, '[metaserver]', 'auto_verify = true', 'ranked_matches = 1');
  const link = new URL(await daemon.start(/http:\S+\/app\/setup#\S+/));
  const made = await fetch(`${daemon.url}/api/v1/setup`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: link.hash.slice(1), name: 'Ada', password: 'four random words here' }),
  });
  assert.ok(made.ok, `setup: ${made.status}`);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await daemon.stop();
  steam?.stop();
  daemon.remove();
});

let broken = false;

/**
 * A test that needs those before it.
 * @param {string} title
 * @param {() => Promise<void>} play
 */
function step(title, play) {
  test(title, async () => {
    if (broken) throw new Error('a step before this one failed');
    broken = true;
    await play();
    broken = false;
  });
}

step('a player registers a clan', async () => {
  foo = await player('foo');
  bar = await player('bar');
  await foo.getByText('No clan yet').waitFor();
  await foo.getByText('Register a clan').first().click();
  const form = foo.locator('.clan-form');
  await form.getByLabel('Tag').fill('^900Zz^wzzz');
  await form.getByLabel('Name').fill('Night Shift');
  await form.getByRole('button', { name: 'Register a clan' }).click();
  await form.getByText('A tag has at most four letters').waitFor();
  await form.getByLabel('Tag').fill('^900Zz^wzz');
  await form.getByRole('button', { name: 'Register a clan' }).click();
  await foo.getByRole('heading', { level: 1, name: 'Night Shift' }).waitFor();
  assert.equal(await foo.locator('.clan-head .clan-tag').textContent(), 'Zzzz');
  await foo.waitForFunction(() => {
    const image = /** @type {HTMLImageElement | null} */ (document.querySelector('.clan-head img'));
    return image?.complete && image.naturalWidth > 0;
  });
  await member(foo, 'foo').getByText('Owner', { exact: true }).waitFor();
});

step('the other is invited by his name, and accepts', async () => {
  const invites = foo.getByRole('region', { name: 'Invitations' });
  await invites.getByLabel('Name of the player').fill('bar');
  await invites.getByRole('button', { name: 'Invite' }).click();
  await invites.getByRole('link', { name: 'bar' }).waitFor();
  await bar.reload();
  await bar.getByRole('region', { name: 'You are invited' }).getByRole('button', { name: 'Accept' }).click();
  await bar.getByText('You are now a member of Night Shift').waitFor();
  await bar.getByRole('region', { name: 'Your clans' }).getByRole('link', { name: 'Night Shift' }).click();
  await member(bar, 'bar').getByText('Member', { exact: true }).waitFor();
});

step('he rises, falls and is kicked', async () => {
  await foo.reload();
  await member(foo, 'bar').getByRole('button', { name: 'Make admin' }).click();
  await member(foo, 'bar').getByText('Admin', { exact: true }).waitFor();
  await bar.reload();
  await bar.getByLabel('Name of the player').waitFor();
  await member(foo, 'bar').getByRole('button', { name: 'Make member' }).click();
  await member(foo, 'bar').getByRole('button', { name: 'Kick' }).click();
  await foo.getByRole('dialog').getByRole('button', { name: 'Kick' }).click();
  await member(foo, 'bar').waitFor({ state: 'detached' });
  await bar.reload();
  await member(bar, 'foo').waitFor();
  assert.equal(await bar.getByRole('region', { name: 'Your clan' }).isVisible(), false);
});

step('a clan gets an icon of its own, and no other file', async () => {
  tabs[0].expected.push(/status of 400/);
  const own = foo.getByRole('region', { name: 'Your clan' });
  const file = own.locator('input[type=file]');
  await file.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('no image') });
  await own.getByRole('button', { name: 'Change the icon' }).click();
  await own.getByText('The file could not be read as an image').waitFor();
  const icon = await fetch(`${daemon.url}/v1/clan/icon/1.png`).then((answer) => answer.arrayBuffer());
  await file.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from(icon) });
  await own.getByRole('button', { name: 'Change the icon' }).click();
  await foo.getByText('The icon is changed').waitFor();
});

step('a registered server reports a match, which is explained', async () => {
  const server = await wire(
    'server/register',
    {
      host_name: '203.0.113.5',
      port: 11235,
      display_name: '^900Red ^wArena',
      description: '',
      game_type: 'eden',
      max_player_count: 32,
    },
    `foo@example.com:${phrase}`,
  );
  const report = {
    teams: [
      { id: 0, race: 'human', field_players: [{ user_id: Number(ids.foo) }], commander: -1 },
      {
        id: 1,
        race: 'beast',
        field_players: [{ user_id: Number(ids.bar) }, { user_id: -2 }],
        commander: Number(ids.foo),
      },
    ],
    winner: 0,
    match_id: 'arena-1',
  };
  const credentials = `${server.username}:${server.password}`;
  await wire('server/match-update', report, credentials);
  await wire('server/match-update', report, credentials); // the same match again counts once
  await bar.goto('/app/matches');
  await bar.locator('.page-head', { hasText: '1 match' }).waitFor();
  await bar.locator('.table.matches .row-title').click();
  const team = bar.getByRole('region', { name: 'Team 1: Humans' });
  await team.getByText('Won', { exact: true }).waitFor();
  await team.getByRole('row', { name: /^foo 800 832 \+32/ }).waitFor();
  await team
    .getByText(
      'Weighed as 800 against 800, 50% of the win was expected. It was a win: +0.5 more than expected × 64 points = +32.',
    )
    .waitFor();
  await bar
    .getByRole('region', { name: 'Team 2: Beasts' })
    .getByRole('row', { name: /^bar 800 768 -32/ })
    .waitFor();
});

step('it stands on the leaderboards', async () => {
  await bar.goto('/app/leaderboards');
  await bar.getByText('Place 2 of 2 with a rating of 768; 0 of 1 matches won.').waitFor();
  await bar.getByRole('row', { name: /^1 foo 832/ }).waitFor();
  await bar.getByRole('link', { name: 'foo' }).waitFor();
});

step('a guest is asked to sign in', async () => {
  const tab = await openPage(browser, daemon.url);
  tabs.push(tab);
  await tab.page.goto('/app/leaderboards');
  await tab.page.getByText('Sign in to see this').waitFor();
});

step('the browser has nothing to complain of', async () => {
  tabs[0].expected.push(/status of 400/);
  for (const tab of tabs) assert.deepEqual(tab.complaints(), []);
});
