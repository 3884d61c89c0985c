/** The fake daemon's answers about clans and skins. */

import { scopes, session } from './accounts.js';
import { ago, icon } from './clans.js';
import { Problem } from './problem.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Handler} Handler */
/** @typedef {import('./clans.js').Clan} Clan */

/** Who signs in to the fake has this number. */
const me = '1';
/** @type {Record<string, number>} */
const levels = { member: 1, admin: 2, owner: 3 };

/** @param {string} tag */
const visible = (tag) => tag.replace(/\^(?:\d{3}|[rgbwkycm])/g, '');

/** @param {FakeDaemon} fake @param {Request} request */
const moderates = (fake, request) => scopes(session(fake, request)?.roles ?? []).includes('meta:moderate');

/** @param {Clan} clan */
function view(clan) {
  return {
    id: clan.id,
    tag: clan.tag,
    visible_tag: visible(clan.tag),
    name: clan.name,
    members: clan.roster.length,
    icon_url: `/v1/clan/icon/${clan.id}.png?v=${clan.icon.length}`,
    created_at: clan.created_at,
    disbanded_at: clan.disbanded_at,
    disband_reason: clan.disband_reason,
  };
}

/** @param {FakeDaemon} fake @param {string} id */
function find(fake, id) {
  const clan = fake.clans.find((one) => one.id === id);
  if (!clan) throw new Problem(404, 'There is no such clan');
  return clan;
}

/**
 * The clan, for somebody of at least this rank, or a moderator who says why.
 * @param {FakeDaemon} fake
 * @param {Request} request
 * @param {string} id
 * @param {string} rank
 * @param {string} [reason]
 */
function led(fake, request, id, rank, reason) {
  const clan = find(fake, id);
  const own = clan.roster.find((one) => one.account === me)?.rank ?? '';
  if ((levels[own] ?? 0) >= levels[rank]) return clan;
  if (reason !== undefined && moderates(fake, request)) {
    if (!reason) throw new Problem(400, 'Moderators have to give a reason');
    return clan;
  }
  throw new Problem(
    403,
    own ? 'Your rank in the clan does not allow this' : 'You are not a member of this clan',
  );
}

/** @type {Record<string, (a: Clan, b: Clan) => number>} */
const orders = {
  name: (a, b) => a.name.localeCompare(b.name),
  members: (a, b) => b.roster.length - a.roster.length,
  created: (a, b) => b.created_at.localeCompare(a.created_at),
};

/**
 * A part of a list.
 * @template Row
 * @param {Row[]} rows
 * @param {URLSearchParams} query
 */
export function portion(rows, query) {
  const limit = Number(query.get('limit') ?? 100);
  const from = Number(query.get('cursor') ?? 0);
  const end = from + limit;
  return { rows: rows.slice(from, end), next: end < rows.length ? String(end) : '', total: rows.length };
}

/** @type {Handler} */
function list(fake, { query }) {
  const words = (query.get('q') ?? '').toLowerCase();
  const state = query.get('state') || 'standing';
  const found = fake.clans
    .filter((one) => state === 'all' || Boolean(one.disbanded_at) === (state === 'disbanded'))
    .filter((one) => `${visible(one.tag)} ${one.name}`.toLowerCase().includes(words))
    .sort(orders[query.get('sort') || 'name']);
  const { rows, next, total } = portion(found, query);
  return { body: { clans: rows.map(view), next, total } };
}

/** @type {Handler} */
function show(fake, request, [id]) {
  const clan = find(fake, id);
  const own = clan.roster.find((one) => one.account === me);
  const moderate = moderates(fake, request);
  const invited = clan.invites.some((one) => one.account === me);
  /** @template {{ account: string }} One @param {One} one */
  const named = (one) => ({ ...one, name: fake.names.get(one.account) });
  const shown = (own || moderate) && clan.invites.length > 0;
  return {
    body: {
      ...view(clan),
      roster: clan.roster.map(named),
      invites: shown ? clan.invites.map(named) : undefined,
      skins: fake.skins.filter((one) => clan.skins.includes(one.id)),
      you: { state: own ? 'member' : invited ? 'invited' : 'none', rank: own?.rank, moderate },
    },
  };
}

/**
 * @param {FakeDaemon} fake
 * @param {{ tag?: string, name?: string }} texts
 * @param {string} [own]
 */
function checkTexts(fake, { tag, name }, own = '') {
  /** @param {string} field @param {string} text */
  const wrong = (field, text) => new Problem(400, text, '', [{ name: `body.${field}`, message: text }]);
  if (tag !== undefined && visible(tag).length > 4)
    throw wrong('tag', 'Clan tags can contain at most 4 letters');
  if (tag !== undefined && visible(tag) === '')
    throw wrong('tag', 'Clan tags need at least 1 visible letter');
  if (name === '') throw wrong('name', 'Clan names need at least 1 character');
  if (fake.clans.some((one) => one.id !== own && tag !== undefined && visible(one.tag) === visible(tag)))
    throw new Problem(409, 'This clan tag, or one that looks the same, is taken');
}

