/** How much passes now, and what may. */

import { h } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card, meter } from '../../elements/blocks.js';
import { percent, speed } from '../../format.js';
import { t } from '../../texts.js';

/** From this share of a limit on the bar changes its colour. */
const busy = 0.9;

/** @param {import('../../api/model.js').Rates} rates */
export function traffic(rates) {
  return card(
    t('traffic.title'),
    { className: 'traffic', beside: rates.scheduled ? badge(t('traffic.scheduled'), 'note') : null },
    flow(t('traffic.sending'), rates.sending, rates.download_rate),
    flow(t('traffic.receiving'), rates.receiving, rates.upload_rate),
    h(
      'p',
      { class: 'soft small' },
      t('traffic.clients', { count: rates.clients }),
      ' · ',
      rates.download_rate_per_client
        ? t('traffic.each', { rate: speed(rates.download_rate_per_client) })
        : t('traffic.each_unlimited'),
    ),
  );
}

/**
 * @param {string} label
 * @param {number} now
 * @param {number} limit 0 = none.
 */
function flow(label, now, limit) {
  const share = limit ? now / limit : 0;
  return h(
    'div',
    { class: 'flow' },
    h(
      'p',
      { class: 'flow-words' },
      h('span', null, label),
      h('span', null, h('strong', null, speed(now)), ' ', limitWords(limit)),
    ),
    limit > 0 &&
      meter(share, t('traffic.share', { what: label }), {
        tone: share >= busy ? 'warn' : '',
        text: percent(share),
      }),
  );
}

/** @param {number} limit */
function limitWords(limit) {
  const words = limit ? t('traffic.of', { limit: speed(limit) }) : t('traffic.unlimited');
  return h('span', { class: 'soft' }, words);
}
