/**
 * Looks at pages at both widths, in both themes and languages: accessible by
 * axe's rules, nothing wider than the screen, nothing from another host.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { scenes } from './scene.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Each language begins at a desk and goes on on a phone, in the other theme.
 * @type {[import('./browser.js').Look, 'light' | 'dark'][]}
 */
const ways = [
  [{ size: 'desktop', theme: 'light', language: 'en' }, 'dark'],
  [{ size: 'desktop', theme: 'dark', language: 'ru' }, 'light'],
];

/**
 * @typedef {object} View
 * @property {string} address
 * @property {string} shows A selector of what is there once the page is complete.
 * @property {string[] | null} [roles] null = a guest.
 * @property {(fake: import('../fake/daemon.js').FakeDaemon) => void} [arrange]
 * @property {(page: import('playwright-core').Page) => Promise<void>} [act]
 */

/** Makes the tests of all views. @param {Record<string, View>} views By title. */
export function looks(views) {
  const scene = scenes();
  for (const [title, view] of Object.entries(views)) {
    for (const [look, otherTheme] of ways) {
      test(`${title}: ${look.language}`, () =>
        scene({ ...look, roles: view.roles }, async ({ page, fake, expected }) => {
          view.arrange?.(fake);
          expected.push(/status of (401|404|500)/); // the views of failures ask for them
          await page.goto(view.address);
          await page.locator(view.shows).first().waitFor();
          await view.act?.(page);
          await check(page);
          await page.setViewportSize({ width: 390, height: 844 });
          await page.emulateMedia({ colorScheme: otherTheme });
          await check(page);
        }));
    }
  }
}

/** Opens what is folded. @param {import('playwright-core').Page} page */
export async function openAll(page) {
  for (const summary of await page.locator('.more:visible > summary').all()) await summary.click();
}

/** @param {import('playwright-core').Page} page */
async function check(page) {
  await page.locator('.skeleton').waitFor({ state: 'detached' });
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  assert.equal(await overflow(page), 0, 'nothing is wider than the screen');
  assert.deepEqual(await violations(page), []);
  assert.equal(await page.locator('h1').count(), 1, 'one h1');
}

/** @param {import('playwright-core').Page} page */
function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** @param {import('playwright-core').Page} page */
async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    // @ts-expect-error axe comes from the script just evaluated
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map((/** @type {any} */ found) => ({
      rule: found.id,
      nodes: found.nodes.map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`),
    }));
  });
}