/** @type {Handler} */
function create(fake, { body }) {
  checkTexts(fake, body);
  if (body.icon) checkIcon(Buffer.from(body.icon, 'base64'), 'icon');
  fake.serial += 1;
  const clan = {
    id: String(fake.serial),
    tag: body.tag,
    name: body.name,
    created_at: ago(0),
    icon: body.icon ?? icon,
    roster: [{ account: me, rank: 'owner', joined_at: ago(0) }],
    invites: [],
    skins: [],
  };
  fake.clans.push(clan);
  return { status: 201, body: view(clan) };
}

/** @type {Handler} */
function edit(fake, request, [id]) {
  const { tag, name, reason } = request.body;
  const clan = led(fake, request, id, 'owner', reason ?? '');
  checkTexts(fake, { tag, name }, id);
  Object.assign(clan, { tag, name });
  return { body: view(clan) };
}

/** @type {Handler} */
function disband(fake, request, [id]) {
  const reason = request.query.get('reason') ?? '';
  const clan = led(fake, request, id, 'owner', reason);
  Object.assign(clan, { disbanded_at: ago(0), disband_reason: reason || undefined, roster: [], invites: [] });
  return {};
}

/** @param {Buffer} bytes @param {string} [field] */
function checkIcon(bytes, field) {
  /** @param {string} text */
  const wrong = (text) => new Problem(400, text, '', field ? [{ name: `body.${field}`, message: text }] : []);
  if (bytes.subarray(0, 2).toString('latin1') === '\xff\xd8') throw wrong('Image should be in PNG format');
  if (bytes.subarray(1, 4).toString('latin1') !== 'PNG') throw wrong('Image could not be validated');
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (width > 64 || height > 64) throw wrong('Image is too large');
  if (width !== height) throw wrong('Image should be square');
}

/** @type {Handler} */
function putIcon(fake, request, [id]) {
  const clan = led(fake, request, id, 'admin');
  checkIcon(request.body);
  clan.icon = request.body.toString('base64');
  return { body: view(clan) };
}

/** @type {Handler} */
function takeIcon(fake, request, [id]) {
  const clan = led(fake, request, id, 'admin', request.query.get('reason') ?? '');
  clan.icon = '';
  return { body: view(clan) };
}

/** @type {Handler} */
function invite(fake, request, [id]) {
  const clan = led(fake, request, id, 'admin');
  const wanted = String(request.body.account).toLowerCase();
  const found = [...fake.names].find(([, name]) => name.toLowerCase() === wanted);
  if (!found) throw new Problem(404, 'There is no such player');
  const [account, name] = found;
  if ([...clan.roster, ...clan.invites].some((one) => one.account === account))
    throw new Problem(409, 'This player is a member or invited already');
  const made = { account, invited_at: ago(0) };
  clan.invites.push(made);
  return { status: 201, body: { ...made, name } };
}

/** @type {Handler} */
function retract(fake, request, [id, account]) {
  const clan = led(fake, request, id, 'admin');
  clan.invites = clan.invites.filter((one) => one.account !== account);
  return {};
}

/** @param {Clan} clan @param {string} account */
function member(clan, account) {
  const found = clan.roster.find((one) => one.account === account);
  if (!found) throw new Problem(404, 'This player is not in the clan');
  return found;
}

/** @type {Handler} */
function rank(fake, request, [id, account]) {
  const clan = led(fake, request, id, 'member');
  const target = member(clan, account);
  const own = member(clan, me);
  if (levels[own.rank] <= levels[target.rank])
    throw new Problem(403, 'You can change only ranks below your own');
  target.rank = request.body.rank;
  clan.roster.sort((a, b) => levels[b.rank] - levels[a.rank]);
  return { body: { ...target, name: fake.names.get(account) } };
}

/** @type {Handler} */
function kick(fake, request, [id, account]) {
  const clan = led(fake, request, id, 'admin');
  if (member(clan, account).rank !== 'member')
    throw new Problem(403, 'Owners and admins cannot be kicked; give them a lower rank first');
  clan.roster = clan.roster.filter((one) => one.account !== account);
  return {};
}

/** @type {Handler} */
function transfer(fake, request, [id]) {
  const clan = led(fake, request, id, 'owner', request.body.reason ?? '');
  for (const one of clan.roster) if (one.rank === 'owner') one.rank = 'admin';
  member(clan, request.body.account).rank = 'owner';
  return {};
}

/** @type {Handler} */
function leave(fake, _request, [id]) {
  const clan = find(fake, id);
  const owners = clan.roster.filter((one) => one.rank === 'owner');
  if (member(clan, me).rank === 'owner' && owners.length < 2)
    throw new Problem(409, 'The clan has no other owner; make somebody an owner, or disband it');
  clan.roster = clan.roster.filter((one) => one.account !== me);
  return {};
}

