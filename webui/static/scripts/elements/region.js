/**
 * A part of a page that is fetched: skeleton, then content, or an error with a
 * way to try again. A refresh keeps what is shown until the answer is there.
 */

import { aborted } from '../api/client.js';
import { fill, h } from '../dom.js';
import { failureView } from './failure.js';

/**
 * @template Data
 * @param {object} parts
 * @param {(signal: AbortSignal) => Promise<Data>} parts.load
 * @param {(data: Data, root: HTMLElement) => void} parts.render Called for every answer.
 * @param {() => Node} [parts.skeleton]
 * @param {(error: unknown) => Node | null} [parts.refuse] Shows a failure another way; null = the usual one.
 * @param {string} [parts.className]
 */
export function region(parts) {
  const root = h('div', { class: parts.className, 'aria-busy': 'true' });
  if (parts.skeleton) fill(root, parts.skeleton());
  let controller = new AbortController();
  let shown = false;

  async function reload() {
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    root.setAttribute('aria-busy', 'true');
    try {
      const data = await parts.load(signal);
      if (signal.aborted) return;
      if (!shown) root.replaceChildren();
      shown = true;
      parts.render(data, root);
    } catch (error) {
      if (aborted(error) || signal.aborted) return;
      shown = false;
      fill(root, parts.refuse?.(error) ?? failureView(error, reload));
    } finally {
      if (!signal.aborted) root.removeAttribute('aria-busy');
    }
  }

  return {
    element: root,
    reload,
    close: () => controller.abort(),
  };
}

/**
 * Runs an action at most once per pause, the last call always counting.
 * @param {() => void} action
 * @param {number} pauseMs
 */
export function calm(action, pauseMs) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const run = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      action();
    }, pauseMs);
  };
  run.cancel = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  return run;
}
