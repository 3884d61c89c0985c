/** One browser and one fake daemon per test file, a clean page per test. */

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { FakeDaemon } from '../fake/daemon.js';
import { launch, openPage, signedIn } from './browser.js';

export function scenes() {
  /** @type {import('playwright-core').Browser} */
  let browser;

  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
  });

  /**
   * Runs a test against a fresh daemon and page, and fails it when the browser
   * complained of anything that was not expected.
   * @param {import('./browser.js').Look & { roles?: string[] | null }} look roles: null = a guest.
   * @param {(scene: { page: import('playwright-core').Page, fake: FakeDaemon,
   *   context: import('playwright-core').BrowserContext, expected: RegExp[] }) => Promise<void>} play
   */
  async function scene(look, play) {
    const fake = await new FakeDaemon().start();
    const { page, context, expected, complaints } = await openPage(browser, fake.url, look);
    if (look.roles !== null) await signedIn(context, fake, look.roles ?? ['admin']);
    try {
      await play({ page, fake, context, expected });
      assert.deepEqual(complaints(), [], 'the browser has nothing to complain of');
    } finally {
      await context.close();
      await fake.stop();
    }
  }
  return scene;
}
