/**
 * The stream of events from the daemon. One connection per page. The browser
 * reconnects by itself; when it gives up, we do. After every gap listeners of
 * "resync" fetch anew what they show: the daemon sends missed events only to
 * those who had heard one before.
 */

/** @typedef {'connecting' | 'live' | 'offline'} LiveState */

const topics = ['mods.job', 'mods.changed', 'mods.servers', 'demos.live', 'serverlist.totals'];
const firstPauseMs = 2_000;
const longestPauseMs = 30_000;
/** Streams end now and then by design; only a gap longer than this is worth a word. */
const graceMs = 4_000;

/** Jobs whose state is remembered; beyond that a listener is told once too often. */
const mostKnown = 500;

const bus = new EventTarget();

/** @type {EventSource | null} */
let source = null;
/** @type {LiveState} */
let state = 'connecting';
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retryTimer;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let graceTimer;
let pauseMs = firstPauseMs;
let everLive = false;

/** The connection's state now. */
export function liveState() {
  return state;
}

/** Opens the stream, or opens it anew because the caller changed. */
export function connectLive() {
  clearTimeout(retryTimer);
  source?.close();
  const stream = new EventSource('/api/v1/events');
  source = stream;
  stream.addEventListener('open', () => {
    clearTimeout(graceTimer);
    graceTimer = undefined;
    pauseMs = firstPauseMs;
    enter('live');
    if (everLive) tell('resync', null);
    everLive = true;
  });
  stream.addEventListener('reset', () => tell('resync', null));
  stream.addEventListener('error', () => lost(stream));
  for (const topic of topics) {
    stream.addEventListener(topic, (event) => {
      const detail = parse(/** @type {MessageEvent<string>} */ (event).data);
      if (detail !== undefined) tell(topic, detail);
    });
  }
}

/** @param {EventSource} stream */
function lost(stream) {
  if (source !== stream) return;
  graceTimer ??= setTimeout(() => enter('offline'), graceMs);
  if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again
  retryTimer = setTimeout(connectLive, pauseMs);
  pauseMs = Math.min(pauseMs * 2, longestPauseMs);
}

/** Tries at once, when the browser says that the network is back. */
export function watchNetwork() {
  window.addEventListener('online', connectLive);
}

/**
 * @param {'mods.job' | 'mods.changed' | 'mods.servers' | 'demos.live' | 'serverlist.totals' | 'resync' | 'state'} topic
 * @param {(detail: any) => void} listener
 * @returns {() => void} Stops listening.
 */
export function onLive(topic, listener) {
  /** @param {Event} event */
  const receive = (event) => listener(/** @type {CustomEvent} */ (event).detail);
  bus.addEventListener(topic, receive);
  return () => bus.removeEventListener(topic, receive);
}

/**
 * Tells of jobs that began, moved on or ended, not of every step of a progress.
 * @param {() => void} listener
 * @returns {() => void} Stops listening.
 */
export function onJobState(listener) {
  /** @type {Map<string, string>} */
  const known = new Map();
  return onLive('mods.job', (job) => {
    if (known.get(job.id) === job.state) return;
    if (known.size >= mostKnown) known.clear();
    known.set(job.id, job.state);
    listener();
  });
}

/** @param {LiveState} next */
function enter(next) {
  if (state === next) return;
  state = next;
  tell('state', next);
}

/**
 * @param {string} topic
 * @param {any} detail
 */
function tell(topic, detail) {
  bus.dispatchEvent(new CustomEvent(topic, { detail }));
}

/** @param {string} data */
function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return undefined; // one event lost; the next one or a resync repairs it
  }
}
