/** What is being fetched now, and what failed. */

import { cancelJob, getQueue, retryJob } from '../../api/mods.js';
import { aborted, ApiError } from '../../api/client.js';
import { may } from '../../api/session.js';
import { h } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { failureText } from '../../elements/failure.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { jobRow } from './job.js';

/** @typedef {import('../../api/model.js').Job} Job */

/** A finished job stays this long, so that one sees that it worked. */
const lingerMs = 4_000;
const finished = new Set(['ready', 'removed']);

export function queue() {
  /** @type {Map<string, ReturnType<typeof jobRow>>} */
  const rows = new Map();
  const list = h('ul', { class: 'jobs' });
  const count = badge('', 'busy');
  const element = card(t('queue.title'), { className: 'queue', beside: count }, list);
  element.hidden = true;
  const controller = new AbortController();

  async function reload() {
    try {
      const { jobs } = await getQueue(controller.signal);
      const present = new Set((jobs ?? []).map((job) => job.id));
      for (const id of rows.keys()) if (!present.has(id)) drop(id);
      for (const job of jobs ?? []) put(job);
      tidy();
    } catch (error) {
      // Without the queue the page still works; when the daemon is away the list says so.
      if (!aborted(error) && !(error instanceof ApiError)) throw error;
    }
  }

  /** @param {Job} job */
  function put(job) {
    let row = rows.get(job.id);
    if (!row) {
      row = jobRow(job, may('mods:write') ? actions : null);
      rows.set(job.id, row);
      list.append(row.element);
    }
    row.update(job);
  }

  /** @param {string} id */
  function drop(id) {
    rows.get(id)?.element.remove();
    rows.delete(id);
  }

  function tidy() {
    element.hidden = rows.size === 0;
    count.textContent = t('queue.count', { count: rows.size });
  }

  const actions = queueActions(reload);

  const stop = onLive('mods.job', (/** @type {Job} */ job) => {
    if (!job.id) return;
    if (finished.has(job.state) && !rows.has(job.id)) return;
    put(job);
    tidy();
    if (!finished.has(job.state)) return;
    setTimeout(() => {
      drop(job.id);
      tidy();
    }, lingerMs);
  });

  reload();
  return {
    element,
    reload,
    close() {
      stop();
      controller.abort();
    },
  };
}

/**
 * @param {() => Promise<void>} reload
 * @returns {import('./job.js').Actions}
 */
function queueActions(reload) {
  /** @param {Promise<unknown>} action */
  async function act(action) {
    try {
      await action;
      await reload();
    } catch (error) {
      toast(failureText(error), 'error');
    }
  }
  return { retry: (id) => act(retryJob(id)), cancel: (id) => act(cancelJob(id)) };
}
