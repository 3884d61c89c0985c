/**
 * Generates a client from the document of a daemon that runs, compiles it and
 * lets it ask that daemon. BINARY names a daemon that is built already.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const here = fileURLToPath(new URL('.', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'quartermaster-client-'));
const startMs = 30_000;

/** @type {import('node:child_process').ChildProcess} */
let daemon;
let base = '';

before(async () => {
  let binary = process.env.BINARY ?? '';
  if (!binary) {
    binary = join(folder, 'quartermaster');
    execFileSync('go', ['build', '-o', binary, '.'], { cwd: join(here, '../../..'), stdio: 'inherit' });
  }
  const config = join(folder, 'config.toml');
  writeFileSync(
    config,
    [
      '[http]',
      'listen = ["127.0.0.1:0"]',
      '[data]',
      `dir = '${join(folder, 'data')}'`,
      '[workshop]',
      'enabled = false',
      '[demos]',
      'enabled = false',
      '[metaserver]',
      'auto_verify = true',
      '',
    ].join('\n'),
  );
  daemon = spawn(binary, ['run', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  base = await new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`the daemon did not start:\n${log}`)), startMs);
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      log += chunk;
      const found = /127\.0\.0\.1:[1-9]\d*/.exec(log);
      if (!found) return;
      clearTimeout(timer);
      resolve(`http://${found[0]}`);
    };
    daemon.stdout?.on('data', read);
    daemon.stderr?.on('data', read);
    daemon.on('exit', (code) => reject(new Error(`the daemon ended with ${code}:\n${log}`)));
  });
});

after(async () => {
  if (daemon && daemon.exitCode === null) {
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

test('a client that is generated from the document compiles and works', async () => {
  const tree = await openapiTS(new URL('/openapi.json', base));
  writeFileSync(join(here, 'schema.ts'), astToString(tree));
  execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '-p', here], { stdio: 'inherit' });
  const out = execFileSync(process.execPath, [join(here, 'out/client.js'), base], { encoding: 'utf8' });
  assert.equal(out, 'ok\n');
});
