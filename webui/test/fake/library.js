/**
 * What the fake daemon holds: a small library with every state that the page
 * has to show. Times are relative to the moment of the call.
 */

/** @typedef {import('../../static/scripts/api/model.js').Mod} Mod */
/** @typedef {import('../../static/scripts/api/model.js').Version} Version */
/** @typedef {import('../../static/scripts/api/model.js').Job} Job */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @param {number} ms */
export function since(ms) {
  return new Date(Date.now() - ms).toISOString();
}

/**
 * @param {string} hex
 * @param {number} version Unix seconds.
 * @param {Partial<Version>} [more]
 * @returns {Version}
 */
export function version(hex, version, more = {}) {
  const name = `m${hex}_${version}.zip`;
  return {
    version,
    time: new Date(version * 1000).toISOString(),
    name,
    url: `/${name}`,
    size: 4_812_345,
    sha256: fakeHash(name),
    source: 'steam-url',
    origin: 'steamusercontent.example',
    state: 'ready',
    reason: '',
    pinned: false,
    irreplaceable: false,
    stored_at: since(3 * DAY),
    last_requested: since(40 * MINUTE),
    verified_at: since(2 * HOUR),
    current: false,
    requests: 12,
    ...more,
  };
}

/** @param {string} text */
function fakeHash(text) {
  let state = [...text].reduce(
    (sum, character) => Math.imul(sum ^ character.charCodeAt(0), 16777619) >>> 0,
    2166136261,
  );
  let out = '';
  for (let i = 0; out.length < 64; i += 1) {
    state = Math.imul(state ^ text.charCodeAt(i % text.length) ^ i, 16777619) >>> 0;
    out += state.toString(16).padStart(8, '0');
  }
  return out.slice(0, 64);
}

/**
 * @param {string} hex
 * @param {string} title
 * @param {Version[]} versions
 * @param {Partial<Mod>} [more]
 * @returns {Mod}
 */
export function mod(hex, title, versions, more = {}) {
  const id = BigInt(`0x${hex}`).toString(10);
  const current = versions.find((one) => one.current) ?? versions[0];
  return {
    id,
    hex,
    title,
    app: 4920,
    current_version: current?.version ?? 0,
    state: current?.state ?? 'absent',
    reason: current?.reason ?? '',
    last_requested: current?.last_requested,
    size: versions.reduce((sum, one) => sum + (one.state === 'ready' ? one.size : 0), 0),
    preview: '',
    page_url: `https://steamcommunity.com/sharedfiles/filedetails/?id=${id}`,
    versions,
    ...more,
  };
}

/** @returns {Mod[]} */
export function sampleMods() {
  const notBackedUp = 'Denied - old version and not backed up';
  const noSource = 'Denied - no source can supply this item';
  return [
    mod('706d242', 'Shine Administration', [
      version('706d242', 1763480000, { current: true, size: 1_204_224, last_requested: since(90_000) }),
      version('706d242', 1718822400, {
        pinned: true,
        size: 1_190_032,
        source: 'folder',
        origin: '/srv/ns2/Workshop',
      }),
      version('706d242', 1348957670, {
        irreplaceable: true,
        size: 988_160,
        source: 'peers',
        origin: 'https://mods.neighbour.example',
        last_requested: since(12 * DAY),
        provenance: {
          source: 'peers',
          peer: 'https://mods.neighbour.example',
          time: since(12 * DAY),
          verified_by: 'quorum',
        },
      }),
    ]),
    mod('5f3f7c0', 'ns2_co_core – Combat Map', [
      version('5f3f7c0', 1700048000, { current: true, size: 48_812_345, last_requested: since(5 * HOUR) }),
      version('5f3f7c0', 1348957670, {
        state: 'absent',
        reason: notBackedUp,
        size: 0,
        sha256: '',
        source: '',
        origin: '',
        verified_at: undefined,
        stored_at: undefined,
      }),
    ]),
    mod('2b5c1d9e', 'Карты осеннего турнира', [
      version('2b5c1d9e', 1762000000, { current: true, size: 132_812_345, last_requested: since(26 * HOUR) }),
    ]),
    mod('3e1a55', '\u202eevil\u202c <b>bold</b> & "quoted" \u202Etitle', [
      version('3e1a55', 1612000000, { current: true, size: 23_456, last_requested: undefined }),
    ]),
    mod(
      '9c40',
      '',
      [
        version('9c40', 1500000000, {
          state: 'failed',
          reason: 'Denied - could not be fetched',
          size: 0,
          sha256: '',
          current: true,
        }),
      ],
      {
        app: 0,
      },
    ),
    mod('8aa1f03', 'Extra Entities Mod', [], { state: 'denied', reason: noSource }),
    mod(
      '77fe10b2',
      'Devnull’s Server Essentials with a remarkably long title that has to wrap somewhere on a phone',
      [
        version('77fe10b2', 1755000000, {
          state: 'quarantined',
          reason: 'The file is damaged: its checksum is wrong',
          current: true,
        }),
      ],
    ),
    ...Array.from({ length: 60 }, (_, i) =>
      mod((0x1000000 + i * 4099).toString(16), `ns2_map_${String(i + 1).padStart(2, '0')}`, [
        version((0x1000000 + i * 4099).toString(16), 1_690_000_000 + i * 86_400, {
          current: true,
          size: 2_000_000 + i * 350_000,
          last_requested: since(i * 3 * HOUR),
        }),
      ]),
    ),
  ];
}

