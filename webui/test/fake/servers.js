/** Registered game servers as the tests find them. */

import { ago } from './clans.js';
import { serverNames } from './matches.js';

/** @typedef {import('../../static/scripts/api/serverlist.js').OwnServer} OwnServer */

const minute = 60_000;

/** The owner of most servers, and the caller. */
const owner = { id: '2', name: 'Grace' };
const me = { id: '1', name: 'Ada' };

/** @param {string} name */
export const plain = (name) => name.replace(/\^(?:\d{3}|[rgbwkycm])/g, '').trim();

/**
 * @param {string} id
 * @param {Partial<OwnServer> & { name: string, host: string }} given
 * @returns {OwnServer}
 */
export function server(id, given) {
  const port = given.port ?? 11235;
  const online = given.online ?? true;
  return {
    id,
    plain_name: plain(given.name),
    port,
    connect: `${given.host}:${port}`,
    game_type: 'RTSS',
    map: 'eden2',
    players: 0,
    max_players: 32,
    passworded: false,
    mods: [],
    online,
    updated: new Date(Date.now() - (online ? 12_000 : 90 * minute)).toISOString(),
    host_name: given.host,
    host_port: port,
    state: 'open',
    created: ago(40),
    listing: online
      ? {
          listed: true,
          code: 'listed',
          text: 'Listed, because its last heartbeat came 12 seconds ago.',
          warnings: [],
        }
      : {
          listed: false,
          code: 'silent',
          text: 'Not listed, because its last heartbeat came 90 minutes ago; it must be younger than 60 seconds.',
          warnings: [],
        },
    owner,
    ...given,
  };
}

/** @returns {OwnServer[]} */
export function sampleListed() {
  const many = Array.from({ length: 70 }, (_, i) =>
    server(String(100 + i), {
      name: `Host ${String(i + 1).padStart(2, '0')}`,
      host: `198.51.100.${i + 1}`,
      map: ['eden2', 'crossroads', 'duskwood'][i % 3],
      players: i % 5 ? i % 4 : 0,
      max_players: 16 + (i % 3) * 8,
    }),
  );
  return [
    server('3', {
      name: serverNames[3],
      host: '203.0.113.5',
      description: 'Five against five, every evening.',
      players: 31,
      app: '440',
      region: 'eu',
      version: '2.1',
      mods: [{ id: '117887554', url: '/api/v1/catalog/mods/117887554/file' }, { id: '99874752' }],
    }),
    server('4', { name: serverNames[4], host: '203.0.113.9', players: 32, map: 'crossroads' }),
    server('6', {
      name: 'Names \u202egnp.exe \u200f עברית',
      host: '2001:db8::7',
      connect: '[2001:db8::7]:11235',
      players: 3,
      max_players: 0,
      passworded: true,
      game_type: '',
      map: '',
    }),
    server('7', { name: 'Sleeping', host: '203.0.113.77', online: false, players: 9 }),
    ...many,
    server('8', {
      name: '^gMy ^warena',
      host: '192.168.0.7',
      players: 4,
      owner: me,
      listing: {
        listed: true,
        code: 'listed',
        text: 'Listed, because its last heartbeat came 12 seconds ago.',
        warnings: [
          {
            code: 'private_address',
            text: 'Players elsewhere cannot reach 192.168.0.7, which is no address of the public internet.',
          },
        ],
      },
    }),
  ];
}

/** Every five minutes of a day, with a pause. */
export function sampleListHistory() {
  const now = Math.floor(Date.now() / (5 * minute)) * 5 * minute;
  const points = Array.from({ length: 288 }, (_, i) => ({
    at: new Date(now - (287 - i) * 5 * minute).toISOString(),
    servers: 60 + (i % 14),
    players: Math.round(130 + 90 * Math.sin(i / 46)),
  }));
  return points.filter((_, i) => i < 100 || i > 130);
}
