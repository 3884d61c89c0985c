/** Samples of recordings for the fake daemon. */

import { since } from './library.js';

/** @typedef {import('../../static/scripts/api/demos/model.js').Demo} Demo */
/** @typedef {import('../../static/scripts/api/demos/model.js').DemoParts} DemoParts */
/** @typedef {import('../../static/scripts/api/demos/model.js').Evidence} Evidence */
/** @typedef {{ demo: Demo, parts: DemoParts, rate: number, evidence: (Evidence & { token: string })[] }} Kept */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 1024 ** 2;

const players = ['76561198000000001', '76561198000000002', '76561198000000003'];
export const cheater = players[0];
/** The recording with everything in it. */
export const rich = '271828182845904523536028747135266249775';
export const growing = '314159265358979323846264338327950288419';

/**
 * @param {string} id
 * @param {Partial<Demo>} more
 * @param {Partial<DemoParts>} [parts]
 * @returns {Kept}
 */
export function kept(id, more, parts = {}) {
  const demo = {
    id,
    name: `auto-2026-11-20-${id.slice(0, 4)}`,
    map: 'pl_upward',
    server: '169.254.173.35:51379',
    player: 'Heavy',
    start_at: since(3 * HOUR),
    end_at: since(2 * HOUR),
    size: 38 * MIB,
    seconds: 1832.4,
    ticks: 122160,
    state: /** @type {const} */ ('closed'),
    source: 'stream',
    verified: true,
    score: 0.0000524,
    detections: parts.detections?.length ?? 0,
    reports: parts.reports?.length ?? 0,
    mine: false,
    anonymous_id: '8d5e957f2978',
    received: 38 * MIB,
    ...more,
  };
  return {
    demo,
    rate: 0,
    evidence: [],
    parts: {
      header: { format: 'HL2DEMO', game_dir: 'tf' },
      reports: [],
      detections: [],
      analysis: [],
      reviews: [],
      witnesses: [],
      ...parts,
    },
  };
}

function found() {
  const viewangles = Array.from({ length: 19 }, (_, i) => ({
    tick: 5_200 + i * 347,
    algorithm: 'viewangles_180degrees',
    target: cheater,
    data: { delta: 178.2 + (i % 3) },
  }));
  const pitch = [61_020, 61_030, 98_700].map((tick) => ({
    tick,
    algorithm: 'oob_pitch',
    target: players[1],
    data: { pitch: 271.04 },
  }));
  return [...viewangles, ...pitch];
}

