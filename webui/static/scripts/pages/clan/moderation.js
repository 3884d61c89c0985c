/** What moderators do with any clan. Each of it needs a reason, which goes into the log. */

import { disbandClan, editClan, resetIcon, transfer } from '../../api/clans.js';
import { h } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ask } from '../../elements/ask.js';
import { card } from '../../elements/blocks.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/clans.js').ClanDetail} ClanDetail */
/** @typedef {(clan: ClanDetail, done: (said: string) => void) => Promise<boolean>} Act Asks, does it and tells what was done. */

/** @param {() => void} changed */
export function moderationCard(changed) {
  /** @type {ClanDetail} */
  let clan;
  /** @param {string} said */
  const done = (said) => {
    toast(said);
    changed();
  };
  /**
   * @param {string} label
   * @param {import('../../icons.js').IconName} icon
   * @param {Act} act
   * @param {string} [tone]
   */
  const button = (label, icon, act, tone) =>
    actionButton({
      label,
      icon,
      tone,
      run: async () => {
        await act(clan, done);
      },
    });
  const over = button(t('clan.transfer'), 'next', handOver);
  const element = card(
    t('clan.moderation'),
    {},
    h('p', { class: 'soft' }, t('clan.moderation_text')),
    h(
      'p',
      { class: 'actions' },
      button(t('clan.rename'), 'sliders', rename),
      button(t('clan.icon_reset'), 'cross', takeIcon),
      over,
      button(t('clan.disband'), 'trash', disband, 'danger'),
    ),
  );

  /** @param {ClanDetail} detail */
  function update(detail) {
    clan = detail;
    over.hidden = heirs(detail).length === 0;
    element.hidden = !detail.you.moderate || detail.you.rank === 'owner' || Boolean(detail.disbanded_at);
  }
  return { element, update };
}

const reasonField = () => ({
  key: 'reason',
  label: t('clan.reason'),
  required: true,
  most: 300,
  long: true,
});

/** @param {ClanDetail} clan */
function heirs(clan) {
  return clan.roster
    .filter((one) => one.rank !== 'owner' && one.name)
    .map((one) => ({ value: one.account, label: one.name ?? '' }));
}

/** @type {Act} */
function rename(clan, done) {
  return ask({
    title: t('clan.rename'),
    fields: [
      { key: 'tag', label: t('clans.tag'), value: clan.tag, required: true, most: 100 },
      { key: 'name', label: t('clan.name'), value: clan.name, required: true, most: 100 },
      reasonField(),
    ],
    action: t('clan.save'),
    run: async ({ tag, name, reason }) => {
      await editClan(clan.id, { tag, name, reason });
      done(t('clan.saved'));
    },
  });
}

/** @type {Act} */
function takeIcon(clan, done) {
  return ask({
    title: t('clan.icon_reset'),
    fields: [reasonField()],
    action: t('clan.icon_reset'),
    run: async ({ reason }) => {
      await resetIcon(clan.id, reason);
      done(t('clan.icon_reset_done'));
    },
  });
}

/** @type {Act} */
function handOver(clan, done) {
  const options = heirs(clan);
  return ask({
    title: t('clan.transfer'),
    body: h('p', null, t('clan.transfer_moderated')),
    fields: [{ key: 'account', label: t('clan.new_owner'), options }, reasonField()],
    action: t('clan.transfer'),
    run: async ({ account, reason }) => {
      await transfer(clan.id, account, reason);
      done(t('clan.transferred', { name: options.find((one) => one.value === account)?.label ?? '' }));
    },
  });
}

/** @type {Act} */
function disband(clan, done) {
  return ask({
    title: t('clan.disband_title', { name: clan.name }),
    body: h('p', null, t('clan.disband_moderated')),
    fields: [reasonField()],
    action: t('clan.disband'),
    danger: true,
    run: async ({ reason }) => {
      await disbandClan(clan.id, reason);
      done(t('clan.disband_done', { name: clan.name }));
    },
  });
}
