/** A game client that records: it opens a session, streams frames, never reads, and drops the connection. */

import { randomBytes } from 'node:crypto';
import { request } from 'node:http';

const server = '169.254.189.228:41928';
const lateAt = 0x420;

/** The last 16 bytes of a header, which the game fills in when it stops: 1657.5 s, 110503 ticks. */
export const late = Buffer.from('7031cf44a7af0100cea70100f5e00400', 'hex');

/**
 * A recording as the game writes it while it goes on.
 * @param {number} size Bytes.
 * @param {string} player Who records.
 */
export function recording(size, player) {
  const bytes = Buffer.alloc(size);
  for (let at = 1072; at < size; at += 1) bytes[at] = (at * 7 + (at >> 9)) % 61;
  bytes.write('HL2DEMO\0');
  bytes.writeInt32LE(3, 8);
  bytes.writeInt32LE(24, 12);
  bytes.write(server, 0x10);
  bytes.write(player, 0x114);
  bytes.write('pl_pier', 0x218);
  bytes.write('tf', 0x31c);
  return bytes;
}

/** What is stored of it. @param {Buffer} bytes */
export function finished(bytes) {
  const whole = Buffer.from(bytes);
  late.copy(whole, lateAt);
  return whole;
}

export class Player {
  /** @type {import('node:net').Socket | null} */
  socket = null;
  session = '';

  /** @param {string} base @param {string} key */
  constructor(base, key) {
    this.base = base;
    this.key = key;
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {Record<string, string>} [query]
   * @param {object} [body]
   */
  async ask(method, path, query = {}, body) {
    const address = `${this.base}${path}?${new URLSearchParams({ api_key: this.key, ...query })}`;
    const answer = await fetch(address, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.text();
  }

  /** Opens a session and connects. @param {string} name Of the file. */
  async begin(name) {
    const text = await this.ask('GET', '/session_id', { fake_ip: server, map: 'pl_pier', demo_name: name });
    this.session = /^\{"session_id":(\d{1,39})\}$/.exec(text)?.[1] ?? '';
    const query = new URLSearchParams({ api_key: this.key, session_id: this.session });
    const handshake = request(`${this.base}/demos?${query}`, {
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      },
    });
    this.socket = await new Promise((resolve, reject) => {
      handshake.on('upgrade', (_, socket) => resolve(socket));
      handshake.on('response', (answer) => reject(new Error(`/demos: ${answer.statusCode}`)));
      handshake.on('error', reject);
      handshake.end();
    });
    this.socket?.on('error', () => {}); // the daemon may end it first
  }

  /** Sends one binary frame (RFC 6455 §5.2), with a mask of zeros. @param {Buffer} bytes */
  send(bytes) {
    const head = Buffer.alloc(14);
    head[0] = 0x82;
    head[1] = 0xff;
    head.writeBigUInt64BE(BigInt(bytes.length), 2);
    this.socket?.write(Buffer.concat([head, bytes]));
  }

  /** Ends as the real client does: late bytes, then the close, while the connection is dropped. */
  async end() {
    await this.ask('POST', '/late_bytes', {}, { late_bytes: late.toString('hex') });
    const closing = this.ask('GET', '/close_session');
    this.socket?.destroySoon();
    await closing;
  }

  /** @param {string} target @param {string} reason */
  report(target, reason) {
    return this.ask('POST', '/report', {}, { session_id: this.session, target_steam_id: target, reason });
  }
}
