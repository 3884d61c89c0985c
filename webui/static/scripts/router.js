/**
 * Maps addresses below /app/ to pages. A page owns its part of the address:
 * when only the query changes, the open page is told, so that filters live in
 * the address without rebuilding what has the focus.
 */

/**
 * @typedef {object} Place
 * @property {string} path
 * @property {URLSearchParams} query
 * @property {string} fragment
 * @property {string[]} params What the pattern's groups matched.
 */

/**
 * @typedef {object} Page
 * @property {string} title
 * @property {HTMLElement} element Holds one h1.
 * @property {(place: Place) => void} [query] The query changed, nothing else.
 * @property {() => void} [close]
 */

/** @typedef {{ pattern: RegExp, open: (place: Place) => Page }} Route */

/** @type {Route[]} */
let routes = [];
/** @type {(page: Page, place: Place, first: boolean) => void} */
let show = () => {};
/** @type {Page | null} */
let page = null;
let shownPath = '';

/**
 * @param {Route[]} table The last route has to match everything.
 * @param {typeof show} display
 */
export function startRouter(table, display) {
  routes = table;
  show = display;
  window.addEventListener('popstate', () => follow());
  document.addEventListener('click', intercept);
  reopen(true);
}

/**
 * Goes to an address of the page.
 * @param {string} address
 * @param {{ replace?: boolean }} [options]
 */
export function navigate(address, options = {}) {
  if (options.replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  follow();
}

/** The address now, as a place without parameters. */
export function here() {
  return place([]);
}

/**
 * Builds the page of the current address anew, for example in another language.
 * @param {boolean} [first] The page has just been loaded: leave the focus alone.
 */
export function reopen(first = false) {
  shownPath = location.pathname;
  for (const route of routes) {
    const match = route.pattern.exec(location.pathname);
    if (!match) continue;
    const at = place(match.slice(1));
    page?.close?.();
    page = route.open(at);
    show(page, at, first);
    return;
  }
}

function follow() {
  if (location.pathname === shownPath && page) {
    page.query?.(here());
    return;
  }
  reopen();
}

/**
 * @param {string[]} params
 * @returns {Place}
 */
function place(params) {
  return {
    path: location.pathname,
    query: new URLSearchParams(location.search),
    fragment: location.hash.slice(1),
    params,
  };
}

/** @param {MouseEvent} event */
function intercept(event) {
  if (
    event.defaultPrevented ||
    event.button !== 0 ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  const internal = link.pathname === '/app' || link.pathname.startsWith('/app/');
  if (!internal || link.pathname.startsWith('/app/static/')) return;
  if (link.hash && link.pathname === location.pathname) return; // within the page: the skip link
  event.preventDefault();
  navigate(link.pathname + link.search);
}
