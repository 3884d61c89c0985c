/** The real daemon on a data directory of its own. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const startMs = 20_000;

export class Daemon {
  /** E2E_FOLDER is for pictures, where a random name looks odd. */
  folder = process.env.E2E_FOLDER ?? mkdtempSync(join(tmpdir(), 'quartermaster-e2e-'));
  roots = join(this.folder, 'Workshop');
  /** The folder of a Source game. */
  game = join(this.folder, 'tf');
  binary = process.env.E2E_BINARY ?? '';
  url = '';
  log = '';
  /** @type {import('node:child_process').ChildProcess | null} */
  process = null;

  /**
   * @param {string} steam Address of the Steam Web API.
   * @param {...string} more Lines of config.toml.
   */
  async prepare(steam, ...more) {
    mkdirSync(this.roots, { recursive: true });
    mkdirSync(join(this.game, 'maps'), { recursive: true });
    writeFileSync(join(this.game, 'maps', 'surf_x.bsp'), 'VBSP'.repeat(5_000));
    writeFileSync(join(this.game, 'maps', 'empty.bsp'), '');
    if (!this.binary) {
      this.binary = join(this.folder, 'quartermaster');
      execFileSync('go', ['build', '-o', this.binary, '.'], { cwd: repository, stdio: 'inherit' });
    }
    this.url = `http://127.0.0.1:${process.env.E2E_PORT ?? (await freePort())}`;
    writeFileSync(
      join(this.folder, 'config.toml'),
      [
        '[http]',
        `listen = ["${new URL(this.url).host}"]`,
        '[data]',
        `dir = '${join(this.folder, 'data')}'`,
        '[steam]',
        `api_url = "${steam}"`,
        '[workshop]',
        `roots = ['${this.roots}']`,
        '[workshop.retention]',
        'min_free = "1MiB"',
        '[[workshop.fastdl]]',
        'name = "tf2"',
        `roots = ['${this.game}']`,
        ...more,
        '',
      ].join('\n'),
    );
  }

  /**
   * Starts the daemon and waits until it says what is looked for.
   * @param {RegExp} wanted
   */
  async start(wanted) {
    this.log = '';
    const child = spawn(this.binary, ['run', '--config', join(this.folder, 'config.toml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('QUARTERMASTER_')),
      ),
    });
    this.process = child;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the daemon did not start:\n${this.log}`)), startMs);
      /** @param {Buffer} chunk */
      const read = (chunk) => {
        this.log += chunk;
        const found = wanted.exec(this.log);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[0]);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('exit', (code) => reject(new Error(`the daemon ended with ${code}:\n${this.log}`)));
    });
  }

  /**
   * Runs a command beside the daemon and returns what it prints.
   * @param {string[]} words
   */
  command(...words) {
    return execFileSync(this.binary, [...words, '--config', join(this.folder, 'config.toml')], {
      encoding: 'utf8',
    }).trim();
  }

  async stop() {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