/** @returns {Kept[]} */
export function sampleDemos() {
  const reports = [
    { target: cheater, reason: 'cheater', checked: true, created_at: since(150 * MINUTE) },
    {
      target: players[2],
      reason: 'bot',
      checked: false,
      created_at: since(151 * MINUTE),
      handled_at: since(HOUR),
      handled_by: 'Ben',
    },
  ];
  const others = Array.from({ length: 60 }, (_, i) =>
    kept(String(5_000_000_000_000_000_000n + BigInt(i) * 7_777_777n), {
      map: ['cp_badlands', 'koth_harvest_final', 'ctf_2fort', 'pl_badwater'][i % 4],
      player: ['Scout', 'Medic', 'Инженер'][i % 3],
      server: `203.0.113.${(i % 9) + 1}:27015`,
      start_at: since((i + 2) * 17 * HOUR),
      end_at: since((i + 2) * 17 * HOUR - 40 * MINUTE),
      source: ['stream', 'upload', 'demostf', 'matchzy'][i % 4],
      size: (8 + i) * MIB,
      mine: i % 3 === 0,
    }),
  );
  return [
    {
      ...kept(growing, {
        name: 'auto-live',
        map: 'cp_process_f12',
        state: 'live',
        start_at: since(12 * MINUTE),
        end_at: undefined,
        size: 0,
        seconds: 0,
        ticks: 0,
        received: 9 * MIB + 12_345,
        mine: true,
      }),
      rate: 16_384,
    },
    {
      ...kept('161803398874989484820458683436563811772', {
        name: '',
        map: '',
        server: '',
        player: '',
        state: 'idle',
        start_at: since(31 * MINUTE),
        end_at: undefined,
        size: 0,
        seconds: 0,
        ticks: 0,
        received: 4 * MIB,
        score: undefined,
      }),
      rate: 0,
    },
    kept(
      rich,
      { name: 'auto-2026-11-20-upward', state: 'analysed', uploader: '76561198000000042' },
      {
        reports,
        detections: found(),
        analysis: [
          {
            target: cheater,
            algorithm: 'viewangles_180degrees',
            detections: 19,
            created_at: since(90 * MINUTE),
          },
          { target: players[1], algorithm: 'oob_pitch', detections: 3, created_at: since(90 * MINUTE) },
        ],
        reviews: [
          {
            target: players[1],
            verdict: 'benign',
            note: 'Respawn <b>snap</b>, seen from the spectator camera.',
            reviewer: 'Carla',
            mine: false,
            created_at: since(80 * MINUTE),
          },
        ],
      },
    ),
    kept('141421356237309504880168872420969807856', {
      name: 'auto-2026-11-20-medic',
      player: 'Medic',
      start_at: since(175 * MINUTE),
      size: 36 * MIB,
    }),
    kept(
      '173205080756887729352744634150587236694',
      {
        name: '../<script>odd</script>',
        map: 'itemtest',
        player: '\u202eevil',
        suspicion: 'no magic at the start; bytes repeat',
        verified: false,
        seconds: 0,
        ticks: 0,
      },
      {},
    ),
    kept('223606797749978969640917366873127623544', {
      name: 'auto-old',
      state: 'pruned',
      size: 0,
      start_at: since(40 * DAY),
      end_at: since(40 * DAY - HOUR),
    }),
    kept('264575131106459059050161575363926042571', {
      name: 'auto-nothing',
      state: 'empty',
      size: 0,
      received: 0,
      seconds: 0,
      ticks: 0,
      score: undefined,
    }),
    ...others,
  ];
}

/** @returns {import('../../static/scripts/api/demos/model.js').DemoStorage} */
export function sampleDemoStorage() {
  return {
    bytes: 31 * 1024 * MIB,
    free: 212 * 1024 * MIB,
    floor: 1024 * MIB,
    deletable: 22 * 1024 * MIB,
    pruned: 96,
    live: 2,
    sources: [
      { source: 'stream', recordings: 790, bytes: 30 * 1024 * MIB },
      { source: 'upload', recordings: 22, bytes: 1024 * MIB },
    ],
    rules: {
      max_bytes: 40 * 1024 * MIB,
      max_age: 0,
      keep_flagged: true,
      max_prune_ratio: 0.05,
      configured: true,
    },
  };
}

/** @returns {import('../../static/scripts/api/demos/model.js').Broadcast[]} */
export function sampleBroadcasts() {
  return [
    { message: 'The sink moves to new disks on Sunday.', importance: 'high', created_at: since(DAY) },
    { message: 'Thank you for 1,000 recordings!', importance: 'low', created_at: since(9 * DAY) },
  ];
}

/** @param {Kept[]} demos */
export function recordedDays(demos) {
  /** @type {Map<string, import('../../static/scripts/api/demos/model.js').RecordedDay>} */
  const days = new Map();
  for (const { demo } of demos) {
    const day = demo.start_at.slice(0, 10);
    const sum = days.get(day) ?? { day, sessions: 0, hours: 0, bytes: 0 };
    days.set(day, {
      day,
      sessions: sum.sessions + 1,
      hours: sum.hours + demo.seconds / 3600,
      bytes: sum.bytes + demo.size,
    });
  }
  return [...days.values()].sort((a, b) => a.day.localeCompare(b.day));
}
