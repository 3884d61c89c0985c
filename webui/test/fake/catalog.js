/** The fake daemon's answers about the catalogue and its statistics. */

import { Problem } from './problem.js';
import { counted, statisticTypes } from './shelf.js';

/** @typedef {import('./daemon.js').FakeDaemon} FakeDaemon */
/** @typedef {import('./routes.js').Request} Request */
/** @typedef {import('./routes.js').Answer} Answer */
/** @typedef {import('../../static/scripts/api/model.js').CatalogDetail} CatalogDetail */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const malformed = 'The request does not have the form this operation expects';

/** @type {Record<string, (a: CatalogDetail, b: CatalogDetail) => number>} */
const modOrders = {
  downloads: (a, b) => a.downloads - b.downloads,
  name: (a, b) => a.name.localeCompare(b.name),
  size: (a, b) => a.archive_size - b.archive_size,
  created: (a, b) => (a.created_at ?? '').localeCompare(b.created_at ?? ''),
  updated: (a, b) => (a.updated_at ?? '').localeCompare(b.updated_at ?? ''),
  requested: (a, b) => (a.requested_at ?? '').localeCompare(b.requested_at ?? ''),
};

/**
 * Orders and cuts a list as the API does.
 * @template Row
 * @param {Row[]} rows
 * @param {URLSearchParams} query
 * @param {Record<string, (a: Row, b: Row) => number>} orders
 * @param {string} usual
 */
function paged(rows, query, orders, usual) {
  const sort = query.get('sort') ?? usual;
  const order = orders[sort.replace(/^-/, '')];
  const limit = Number(query.get('limit') ?? 24);
  if (!order || limit < 1 || limit > 100) throw new Problem(422, malformed);
  const sign = sort.startsWith('-') ? -1 : 1;
  const sorted = [...rows].sort((a, b) => sign * order(a, b));
  const from = Number(query.get('cursor') ?? 0);
  const next = from + limit < sorted.length ? String(from + limit) : '';
  return { rows: sorted.slice(from, from + limit), next, total: rows.length };
}

/** What only the answer about one mod has. */
const onlyAlone = new Set(['description', 'version', 'dependents', 'resources', 'download_url', 'page_url']);

/** @param {CatalogDetail} mod */
function inList(mod) {
  const shown = Object.entries(mod).filter(([key]) => !onlyAlone.has(key));
  return { ...Object.fromEntries(shown), dependencies: mod.dependencies.length };
}

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function listMods(fake, { query }) {
  const words = (query.get('q') ?? '').toLowerCase();
  const [game, source, state, dependency] = ['game', 'source', 'state', 'dependency'].map((key) =>
    query.get(key),
  );
  const wanted = query.getAll('tag');
  const found = fake.catalog.filter(
    (mod) =>
      [mod.name.toLowerCase(), mod.id, mod.hex].some((text) => text.includes(words)) &&
      (!game || mod.game?.id === game) &&
      (!source || mod.source === source) &&
      (!state || (mod.condition === 2 ? 'fetching' : 'ready') === state) &&
      (!dependency || mod.dependencies.some((one) => one.id === dependency)) &&
      (query.get('independent') !== 'true' || mod.dependencies.length === 0) &&
      wanted.every((id) => mod.tags.some((tag) => tag.id === id)),
  );
  const { rows, next, total } = paged(found, query, modOrders, '-downloads');
  return { body: { mods: rows.map(inList), next, total } };
}

/**
 * @param {FakeDaemon} fake
 * @param {string} item
 */
