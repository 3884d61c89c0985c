/** The members of a clan, and what the caller may do with each. */

import { kick, setRank } from '../../api/clans.js';
import { current, may } from '../../api/session.js';
import { h, keyed, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { table } from '../../elements/table.js';
import { onDate } from '../../elements/time.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { playerLink, rankBadge } from '../clans/words.js';

/** @typedef {import('../../api/clans.js').Rank} Rank */
/** @typedef {import('../../api/clans.js').Member} Member */
/** @typedef {import('../../api/clans.js').ClanDetail} ClanDetail */

/** @type {Record<Rank, number>} */
const levels = { member: 1, admin: 2, owner: 3 };
const ranks = /** @type {Rank[]} */ (Object.keys(levels));

/**
 * The ranks that somebody may give a member: of those below him, up to his own.
 * @param {Rank | undefined} own
 * @param {Rank} theirs
 */
export function ranksToGive(own, theirs) {
  if (!own || levels[own] <= levels[theirs]) return [];
  return ranks.filter((rank) => rank !== theirs && levels[rank] <= levels[own]);
}

/**
 * @param {string} clan
 * @param {() => void} changed
 */
export function rosterCard(clan, changed) {
  const list = table(
    t('clans.members'),
    [
      { label: t('clan.player') },
      { label: t('clan.rank') },
      { label: t('clan.joined') },
      { label: t('clan.actions'), hidden: true },
    ],
    'roster',
  );
  const none = h('p', { class: 'soft card-text' }, t('clan.no_members'));

  /** @param {Member & { own: Rank | undefined }} member */
  function row(member) {
    const mine = member.account === current().account?.id;
    return list.row(
      h(
        'span',
        null,
        playerLink(member.account, member.name, 'row-title'),
        mine && [' ', badge(t('clan.you'))],
      ),
      rankBadge(member.rank),
      onDate(member.joined_at),
      h('span', { class: 'row-actions wrap' }, mine ? null : actions(clan, member, changed)),
    );
  }

  /** @param {ClanDetail} detail */
  function update(detail) {
    const own = may('meta:write') ? detail.you.rank : undefined;
    none.hidden = detail.roster.length > 0;
    list.element.hidden = detail.roster.length === 0;
    keyed(
      list.body,
      detail.roster.map((member) => ({ ...member, own })),
      (member) => member.account,
      row,
    );
  }
  return { element: card(t('clans.members'), { className: 'flush' }, none, list.element), update };
}

/**
 * @param {string} clan
 * @param {Member & { own: Rank | undefined }} member
 * @param {() => void} changed
 */
function actions(clan, member, changed) {
  const { account, rank, own } = member;
  const called = member.name ?? `#${account}`;
  return [
    ...(member.name ? ranksToGive(own, rank) : []).map((to) =>
      actionButton({
        label: t(`clan_make.${to}`),
        icon: levels[to] > levels[rank] ? 'up' : 'down',
        tone: 'small',
        focus: `${to}-${account}`,
        run: async () => {
          if (to === 'owner' && !(await sureOfOwner(called))) return;
          await setRank(clan, account, to);
          toast(t('clan.rank_changed', { name: called, rank: t(`clan_rank.${to}`) }));
          changed();
        },
      }),
    ),
    own && own !== 'member' && rank === 'member'
      ? actionButton({
          label: t('clan.kick'),
          icon: 'cross',
          tone: 'small',
          focus: `kick-${account}`,
          run: async () => {
            const sure = await confirm({
              title: t('clan.kick_title', { name: called }),
              body: h('p', null, t('clan.kick_text')),
              action: t('clan.kick'),
            });
            if (!sure) return;
            await kick(clan, account);
            toast(t('clan.kicked', { name: called }));
            changed();
          },
        })
      : null,
  ];
}

/** Owners cannot take it back from each other. @param {string} called */
function sureOfOwner(called) {
  return confirm({
    title: t('clan.owner_title', { name: called }),
    body: h('p', null, name(called), ' ', t('clan.owner_text')),
    action: t('clan_make.owner'),
  });
}
