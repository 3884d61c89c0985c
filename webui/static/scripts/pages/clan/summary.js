/** What a clan is, and the invitation that waits for an answer. */

import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { onDate } from '../../elements/time.js';
import { number } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';
import { answerButtons } from '../clans/own.js';
import { clanIcon, clanTag, rankBadge } from '../clans/words.js';

/** @typedef {import('../../api/clans.js').ClanDetail} ClanDetail */

/**
 * @param {ClanDetail} clan
 * @param {() => void} changed
 */
export function summary(clan, changed) {
  const { you } = clan;
  return h(
    'section',
    { class: 'card summary clan-facts', 'aria-label': t('clan.facts') },
    h('div', { class: 'clan-head' }, clanIcon(clan.icon_url, 64), clanTag(clan.tag)),
    h(
      'dl',
      { class: 'tiles' },
      tile(t('clans.tag'), [
        name(clan.visible_tag),
        clan.tag !== clan.visible_tag && h('code', { class: 'soft small block', translate: 'no' }, clan.tag),
      ]),
      tile(t('clans.members'), number(clan.members)),
      tile(t('clans.created'), onDate(clan.created_at)),
      you.state === 'member' && you.rank && tile(t('clan.your_rank'), rankBadge(you.rank)),
      clan.disbanded_at && tile(t('clan.disbanded'), onDate(clan.disbanded_at)),
    ),
    clan.disbanded_at && gone(clan.disband_reason),
    you.state === 'invited' && invitation(clan, changed),
  );
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/** @param {string | undefined} why */
function gone(why) {
  return h(
    'div',
    { class: 'notice warn' },
    icon('info'),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, t('clan.is_disbanded')),
      why && h('p', null, t('clan.because'), ' ', name(why)),
    ),
  );
}

/**
 * @param {ClanDetail} clan
 * @param {() => void} changed
 */
function invitation(clan, changed) {
  return h(
    'div',
    { class: 'notice note' },
    icon('person'),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, t('clan.you_are_invited')),
      may('meta:write') ? answerButtons(clan.id, clan.name, changed) : h('p', null, t('clans.unverified')),
    ),
  );
}

/** @param {import('../../api/clans.js').Skin[]} skins */
export function clanSkins(skins) {
  return card(
    t('clan.skins'),
    {},
    h(
      'ul',
      { class: 'clan-lines' },
      skins.map((skin) =>
        h(
          'li',
          { class: 'clan-line' },
          h('span', null, name(skin.unit), ' · ', name(skin.kind)),
          skin.description && h('span', { class: 'soft small' }, name(skin.description)),
        ),
      ),
    ),
  );
}
