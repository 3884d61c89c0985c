/** `<qm-time>`: a moment in relative words that keep themselves true. */

import { h } from '../dom.js';
import { dateOnly, dateTime, fullDateTime, moment, relative } from '../format.js';
import { t } from '../texts.js';

const everyMs = 30_000;

class RelativeTime extends HTMLElement {
  /** @type {Date} */
  moment = new Date(0);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  timer;

  connectedCallback() {
    this.refresh();
    this.timer = setInterval(() => this.refresh(), everyMs);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  refresh() {
    const text = relative(this.moment);
    const time = this.querySelector('time');
    if (time) {
      if (time.textContent !== text) time.textContent = text;
      return;
    }
    this.append(h('time', { datetime: this.moment.toISOString(), title: fullDateTime(this.moment) }, text));
  }
}

customElements.define('qm-time', RelativeTime);

/**
 * "3 hours ago" with the full moment and its zone as the tooltip.
 * @param {string | null | undefined} text A moment of the API.
 * @returns {Node}
 */
export function ago(text) {
  const when = moment(text);
  if (!when) return h('span', { class: 'faint' }, t('time.never'));
  const element = /** @type {RelativeTime} */ (document.createElement('qm-time'));
  element.moment = when;
  return element;
}

/**
 * The date in the browser's zone, the full moment as the tooltip.
 * @param {string | null | undefined} text A moment of the API.
 * @param {boolean} [withTime]
 */
export function onDate(text, withTime = false) {
  const when = moment(text);
  if (!when) return h('span', { class: 'faint' }, t('time.unknown'));
  return h(
    'time',
    { class: 'nowrap', datetime: when.toISOString(), title: fullDateTime(when) },
    withTime ? dateTime(when) : dateOnly(when),
  );
}
