/** Chromium for the tests, and a watch over everything that must never happen. */

import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  return chromium.launch({ executablePath, args: flags });
}

/**
 * @typedef {object} Look
 * @property {'desktop' | 'phone'} [size]
 * @property {'light' | 'dark'} [theme]
 * @property {'en' | 'ru'} [language]
 */

/**
 * A page of its own, signed in to nothing. `complaints` collects console
 * errors, violations of the content security policy, uncaught errors and
 * requests to any other host.
 * @param {import('playwright-core').Browser} browser
 * @param {string} base
 * @param {Look} [look]
 */
export async function openPage(browser, base, look = {}) {
  const context = await browser.newContext({
    baseURL: base,
    viewport: look.size === 'phone' ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    colorScheme: look.theme ?? 'light',
    locale: look.language === 'ru' ? 'ru-RU' : 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  /** @type {string[]} */
  const complaints = [];
  /** Failures that a test provokes on purpose, as parts of console messages. @type {RegExp[]} */
  const expected = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(base)) complaints.push(`request to another host: ${request.url()}`);
  });
  return {
    page,
    context,
    expected,
    complaints: () => complaints.filter((text) => !expected.some((pattern) => pattern.test(text))),
  };
}

/**
 * Signs in without the form.
 * @param {import('playwright-core').BrowserContext} context
 * @param {import('../fake/daemon.js').FakeDaemon} fake
 * @param {string[]} [roles]
 */
export async function signedIn(context, fake, roles = ['admin']) {
  fake.serial += 1;
  const token = `fake-session-${fake.serial}`;
  fake.sessions.set(token, { name: 'Ada', roles, csrf: `csrf-${fake.serial}` });
  await context.addCookies([
    { name: 'qm_session', value: token, url: fake.url, httpOnly: true, sameSite: 'Lax' },
  ]);
}