/** @returns {Job[]} */
export function sampleJobs() {
  const base = {
    attempts: 0,
    bytes: 0,
    total: 0,
    speed: 0,
    error: '',
    created_at: since(20_000),
    source: '',
  };
  return [
    {
      ...base,
      id: '41',
      item: '99874752',
      hex: '5f3f7c0',
      version: 1763390000,
      title: 'ns2_co_core – Combat Map',
      state: 'fetching',
      source: 'steam-url',
      bytes: 21_200_000,
      total: 48_812_345,
      speed: 3_400_000,
      attempts: 1,
    },
    {
      ...base,
      id: '42',
      item: '117887554',
      hex: '706d242',
      version: 1763480000,
      title: 'Shine Administration',
      state: 'queued',
    },
    {
      ...base,
      id: '39',
      item: '40000',
      hex: '9c40',
      version: 1500000000,
      title: '',
      state: 'failed',
      source: 'steam-url',
      attempts: 3,
      error: 'The server closed the connection before the file was complete',
      retry_at: new Date(Date.now() + 45_000).toISOString(),
    },
  ];
}

export function sampleStatus() {
  return {
    steam: {
      keyed: false,
      breaker_open: false,
      last_error: '',
      calls_today: 128,
      daily_limit: 50_000,
    },
    steamcmd: /** @type {NonNullable<import('../../static/scripts/api/model.js').ModStatus['steamcmd']>} */ ({
      state: 'ready',
      text: 'SteamCMD is ready',
      running: 1,
      waiting: 2,
      last_error: '',
    }),
    roots: [{ path: '/srv/ns2/Workshop', ok: true, problem: '', zips: 41, folders: 27, unchecked: 0 }],
    store: { bytes: 3_412_345_678, mods: 67, versions: 71, free: 212_345_678_901 },
    queue: { waiting: 1, running: 1, failed: 1 },
    problems: /** @type {{ code: string, text: string, hint: string }[]} */ ([]),
  };
}

export function sampleOverview() {
  return {
    version: '0.1.0',
    commit: '4d1b561e8c2f41b79a3e5d20c9f6b7a812345678',
    go: 'go1.26.8',
    started_at: since(5 * HOUR),
    listeners: ['0.0.0.0:27020', '[::]:27020'],
    paths: {
      config: '/etc/quartermaster/config.toml',
      data: '/var/lib/quartermaster',
      database: '/var/lib/quartermaster/quartermaster.db',
      blobs: '/var/lib/quartermaster/blobs',
    },
    totals: { mods: 67, versions: 71, bytes: 3_412_345_678, requests: 18_204 },
    attention: [
      {
        code: 'jobs_failed',
        severity: 'warning',
        text: 'Some mods could not be fetched',
        hint: 'the queue says why, and can try again',
        link: '/app/mods?state=failed',
      },
      {
        code: 'no_source',
        severity: 'warning',
        text: 'Extra Entities Mod cannot be fetched from any source that is set up',
        hint: 'Put the folder of a game server that has it into workshop.roots',
        link: '/app/mods/145366787',
      },
      {
        code: 'no_https',
        severity: 'info',
        text: 'The page is served over plain HTTP',
        hint: 'Sign in only from a network that you trust',
        link: '',
      },
    ],
    disk: { free: 212_345_678_901, total: 480_000_000_000 },
    rates: {
      download_rate: 12_000_000,
      download_rate_per_client: 2_000_000,
      upload_rate: 0,
      scheduled: true,
      sending: 8_345_678,
      receiving: 412_345,
      clients: 14,
    },
  };
}
