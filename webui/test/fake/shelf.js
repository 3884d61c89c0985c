/** What the fake daemon's catalogue holds: games, mods with everything the page can show of them, counts. */

import { since } from './library.js';

/** @typedef {import('../../static/scripts/api/model.js').CatalogDetail} CatalogDetail */
/** @typedef {import('../../static/scripts/api/model.js').GameDetail} GameDetail */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const description = `[h1]Shine[/h1]
An [b]administration[/b] mod with [i]plugins[/i], [u]votes[/u] and <b>no markup of its own</b>.
[h3]What it does[/h3]
[list]
[*]Adverts
[*]Bans, [url=https://shine.example/docs]as described here[/url]
[*]Map votes
[/list]
[quote]It [b]just [i]works[/b][/i].[/quote]
[url=javascript:alert(1)]not a link[/url] but https://forums.example/shine. is one.
[img]https://images.example/banner.png[/img]
[code]sh_kick [b]player[/b]
sh_ban "a very long line that has to wrap somewhere on a phone because nothing may be wider than it"[/code]`;

/** @returns {Omit<GameDetail, 'mods' | 'downloads' | 'tags'>[]} */
export function sampleGames() {
  const genres = {
    action: { id: '1', name: 'Action' },
    strategy: { id: '2', name: 'Strategy' },
    simulation: { id: '28', name: 'Simulation' },
  };
  return [
    {
      id: '4920',
      name: 'Natural Selection 2',
      type: 'game',
      logo: 'https://images.example/4920.jpg',
      short_description: 'Marines against aliens, with a commander on each side.',
      description:
        '<h2 class="bb_tag">About</h2><p>Aliens &amp; marines.</p><ul><li>One side <strong>builds</strong></li>' +
        '<li>The other evolves</li></ul><img src="https://images.example/wide.jpg" onerror="alert(1)">',
      genres: [genres.action, genres.strategy],
      placeholder: false,
    },
    {
      id: '294100',
      name: 'RimWorld',
      type: 'game',
      logo: '',
      short_description: 'A colony sim driven by an intelligent AI storyteller.',
      description: '',
      genres: [genres.simulation, genres.strategy],
      placeholder: false,
    },
    {
      id: '4000',
      name: 'App 4000',
      type: 'app',
      logo: '',
      short_description: '',
      description: '',
      genres: [],
      placeholder: true,
    },
  ];
}

const tags = {
  mod: { id: '1', name: 'Mod' },
  tweak: { id: '2', name: 'Gameplay Tweak' },
  admin: { id: '3', name: 'Must be run on Server' },
  map: { id: '4', name: 'Map' },
  lib: { id: '5', name: 'Библиотека' },
};

/**
 * @param {string} id
 * @param {string} name
 * @param {Partial<CatalogDetail>} [more]
 * @returns {CatalogDetail}
 */
export function catalogMod(id, name, more = {}) {
  const hex = BigInt(id).toString(16);
  return {
    id,
    hex,
    name,
    preview: `https://images.example/${id}.jpg`,
    game: { id: '4920', name: 'Natural Selection 2' },
    size: 4_900_000,
    archive_size: 4_812_345,
    condition: 0,
    created_at: since(900 * DAY),
    updated_at: since(30 * DAY),
    requested_at: since(HOUR),
    source: 'steam',
    downloads: 0,
    tags: [],
    description: '',
    version: 1_763_480_000,
    dependencies: [],
    dependents: [],
    resources: [],
    download_url: `/download/${id}`,
    page_url: `https://steamcommunity.com/sharedfiles/filedetails/?id=${id}`,
    ...more,
  };
}

