/** Samples of storage, peers, game servers and FastDL for the fake daemon. */

import { since } from './library.js';

/** @typedef {import('../../static/scripts/api/model.js').GameServer} GameServer */
/** @typedef {import('../../static/scripts/api/model.js').ServerMod} ServerMod */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const GIB = 1024 ** 3;

/** @returns {import('../../static/scripts/api/model.js').Storage} */
export function sampleStorage() {
  const sizes = Array.from({ length: 90 }, (_, at) =>
    Math.round(GIB * (1.4 + at * 0.021 + (at > 55 ? 0.4 : 0))),
  );
  const bytes = sizes[sizes.length - 1];
  return {
    bytes,
    limit: 6 * GIB,
    free: 212_345_678_901,
    min_free: 2 * GIB,
    by_game: [
      { app: 4920, name: 'Natural Selection 2', mods: 54, versions: 58, bytes: Math.round(bytes * 0.71) },
      { app: 440, name: '', mods: 9, versions: 9, bytes: Math.round(bytes * 0.24) },
      { app: 0, name: '', mods: 4, versions: 4, bytes: Math.round(bytes * 0.05) },
    ],
    by_source: [
      { source: 'steam-url', versions: 61, bytes: Math.round(bytes * 0.8) },
      { source: 'peers', versions: 7, bytes: Math.round(bytes * 0.15) },
      { source: 'steamcmd', versions: 3, bytes: Math.round(bytes * 0.05) },
    ],
    pinned: { versions: 4, bytes: Math.round(bytes * 0.11) },
    irreplaceable: { versions: 13, bytes: Math.round(bytes * 0.26) },
    evictable: { versions: 54, bytes: Math.round(bytes * 0.63) },
    days: sizes.map((size, at) => ({
      day: new Date(Date.now() - (89 - at) * DAY).toISOString().slice(0, 10),
      bytes: size,
      versions: 30 + Math.floor(at / 2),
    })),
    forecast: {
      bytes_per_day: 22_548_578,
      full_at: new Date(Date.now() + 112 * DAY).toISOString(),
      text: 'At 23 MB a day, the quota is used up (workshop.retention.max_bytes) on 2027-03-12.',
    },
  };
}

/** @returns {import('../../static/scripts/api/model.js').Storage} */
export function emptyStorage() {
  const none = { versions: 0, bytes: 0 };
  return {
    ...sampleStorage(),
    bytes: 0,
    limit: 0,
    by_game: [],
    by_source: [],
    pinned: none,
    irreplaceable: none,
    evictable: none,
    days: [{ day: new Date().toISOString().slice(0, 10), ...none }],
    forecast: { bytes_per_day: 0, text: 'No forecast yet: 0 of at least 7 days are known.' },
  };
}

/** What tidying up would do. @returns {import('../../static/scripts/api/model.js').Tidied} */
export function samplePlan() {
  return {
    removed: [
      {
        name: 'm7794132_1755000000.zip',
        size: 1_204_224,
        frees: 1_204_224,
        rule: 'quarantined',
        why: 'damaged, and a sound copy is stored',
      },
      {
        name: 'm706d242_1348957670.zip',
        size: 482_312,
        frees: 482_312,
        rule: 'superseded',
        why: 'superseded by 1763480000 for at least 30 days and not asked for since',
      },
      {
        name: 'm5f3f7c0_1348957000.zip',
        size: 18_812_345,
        frees: 0,
        rule: 'quota',
        why: 'can be fetched again, and was asked for least recently: on 2026-08-02 18:20 UTC',
      },
    ],
    kept: [
      {
        name: 'm2b5c1d9e_1762000000.zip',
        size: 7_340_032,
        frees: 0,
        rule: 'superseded',
        why: 'superseded by 1763000000 for at least 30 days, but no source can supply it again; workshop.retention.keep_irreplaceable = false lets it go',
      },
    ],
    bytes: 1_686_536,
    short: 0,
  };
}

/** @returns {import('../../static/scripts/api/model.js').Peers} */
export function samplePeers() {
  return {
    public_key: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
    peers: [
      {
        url: 'http://mods.ben.example:27020',
        trust: 'key',
        state: 'ok',
        software: 'Quartermaster 0.2.0',
        indexed: true,
        versions: 1_204,
        last_seen: since(4 * 60_000),
        last_error: '',
        fetched: 31,
        fetched_bytes: 412_345_678,
        refused: 0,
      },
      {
        url: 'http://old.example.org:27020',
        trust: 'quorum',
        state: 'unreachable',
        software: '',
        indexed: false,
        versions: 0,
        last_seen: since(2 * DAY),
        failing_since: since(26 * HOUR),
        last_error: 'connection refused',
        fetched: 2,
        fetched_bytes: 1_800_123,
        refused: 0,
        retry_at: new Date(Date.now() + 11 * 60_000).toISOString(),
      },
      {
        url: 'http://backup.carla.example',
        trust: 'size',
        state: 'refused',
        software: 'Quartermaster 0.1.0',
        indexed: true,
        versions: 88,
        last_seen: since(9 * 60_000),
        last_error: 'm706d242_1763480000.zip has 482312 bytes, but Steam says 482310',
        fetched: 0,
        fetched_bytes: 0,
        refused: 1,
      },
    ],
    lines: {
      mod_backup_servers: ['http://mods.example.org:27020', 'http://mods.ben.example:27020'],
      workshop_peers:
        '[[workshop.peers]]\nurl = "http://mods.example.org:27020"\ntrust = "key"\nkey = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="\n',
    },
  };
}

