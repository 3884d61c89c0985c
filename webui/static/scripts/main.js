/** Starts the page: texts, who is calling, the frame, the router, the stream. */

import { ApiError } from './api/client.js';
import { current, loadSession, onSessionChange } from './api/session.js';
import { fill } from './dom.js';
import { failureView } from './elements/failure.js';
import { connectLive, onLive, watchNetwork } from './live.js';
import { routes } from './pages/routes.js';
import { reopen, startRouter } from './router.js';
import { buildShell } from './shell/shell.js';
import { listenToKeys } from './shell/shortcuts.js';
import { announcer, toastTray } from './shell/toasts.js';
import { loadTexts, onLanguageChange } from './texts.js';

/** @type {import('./shell/shell.js').Shell} */
let shell;

function frame() {
  shell?.dispose();
  shell = buildShell();
  document.body.replaceChildren(shell.element, toastTray(), announcer());
}

/** Builds everything that carries texts anew. */
function inOtherLanguage() {
  const inMenu = document.activeElement?.closest('.menu');
  frame();
  reopen(true);
  const chosen = shell.content.querySelector('.choice input:checked');
  /** @type {HTMLElement | null} */ (
    inMenu || !chosen ? shell.element.querySelector('.menu-button') : chosen
  )?.focus();
}

/**
 * @param {import('./router.js').Page} page
 * @param {import('./router.js').Place} _place
 * @param {boolean} first
 */
function show(page, _place, first) {
  document.title = `${page.title} · Quartermaster`;
  fill(shell.content, page.element);
  shell.follow();
  if (first) return;
  window.scrollTo(0, 0);
  const autofocus = /** @type {HTMLElement | null} */ (page.element.querySelector('[autofocus]'));
  (autofocus ?? page.element.querySelector('h1'))?.focus({ preventScroll: true });
}

async function start() {
  await loadTexts();
  frame();
  try {
    await loadSession();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill(
      shell.content,
      failureView(error, () => location.reload()),
    );
    return;
  }
  if (current().needs_setup && !/^\/app\/(setup|signin)$/.test(location.pathname))
    history.replaceState(null, '', '/app/setup');
  startRouter(routes, show);
  onLanguageChange(inOtherLanguage);
  listenToKeys(() => shell.focusSearch());
  onSessionChange(() => {
    connectLive();
    if (/^\/app\/(signin|setup|register)$/.test(location.pathname)) shell.follow();
    else reopen();
  });
  onLive('resync', () => loadSession().catch(() => {})); // the stream itself shows that we are cut off
  connectLive();
  watchNetwork();
  window.addEventListener('popstate', () => shell.follow());
}

start().catch(() => {
  // Without texts there is no sentence in the right language: say it in both.
  document.body.textContent =
    'Quartermaster does not answer. Reload the page. · Нет ответа от Quartermaster. Обновите страницу.';
});
