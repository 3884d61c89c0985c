/** Open invitations of a clan, and inviting somebody. */

import { invite, retract } from '../../api/clans.js';
import { findPlayers } from '../../api/find.js';
import { may } from '../../api/session.js';
import { h, keyed } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { card } from '../../elements/blocks.js';
import { failureText } from '../../elements/failure.js';
import { lookup } from '../../elements/lookup.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { playerLink } from '../clans/words.js';

/** @typedef {import('../../api/clans.js').Invited} Invited */

/**
 * For members and moderators; nobody else is told who is invited.
 * @param {string} clan
 * @param {() => void} changed
 */
export function invitesCard(clan, changed) {
  const list = h('ul', { class: 'clan-lines' });
  const none = h('p', { class: 'soft' }, t('clan.no_invites'));
  const form = inviteForm(clan, changed);
  const element = card(t('clan.invites'), {}, none, list, form);

  /** @param {Invited & { may: boolean }} one */
  function row(one) {
    return h(
      'li',
      { class: 'clan-line' },
      playerLink(one.account, one.name, 'row-title'),
      h('span', { class: 'soft small' }, ago(one.invited_at)),
      one.may &&
        actionButton({
          label: t('clan.retract'),
          icon: 'cross',
          tone: 'small',
          focus: `retract-${one.account}`,
          run: async () => {
            await retract(clan, one.account);
            toast(t('clan.retracted'));
            changed();
          },
        }),
    );
  }

  /** @param {import('../../api/clans.js').ClanDetail} detail */
  function update({ you, invites = [], disbanded_at }) {
    const leads = may('meta:write') && (you.rank === 'owner' || you.rank === 'admin');
    element.hidden = Boolean(disbanded_at) || (you.state !== 'member' && !you.moderate);
    none.hidden = invites.length > 0;
    form.hidden = !leads;
    keyed(
      list,
      invites.map((one) => ({ ...one, may: leads })),
      (one) => one.account,
      row,
    );
  }
  return { element, update };
}

/**
 * @param {string} clan
 * @param {() => void} changed
 */
function inviteForm(clan, changed) {
  const player = lookup({ label: t('clan.player_name'), find: findPlayers });
  const button = h('button', { class: 'button primary' }, icon('plus'), t('clan.invite'));
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    player.element,
    h('p', { class: 'actions' }, button),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wanted = player.input.value.trim();
    if (!wanted) {
      player.say(t('clan.player_missing'));
      player.input.focus();
      return;
    }
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      const { name } = await invite(clan, wanted);
      player.input.value = '';
      player.say('');
      toast(t('clan.invited_done', { name: name ?? wanted }));
      changed();
    } catch (error) {
      player.say(failureText(error));
      player.input.focus();
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return form;
}