/** @returns {GameServer[]} */
export function sampleServers() {
  const now = Math.floor(Date.now() / 1000);
  return [
    {
      name: 'arena',
      origin: 'api',
      mods: [serverMod('706d242', 'Shine Administration', { running: 1_763_480_000, basis: 'assumed' })],
      outdated: 0,
      checked_at: since(3 * 60_000),
      restarted_at: since(7 * HOUR),
      webhook: false,
      webhook_error: '',
    },
    {
      name: 'ns2-main',
      origin: 'config',
      mods: [
        serverMod('706d242', 'Shine Administration', { running: 1_763_480_000 }),
        serverMod('5f3f7c0', 'Combat Mode', {
          running: 1_755_000_000,
          current: now - 5 * 3600,
          state: 'outdated',
          since: now - 5 * 3600,
          noticed_at: since(4.9 * HOUR),
        }),
        serverMod('9a43f2e', 'NS2+', {
          running: 1_750_000_000,
          current: now - 9 * 86_400,
          state: 'outdated',
          since: now - 9 * 86_400,
          noticed_at: since(9 * DAY),
          tried: true,
        }),
        serverMod('8a9d2b1', '', { running: 0, current: 0, state: 'gone', basis: '' }),
      ],
      outdated: 2,
      checked_at: since(3 * 60_000),
      restarted_at: since(2 * DAY),
      webhook: true,
      webhook_error: 'the server answered 404',
    },
  ];
}

/**
 * @param {string} hex
 * @param {string} title
 * @param {Partial<ServerMod>} more
 * @returns {ServerMod}
 */
export function serverMod(hex, title, more) {
  const id = BigInt(`0x${hex}`).toString();
  return { id, hex, title, running: 0, current: 1_763_480_000, state: 'current', basis: 'folder', ...more };
}

/** @returns {import('../../static/scripts/api/model.js').Tree[]} */
export function sampleTrees() {
  return [
    {
      name: 'tf2',
      profile: 'source',
      ready: true,
      files: 4_312,
      roots: [
        { path: '/srv/tf2/tf/download', ok: true, files: 4_300 },
        { path: '/srv/tf2/tf/custom/ours', ok: false, files: 12 },
      ],
      scanned_at: since(40_000),
      requests: 91_204,
      misses: 318,
      sent_bytes: 73_456_789_012,
      kept: { files: 212, bytes: 5_812_345_678, max_bytes: 20 * GIB },
      queue: { compressing: 2, decompressing: 0 },
      problems: [
        {
          code: 'root_unreadable',
          text: '/srv/tf2/tf/custom/ours cannot be read: permission denied',
          hint: 'let the account that runs the daemon read it',
        },
      ],
      more_problems: 0,
      server_cfg: serverConfig('tf2', ['The address begins with https://, which some games cannot use']),
    },
  ];
}

/**
 * @param {string} name
 * @param {string[]} notes
 */
function serverConfig(name, notes) {
  const url = `http://mods.example.org:27020/fastdl/${name}`;
  const lines = [`sv_downloadurl "${url}"`, 'sv_allowdownload 1'];
  return { url, lines, text: `${lines.join('\n')}\n`, notes };
}

/** @returns {import('../../static/scripts/api/model.js').Miss[]} */
export function sampleMisses() {
  const about = { server: '203.0.113.5:27015', first: since(9 * DAY), last: since(HOUR) };
  return [
    {
      path: 'maps/surf_utopia_v3.bsp',
      requests: 212,
      reason: 'missing',
      text: 'it is in none of the roots',
      ...about,
    },
    { path: 'sound/ui/hitsound.wav', requests: 77, reason: 'there_now', text: 'it is there now', ...about },
    {
      path: 'maps/cp_dustbowl.bsp',
      requests: 29,
      reason: 'stock',
      text: 'it comes with the game',
      last: since(DAY),
    },
  ];
}

/** @returns {import('../../static/scripts/api/model.js').Lint} */
export function sampleLint() {
  return {
    name: 'tf2',
    files: 4_312,
    ok: false,
    findings: [
      {
        code: 'zero_bytes',
        severity: 'error',
        path: 'maps/jump_academy2_rc5.bsp',
        text: 'the file has no bytes',
        hint: 'copy it again',
      },
      {
        code: 'duplicate_case',
        severity: 'warning',
        path: 'maps/Surf_X.bsp',
        text: 'there is also maps/surf_x.bsp',
        hint: 'remove one of the two',
      },
      { code: 'stock', severity: 'info', path: '', text: '61 files come with the game', hint: '' },
    ],
    more: 0,
  };
}
