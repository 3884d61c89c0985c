/**
 * A daemon for the browser tests: the page with the daemon's security headers,
 * and the HTTP API over a library in memory. What the page sends is kept, and
 * a test can change the library, publish events and order failures.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { icon as defaultIcon, sampleClans, sampleNames, sampleSkins } from './clans.js';
import { sampleBroadcasts, sampleDemos, sampleDemoStorage } from './demos.js';
import { sampleJobs, sampleMods, sampleOverview, sampleStatus } from './library.js';
import {
  sampleLint,
  sampleMisses,
  samplePeers,
  samplePlan,
  sampleServers,
  sampleStorage,
  sampleTrees,
} from './hosts.js';
import { sampleBoards, sampleMatches } from './matches.js';
import { sampleMails } from './meroutes.js';
import { Problem } from './problem.js';
import { answer } from './routes.js';
import { sampleListed, sampleListHistory } from './servers.js';
import { sampleCatalog, sampleGames } from './shelf.js';

const root = fileURLToPath(new URL('../../static', import.meta.url));

/** The policy that the daemon sends with every answer. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** @type {Record<string, string>} */
const contentTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

export class FakeDaemon {
  mods = sampleMods();
  jobs = sampleJobs();
  status = sampleStatus();
  overview = sampleOverview();
  servers = { mod_backup_servers: ['http://mods.example.org:27020'], mod_backup_before_steam: false };
  storage = sampleStorage();
  plan = samplePlan();
  peers = samplePeers();
  gameServers = sampleServers();
  trees = sampleTrees();
  misses = sampleMisses();
  lint = sampleLint();
  catalog = sampleCatalog();
  games = sampleGames();
  /** Whether recordings are taken. */
  demosOn = true;
  demos = sampleDemos();
  demoStorage = sampleDemoStorage();
  broadcasts = sampleBroadcasts();
  /** Whether players, clans and matches are kept. */
  metaserverOn = true;
  /** Display names by account. */
  names = sampleNames();
  clans = sampleClans();
  skins = sampleSkins();
  matches = sampleMatches(this.names);
  boards = sampleBoards();
  listed = sampleListed();
  listHistory = sampleListHistory();
  /** Accounts that a moderator closed. @type {Set<string>} */
  closed = new Set();
  /** What the account of the caller has. @type {{ email?: string, verified_at?: string, new_email?: string, has_password: boolean }} */
  me = { email: 'ada@example.org', verified_at: '2026-01-02T10:00:00Z', has_password: true };
  /** Whether mails are sent, and so people can register. */
  registration = true;
  mails = sampleMails();
  /** Items that no source can supply. */
  unobtainable = new Set(['145366787']);
  /** Whether anything was ever counted. */
  counting = true;
  needsSetup = false;
  setupToken = 'fake-setup-token';
  /** @type {{ name: string, password: string, roles: string[] }[]} */
  accounts = [{ name: 'Ada', password: 'four random words here', roles: ['admin'] }];
  /** Whether one can sign in through Steam, and how it ends; '' = well. */
  steamSignIn = true;
  steamResult = '';
  /** Keys for recordings. @type {{ id: number, kind: string, prefix: string, revoked_at?: string, last_used?: string }[]} */
  demosKeys = [];
  /** Sessions by cookie value. @type {Map<string, import('./accounts.js').Who>} */
  sessions = new Map();
  /** Requests to the API so far. @type {{ method: string, path: string, query: URLSearchParams, headers: import('node:http').IncomingHttpHeaders, body: any }[]} */
  requests = [];
  /** Path prefixes that fail with this status. @type {Map<string, number>} */
  failures = new Map();
  /** @type {Set<import('node:http').ServerResponse>} */
  streams = new Set();
  /** What jobs are made of next. */
  serial = 100;
  events = 0;
  url = '';

  /** @type {import('node:http').Server} */
  server = createServer();

  /** @param {number} [port] */
  async start(port = 0) {
    this.server = createServer((request, response) => {
      this.serve(request, response).catch((error) => response.destroy(error));
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve(undefined)));
    const address = /** @type {import('node:net').AddressInfo} */ (this.server.address());
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  async stop() {
    this.dropStreams();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  dropStreams() {
    for (const stream of this.streams) stream.destroy();
  }

  /**
   * @param {string} topic
   * @param {unknown} data
   */
  publish(topic, data) {
    this.events += 1;
    for (const stream of this.streams) {
      stream.write(`id: fake-${this.events}\nevent: ${topic}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async serve(request, response) {
    const url = new URL(request.url ?? '/', 'http://fake');
    response.setHeader('Content-Security-Policy', policy);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'same-origin');
    if (url.pathname === '/api/v1/events') return this.stream(request, response);
    if (url.pathname.startsWith('/api/v1/')) return this.api(request, response, url);
    const icon = /^\/v1\/clan\/icon\/(\d+)\.png$/.exec(url.pathname);
    if (icon) return this.clanIcon(response, icon[1]);
    if (url.pathname.startsWith('/app/static/'))
      return file(response, url.pathname.slice('/app/static/'.length));
    return file(response, 'index.html', url.pathname.startsWith('/app/') ? 200 : 404);
  }

  /**
   * @param {import('node:http').ServerResponse} response
   * @param {string} id
   */
  clanIcon(response, id) {
    const clan = this.clans.find((one) => one.id === id);
    response.writeHead(clan ? 200 : 404, { 'Content-Type': 'image/png' });
    response.end(Buffer.from(clan?.icon || defaultIcon, 'base64'));
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  stream(request, response) {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
    });
    response.write('retry: 200\n: connected\n\n');
    if (request.headers['last-event-id']) response.write('event: reset\ndata: {}\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   * @param {URL} url
   */
  async api(request, response, url) {
    const body = await readBody(request);
    const path = url.pathname.slice('/api/v1'.length);
    const method = request.method ?? 'GET';
    this.requests.push({ method, path, query: url.searchParams, headers: request.headers, body });
    try {
      for (const [prefix, status] of this.failures) {
        if (`${path}?`.startsWith(prefix))
          throw new Problem(status, 'The database does not answer', 'Look at the log');
      }
      const result = answer(this, { method, path, query: url.searchParams, body, headers: request.headers });
      for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, value);
      send(response, result.status ?? 200, 'application/json', result.body);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      send(response, error.status, 'application/problem+json', {
        type: 'about:blank',
        title: 'Problem',
        status: error.status,
        detail: error.message,
        code: 'fake',
        hint: error.hint,
        errors: error.fields,
        request_id: `FAKE42-${this.requests.length.toString(36)}`,
      });
    }
  }
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} type
 * @param {unknown} body
 */
function send(response, status, type, body) {
  if (body === undefined) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(JSON.stringify(body));
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {string} name
 * @param {number} [status]
 */
async function file(response, name, status = 200) {
  const path = normalize(join(root, name));
  const known = path.startsWith(root) && (await stat(path).catch(() => null))?.isFile();
  if (!known) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(status, {
    'Content-Type': contentTypes[extname(path)] ?? 'application/octet-stream',
    'Cache-Control': 'no-cache',
  });
  createReadStream(path).pipe(response);
}

/**
 * A decoded JSON body, or the bytes of another one.
 * @param {import('node:http').IncomingMessage} request
 */
async function readBody(request) {
  const parts = [];
  for await (const chunk of request) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  if (bytes.length === 0) return null;
  return request.headers['content-type'] === 'application/json' ? JSON.parse(bytes.toString()) : bytes;
}
