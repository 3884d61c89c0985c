/** One job of the queue; it is updated in place many times a second. */

import { fill, h, name } from '../../dom.js';
import { moving, stateBadge } from '../../elements/badge.js';
import { meter } from '../../elements/blocks.js';
import { ago } from '../../elements/time.js';
import { bytes, percent, sentence, speed } from '../../format.js';
import { icon } from '../../icons.js';
import { t, tOr } from '../../texts.js';
import { modTitle } from './title.js';

/** @typedef {import('../../api/model.js').Job} Job */
/** @typedef {{ retry: (id: string) => void, cancel: (id: string) => void }} Actions */

/**
 * @param {Job} first
 * @param {Actions | null} actions null: the caller may only look.
 */
export function jobRow(first, actions) {
  const id = first.id;
  const state = h('span', null);
  const bar = h('div', { class: 'job-bar' });
  const facts = h('p', { class: 'job-facts soft small' });
  const error = h('p', { class: 'job-error', hidden: true });
  const title = h('a', { class: 'job-title', href: `/app/mods/${first.item}` }, name(modTitle(first)));
  const retry = button('retry', t('queue.retry'), () => actions?.retry(id));
  const cancel = button('cross', t('queue.cancel'), () => actions?.cancel(id));
  const element = h(
    'li',
    { class: 'job' },
    h('div', { class: 'job-main' }, h('p', { class: 'job-head' }, title, state), bar, facts, error),
    actions && h('div', { class: 'job-actions' }, retry, cancel),
  );

  /** @param {Job} job */
  function update(job) {
    if (job.title) title.replaceChildren(name(job.title));
    const { state: word } = job;
    if (state.dataset.state !== word) {
      state.dataset.state = word;
      fill(state, stateBadge(word));
    }
    bar.hidden = !(moving(word) && word !== 'queued') && word !== 'ready';
    fill(bar, progress(job));
    fill(facts, joined(details(job)));
    error.hidden = !job.error;
    error.classList.toggle('soft', word === 'denied');
    fill(error, job.error && tOr(`reason.${job.error}`, sentence(job.error)));
    retry.hidden = word !== 'failed' && word !== 'denied';
    cancel.hidden = word === 'ready';
  }
  return { element, update };
}

/**
 * @param {import('../../icons.js').IconName} mark
 * @param {string} label
 * @param {() => void} action
 */
function button(mark, label, action) {
  return h(
    'button',
    { type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: action },
    icon(mark),
  );
}

/** @param {Job} job */
function progress(job) {
  if (job.state === 'ready') return meter(1, t('queue.progress'));
  if (!job.total)
    return meter(0, t('queue.progress'), {
      tone: 'unknown',
      text: t('queue.unknown_size'),
    });
  return meter(job.bytes / job.total, t('queue.progress'));
}

/** @param {Job} job */
function details(job) {
  /** @type {import('../../dom.js').Children[]} */
  const parts = [];
  if (job.total)
    parts.push(
      t('queue.bytes_of', {
        done: bytes(job.bytes),
        total: bytes(job.total),
        percent: percent(job.bytes / job.total),
      }),
    );
  else if (job.bytes) parts.push(bytes(job.bytes));
  if (job.speed && moving(job.state)) parts.push(speed(job.speed));
  if (job.source) parts.push(tOr(`source.${job.source}`, job.source));
  if (job.attempts > 0 && moving(job.state)) parts.push(t('queue.attempt', { n: job.attempts + 1 }));
  if (job.attempts > 1 && !moving(job.state)) parts.push(t('queue.attempts', { count: job.attempts }));
  if (job.retry_at && !moving(job.state)) parts.push([t('queue.next_try'), ' ', ago(job.retry_at)]);
  if (parts.length === 0) parts.push([t('queue.asked'), ' ', ago(job.created_at)]);
  return parts;
}

/** @param {import('../../dom.js').Children[]} parts */
function joined(parts) {
  return parts.flatMap((part, i) => (i === 0 ? [part] : [' · ', part])).flat();
}