/** @returns {CatalogDetail[]} */
export function sampleCatalog() {
  const rimworld = { id: '294100', name: 'RimWorld' };
  return [
    catalogMod('117887554', 'Shine Administration', {
      downloads: 18_204,
      tags: [tags.mod, tags.admin, tags.tweak, tags.lib],
      description,
      size: 1_304_224,
      archive_size: 1_204_224,
      dependencies: [
        { id: '99874752', name: 'ns2_co_core – Combat Map', state: 'stored' },
        { id: '145366787', name: 'Extra Entities Mod', state: 'absent' },
        { id: '727457183', name: '', state: 'absent' },
      ],
      dependents: [{ id: '727457182', name: 'Карты осеннего турнира' }],
      resources: [
        { type: 'logo', url: 'https://images.example/117887554.jpg' },
        { type: 'screenshot', url: 'https://images.example/117887554-1.jpg' },
        { type: 'screenshot', url: 'javascript:alert(1)' },
      ],
    }),
    catalogMod('99874752', 'ns2_co_core – Combat Map', {
      downloads: 4_120,
      tags: [tags.map],
      archive_size: 48_812_345,
      condition: 1,
      dependents: [{ id: '117887554', name: 'Shine Administration' }],
    }),
    catalogMod('727457182', 'Карты осеннего турнира', {
      downloads: 812,
      tags: [tags.map],
      archive_size: 132_812_345,
      dependencies: [{ id: '117887554', name: 'Shine Administration', state: 'stored' }],
    }),
    catalogMod('4069973', '\u202eevil\u202c <b>bold</b> & "quoted" \u202Etitle', { downloads: 3 }),
    catalogMod('2009463077', 'Harmony', {
      downloads: 9_511,
      game: rimworld,
      tags: [tags.mod, tags.lib],
      updated_at: since(2 * DAY),
    }),
    catalogMod(
      '818773962',
      'HugsLib with a remarkably long title that has to wrap somewhere on a phone and in a card',
      {
        downloads: 2_044,
        game: rimworld,
        tags: [tags.mod],
        condition: 2,
        archive_size: 0,
        updated_at: undefined,
        dependencies: [{ id: '2009463077', name: 'Harmony', state: 'stored' }],
      },
    ),
    catalogMod('2817', '', { game: null, condition: 2, archive_size: 0, size: 0, updated_at: undefined }),
    catalogMod('2818', 'Spawn menu', { game: { id: '4000', name: 'App 4000' }, downloads: 12 }),
    ...Array.from({ length: 60 }, (_, i) =>
      catalogMod(String(0x1000000 + i * 4099), `ns2_map_${String(i + 1).padStart(2, '0')}`, {
        downloads: 700 - i * 11,
        tags: [tags.map],
        archive_size: 2_000_000 + i * 350_000,
        updated_at: since(i * DAY),
        requested_at: since(i * 3 * HOUR),
      }),
    ),
  ];
}

export const statisticTypes = [
  { type: 'start', label_en: 'Service starts', label_ru: 'Старты сервиса' },
  {
    type: '/download/steam/',
    label_en: 'Steam download requests',
    label_ru: 'Обращения к загрузке из Steam',
  },
  { type: '/condition/mod/', label_en: 'Mod state checks', label_ru: 'Проверки состояния модов' },
  { type: 'files_sent', label_en: 'Archives sent', label_ru: 'Отправлено архивов' },
  {
    type: 'mod_not_found_local',
    label_en: 'Requests for mods not on the server',
    label_ru: 'Запрошенных модов не оказалось',
  },
  {
    type: 'ns2_sent',
    label_en: 'Archives sent to game clients',
    label_ru: 'Отправлено архивов игровым клиентам',
  },
  { type: 'fastdl_sent', label_en: 'Game files sent', label_ru: 'Отправлено файлов игр' },
];

/**
 * What was counted in an hour: a day has a quiet night and a busy evening, and
 * some hours have no row at all.
 * @param {number} hour Hours since 1970.
 * @param {string} type
 */
export function counted(hour, type) {
  const scale =
    {
      files_sent: 6,
      ns2_sent: 40,
      fastdl_sent: 900,
      '/condition/mod/': 70,
      '/download/steam/': 9,
      mod_not_found_local: 2,
    }[type] ?? 0;
  const wave = 1 + Math.sin(((hour % 24) / 24) * 2 * Math.PI - 2.4);
  const noise = ((hour * 2654435761) % 97) / 97;
  return Math.floor(scale * wave * noise);
}
