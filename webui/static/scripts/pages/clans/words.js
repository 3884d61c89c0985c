/** How clans are shown: icon, tag, ranks. */

import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { coloured } from '../../elements/coloured.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/clans.js').Rank} Rank */

/** What the daemon takes as an icon. */
export const mostIconBytes = 64 * 1024;

/** @type {Record<Rank, string>} */
const tones = { owner: 'brand', admin: 'good', member: 'plain' };

/** @param {Rank} rank */
export function rankBadge(rank) {
  return badge(t(`clan_rank.${rank}`), tones[rank]);
}

/** Decoration: the name stands beside it. @param {string} url @param {number} [size] */
export function clanIcon(url, size = 32) {
  return h('img', {
    class: 'clan-icon',
    src: url,
    alt: '',
    width: size,
    height: size,
    loading: 'lazy',
    decoding: 'async',
  });
}

/** @param {string} tag With its colour codes. */
export function clanTag(tag) {
  return coloured(tag, 'clan-tag');
}

/**
 * An account by its number and name.
 * @param {string} id
 * @param {string | undefined} called Empty when the account is deleted.
 * @param {string} [className]
 */
export function playerLink(id, called, className = '') {
  if (!called) return h('span', { class: 'soft' }, t('player.deleted'));
  return h('a', { class: className, href: `/app/players/${id}` }, name(called));
}