/** @param {Clan} clan @param {object} more */
function belonging(clan, more) {
  const { id, tag, visible_tag, name, icon_url } = view(clan);
  return { clan: id, tag, visible_tag, name, icon_url, ...more };
}

/** @type {Handler} */
function mine(fake) {
  const clans = fake.clans.flatMap((clan) =>
    clan.roster
      .filter((one) => one.account === me)
      .map(({ rank, joined_at }) => belonging(clan, { rank, joined_at, invited_at: joined_at })),
  );
  return { body: { clans, total: clans.length } };
}

/** @type {Handler} */
function asked(fake) {
  const clans = fake.clans.flatMap((clan) =>
    clan.invites
      .filter((one) => one.account === me)
      .map(({ invited_at }) => belonging(clan, { rank: 'member', invited_at })),
  );
  return { body: { clans, total: clans.length } };
}

/** @type {Handler} */
function reply(fake, { body }, [id]) {
  const clan = find(fake, id);
  if (!clan.invites.some((one) => one.account === me))
    throw new Problem(404, 'You are not invited to this clan');
  clan.invites = clan.invites.filter((one) => one.account !== me);
  if (body.accept) clan.roster.push({ account: me, rank: 'member', joined_at: ago(0) });
  return {};
}

/** @param {FakeDaemon} fake @param {string} id */
function skin(fake, id) {
  const found = fake.skins.find((one) => one.id === id);
  if (!found) throw new Problem(404, 'There is no such skin');
  return found;
}

/** @type {Handler} */
function showSkin(fake, _request, [id]) {
  const found = skin(fake, id);
  return {
    body: {
      ...found,
      players: found.players.map((one) => ({ id: one, name: fake.names.get(one) })),
      clans: fake.clans
        .filter((one) => one.skins.includes(id))
        .map((one) => ({ id: one.id, name: one.name })),
    },
  };
}

/** @type {Handler} */
function addSkin(fake, { body }) {
  fake.serial += 1;
  const made = { ...body, id: String(fake.serial), created_at: ago(0), players: [] };
  fake.skins.push(made);
  return { status: 201, body: made };
}

/** @type {Handler} */
function dropSkin(fake, _request, [id]) {
  fake.skins = fake.skins.filter((one) => one !== skin(fake, id));
  return {};
}

/** @type {Handler} */
function give(fake, { method }, [id, whose, holder]) {
  const held = whose === 'players' ? skin(fake, id).players : find(fake, holder).skins;
  const what = whose === 'players' ? holder : id;
  const rest = held.filter((one) => one !== what);
  held.splice(0, held.length, ...rest, ...(method === 'PUT' ? [what] : []));
  return {};
}

/** @type {import('./routes.js').Operation[]} */
export const clanOperations = [
  ['GET', /^\/clans$/, 'meta:read', list],
  ['POST', /^\/clans$/, 'meta:write', create],
  ['GET', /^\/clans\/(\d+)$/, 'meta:read', show],
  ['PATCH', /^\/clans\/(\d+)$/, 'meta:write', edit],
  ['DELETE', /^\/clans\/(\d+)$/, 'meta:write', disband],
  ['PUT', /^\/clans\/(\d+)\/icon$/, 'meta:write', putIcon],
  ['DELETE', /^\/clans\/(\d+)\/icon$/, 'meta:write', takeIcon],
  ['POST', /^\/clans\/(\d+)\/invites$/, 'meta:write', invite],
  ['DELETE', /^\/clans\/(\d+)\/invites\/(\d+)$/, 'meta:write', retract],
  ['PATCH', /^\/clans\/(\d+)\/members\/(\d+)$/, 'meta:write', rank],
  ['DELETE', /^\/clans\/(\d+)\/members\/(\d+)$/, 'meta:write', kick],
  ['POST', /^\/clans\/(\d+)\/transfer$/, 'meta:write', transfer],
  ['GET', /^\/me\/clans$/, 'meta:read', mine],
  ['DELETE', /^\/me\/clans\/(\d+)$/, 'meta:write', leave],
  ['GET', /^\/me\/clan-invites$/, 'meta:read', asked],
  ['POST', /^\/me\/clan-invites\/(\d+)$/, 'meta:write', reply],
  [
    'GET',
    /^\/skins$/,
    'meta:read',
    (fake, { query }) => {
      const { rows, next, total } = portion(fake.skins, query);
      return { body: { skins: rows, next, total } };
    },
  ],
  ['POST', /^\/skins$/, 'admin', addSkin],
  ['GET', /^\/skins\/(\d+)$/, 'admin', showSkin],
  ['DELETE', /^\/skins\/(\d+)$/, 'admin', dropSkin],
  ['PUT', /^\/skins\/(\d+)\/(players|clans)\/(\d+)$/, 'admin', give],
  ['DELETE', /^\/skins\/(\d+)\/(players|clans)\/(\d+)$/, 'admin', give],
];
