/** The clans that one belongs to, and the invitations that wait for an answer. */

import { answerInvite, myClans, myInvites } from '../../api/clans.js';
import { fill, h, keyed, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { card } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { may } from '../../api/session.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { clanIcon, clanTag, rankBadge } from './words.js';

/** @typedef {import('../../api/clans.js').Belonging} Belonging */

/** Nothing stands there for who is in no clan and not invited. @param {() => void} changed */
export function ownClans(changed) {
  const invites = h('ul', { class: 'clan-lines' });
  const clans = h('ul', { class: 'clan-lines' });
  const asked = card(t('clans.invites'), {}, invites);
  const own = card(t('clans.own'), {}, clans);
  const all = region({
    load: async (signal) => Promise.all([myInvites(signal), myClans(signal)]),
    className: 'stack',
    render([invited, member], root) {
      keyed(invites, invited.clans, (one) => one.clan, invitation);
      keyed(clans, member.clans, (one) => one.clan, membership);
      asked.hidden = invited.total === 0;
      own.hidden = member.total === 0;
      root.hidden = asked.hidden && own.hidden;
      if (!root.contains(own)) fill(root, asked, own);
    },
  });
  const refresh = () => {
    all.reload();
    changed();
  };
  all.reload();

  /** @param {Belonging} one */
  function invitation(one) {
    return h(
      'li',
      { class: 'clan-line' },
      title(one),
      h('span', { class: 'soft small' }, t('clan.invited'), ' ', ago(one.invited_at)),
      may('meta:write') && answerButtons(one.clan, one.name, refresh),
    );
  }
  return { element: all.element, refresh: all.reload, close: all.close };
}

/** @param {Belonging} one */
function membership(one) {
  return h('li', { class: 'clan-line' }, title(one), rankBadge(one.rank));
}

/** @param {Belonging} one */
function title(one) {
  return h(
    'span',
    { class: 'clan-title' },
    clanIcon(one.icon_url),
    clanTag(one.tag),
    h(
      'a',
      { class: 'row-title', href: `/app/clans/${one.clan}`, 'data-focus': `own-${one.clan}` },
      name(one.name),
    ),
  );
}

/**
 * @param {string} clan
 * @param {string} called
 * @param {() => void} changed
 */
export function answerButtons(clan, called, changed) {
  /** @param {boolean} accept */
  const answer = async (accept) => {
    await answerInvite(clan, accept);
    toast(accept ? t('clan.accepted', { name: called }) : t('clan.declined'));
    changed();
  };
  return h(
    'span',
    { class: 'actions' },
    actionButton({
      label: t('clan.accept'),
      icon: 'check',
      tone: 'primary small',
      run: () => answer(true),
      focus: `accept-${clan}`,
    }),
    actionButton({
      label: t('clan.decline'),
      icon: 'cross',
      tone: 'small',
      run: () => answer(false),
      focus: `decline-${clan}`,
    }),
  );
}