function find(fake, item) {
  const spelled = /^(?:0x|m)([0-9a-f]+)$/i.exec(item);
  const id = spelled ? BigInt(`0x${spelled[1]}`).toString() : item;
  const found = fake.catalog.find((mod) => mod.id === id);
  if (!found) throw new Problem(404, 'The catalogue has no such mod');
  return found;
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function showMod(fake, _request, [item]) {
  return { body: find(fake, item) };
}

/**
 * What no source has is skipped, the rest begins.
 * @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer}
 */
export function fetchMissing(fake, _request, [item]) {
  const mod = find(fake, item);
  const queued = [];
  const skipped = [];
  for (const one of mod.dependencies) {
    if (one.state !== 'absent') {
      skipped.push({ id: one.id, why: one.state === 'stored' ? 'is here' : 'is being fetched' });
      continue;
    }
    if (fake.unobtainable.has(one.id)) {
      skipped.push({ id: one.id, why: 'Denied - no source can supply this item' });
      continue;
    }
    one.state = 'fetching';
    queued.push(one.id);
  }
  return { status: 202, body: { queued, skipped } };
}

/** @param {FakeDaemon} fake */
function games(fake) {
  return fake.games.map((game) => {
    const mods = fake.catalog.filter((mod) => mod.game?.id === game.id);
    const downloads = mods.reduce((sum, mod) => sum + mod.downloads, 0);
    return { ...game, mods: mods.length, downloads, tags: tagsOf(mods) };
  });
}

/** @param {CatalogDetail[]} mods */
function tagsOf(mods) {
  /** @type {Map<string, { id: string, name: string, mods: number }>} */
  const found = new Map();
  for (const tag of mods.flatMap((mod) => mod.tags)) {
    found.set(tag.id, { ...tag, mods: (found.get(tag.id)?.mods ?? 0) + 1 });
  }
  return [...found.values()];
}

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function listGames(fake, { query }) {
  const words = (query.get('q') ?? '').toLowerCase();
  const genre = query.get('genre');
  const found = games(fake).filter(
    (game) =>
      game.name.toLowerCase().includes(words) &&
      (!genre || game.genres.some((one) => one.id === genre)) &&
      (!query.get('type') || game.type === query.get('type')),
  );
  const cut = paged(
    found,
    query,
    {
      name: (a, b) => a.name.localeCompare(b.name),
      mods: (a, b) => a.mods - b.mods,
      downloads: (a, b) => a.downloads - b.downloads,
      created: () => 0,
    },
    '-mods',
  );
  const shown = cut.rows.map(({ description: _, tags: __, ...game }) => game);
  return { body: { games: shown, next: cut.next, total: cut.total } };
}

/** @type {(fake: FakeDaemon, request: Request, params: string[]) => Answer} */
export function showGame(fake, _request, [id]) {
  const found = games(fake).find((game) => game.id === id);
  if (!found) throw new Problem(404, 'The catalogue has no such game');
  return { body: found };
}

/** @param {FakeDaemon} fake @returns {Answer} */
export function listGenres(fake) {
  /** @type {Map<string, { id: string, name: string, games: number }>} */
  const found = new Map();
  for (const genre of fake.games.flatMap((game) => game.genres)) {
    found.set(genre.id, { ...genre, games: (found.get(genre.id)?.games ?? 0) + 1 });
  }
  return { body: { genres: [...found.values()] } };
}

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function listTags(fake, { query }) {
  const game = query.get('game');
  return { body: { tags: tagsOf(fake.catalog.filter((mod) => !game || mod.game?.id === game)) } };
}

/** @type {(fake: FakeDaemon, request: Request) => Answer} */
export function statistics(fake, { query }) {
  const by = query.get('by') ?? 'day';
  const now = Date.now();
  const to = query.get('to') ?? day(now);
  const from = query.get('from') ?? (by === 'day' ? day(Date.parse(to) - 7 * DAY) : to);
  const days = (Date.parse(to) - Date.parse(from)) / DAY + 1;
  if ((by !== 'day' && by !== 'hour') || !(days >= 1 && days <= (by === 'hour' ? 31 : 3660))) {
    throw new Problem(422, malformed);
  }
  const wanted = query.getAll('type');
  const types = statisticTypes.filter(({ type }) => !wanted.length || wanted.includes(type));
  /** @type {Map<string, { time: string, type: string, count: number }>} */
  const rows = new Map();
  const first = Date.parse(from) / HOUR;
  const last = fake.counting ? Math.min(first + days * 24 - 1, now / HOUR) : -1;
  for (let hour = first; hour <= last; hour += 1) {
    const moment = new Date(hour * HOUR).toISOString();
    const time = by === 'day' ? moment.slice(0, 10) : moment.replace('.000Z', 'Z');
    for (const { type } of types) {
      const count = counted(hour, type) + (rows.get(`${time} ${type}`)?.count ?? 0);
      if (count) rows.set(`${time} ${type}`, { time, type, count });
    }
  }
  const present = new Set([...rows.values()].map((row) => row.type));
  return {
    body: {
      by,
      time_zone: 'UTC',
      from,
      to,
      types: types.filter(({ type }) => present.has(type)),
      rows: [...rows.values()],
    },
  };
}

/** @param {number} moment */
function day(moment) {
  return new Date(moment).toISOString().slice(0, 10);
}

/** @param {FakeDaemon} fake @returns {Answer} */
export function summary(fake) {
  const tags = tagsOf(fake.catalog);
  return {
    body: {
      mods: fake.catalog.length,
      games: fake.games.length,
      genres: 3,
      tags: tags.length,
      dependencies: fake.catalog.filter((mod) => mod.dependencies.length).length,
      days: fake.counting ? 41 : 0,
      sent: fake.counting ? fake.catalog.reduce((sum, mod) => sum + mod.downloads, 0) : 0,
      fast_ms: fake.counting ? 7 : 0,
      full_ms: fake.counting ? 1_860 : 0,
    },
  };
}
