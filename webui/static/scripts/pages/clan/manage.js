/** What members do with their own clan: tag and name, icon, handing over, leaving, disbanding. */

import { ApiError } from '../../api/client.js';
import { disbandClan, editClan, leave, resetIcon, setIcon, transfer } from '../../api/clans.js';
import { current, may } from '../../api/session.js';
import { h, name, uniqueId } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { failureText } from '../../elements/failure.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { pictureField, textField } from '../clans/found.js';
import { clanTag } from '../clans/words.js';

/** @typedef {import('../../api/clans.js').ClanDetail} ClanDetail */

/**
 * @param {string} clan
 * @param {() => void} changed
 */
export function manageCard(clan, changed) {
  const texts = textsForm(clan, changed);
  const picture = pictureForm(clan, changed);
  const over = transferForm(clan, changed);
  const ends = h('p', { class: 'actions' });
  const element = card(
    t('clan.manage'),
    { className: 'clan-manage' },
    texts.element,
    picture,
    over.element,
    ends,
  );

  /** @param {ClanDetail} detail */
  function update(detail) {
    const { state, rank } = detail.you;
    element.hidden = state !== 'member' || Boolean(detail.disbanded_at) || !may('meta:write');
    texts.element.hidden = rank !== 'owner';
    texts.update(detail);
    picture.hidden = rank === 'member';
    over.update(detail);
    if (ends.dataset.rank === rank) return;
    ends.dataset.rank = rank;
    ends.replaceChildren(
      ...[leaveButton(detail, changed), rank === 'owner' ? disbandButton(detail, changed) : null].filter(
        (one) => one !== null,
      ),
    );
  }
  return { element, update };
}

/**
 * @param {string} clan
 * @param {() => void} changed
 */
function textsForm(clan, changed) {
  const tag = textField(t('clans.tag'), t('clan.tag_hint'), 100);
  const called = textField(t('clan.name'), '', 100);
  const seen = h('p', { class: 'tag-preview soft' });
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const button = h('button', { class: 'button' }, icon('check'), t('clan.save'));
  const element = h(
    'form',
    { class: 'form', novalidate: true, 'aria-label': t('clan.rename') },
    tag.element,
    seen,
    called.element,
    failed,
    h('p', { class: 'actions' }, button),
  );
  const preview = () => seen.replaceChildren(t('clan.tag_seen'), ' ', clanTag(tag.input.value));
  tag.input.addEventListener('input', preview);
  let known = '';

  /** @param {unknown} error */
  function refuse(error) {
    const wrong = error instanceof ApiError ? error.fields[0]?.name : '';
    const field = wrong === 'tag' ? tag : wrong === 'name' ? called : null;
    if (field) {
      field.say(failureText(error));
      field.input.focus();
    } else failed.textContent = failureText(error);
  }
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    failed.textContent = '';
    tag.say('');
    called.say('');
    try {
      await editClan(clan, { tag: tag.input.value, name: called.input.value });
      toast(t('clan.saved'));
      changed();
    } catch (error) {
      refuse(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });

  /** What somebody typed stays until the clan itself is changed. @param {ClanDetail} detail */
  function update(detail) {
    const now = `${detail.tag} ${detail.name}`;
    if (now === known) return;
    known = now;
    tag.input.value = detail.tag;
    called.input.value = detail.name;
    preview();
  }
  return { element, update };
}

/**
 * @param {string} clan
 * @param {() => void} changed
 */
function pictureForm(clan, changed) {
  const picture = pictureField();
  const button = h('button', { class: 'button' }, icon('up'), t('clan.icon_send'));
  const reset = actionButton({
    label: t('clan.icon_reset'),
    icon: 'trash',
    run: async () => {
      await resetIcon(clan);
      toast(t('clan.icon_reset_done'));
      changed();
    },
  });
  const form = h(
    'form',
    { class: 'form', novalidate: true, 'aria-label': t('clan.icon') },
    picture.element,
    h('p', { class: 'actions' }, button, reset),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const file = picture.input.files?.[0];
    if (!file) {
      picture.say(t('clan.icon_missing'));
      picture.input.focus();
      return;
    }
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await setIcon(clan, file);
      picture.input.value = '';
      picture.say('');
      toast(t('clan.icon_saved'));
      changed();
    } catch (error) {
      const tooLong = error instanceof ApiError && error.status === 413;
      picture.say(tooLong ? t('refusal.Image is too large') : failureText(error));
      picture.input.focus();
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return form;
}

/**
 * @param {string} clan
 * @param {() => void} changed
 */
function transferForm(clan, changed) {
  const id = uniqueId('transfer');
  const choice = h('select', { id, class: 'select' });
  const button = actionButton({
    label: t('clan.transfer'),
    icon: 'next',
    run: async () => {
      const called = choice.selectedOptions[0]?.textContent ?? '';
      const sure = await confirm({
        title: t('clan.transfer_title', { name: called }),
        body: h('p', null, t('clan.transfer_text')),
        action: t('clan.transfer'),
      });
      if (!sure) return;
      await transfer(clan, choice.value);
      toast(t('clan.transferred', { name: called }));
      changed();
    },
  });
  const element = h(
    'div',
    { class: 'form' },
    h('div', { class: 'field' }, h('label', { for: id }, t('clan.new_owner')), choice),
    h('p', { class: 'actions' }, button),
  );

  /** @param {ClanDetail} detail */
  function update(detail) {
    const others = detail.roster.filter((one) => one.account !== current().account?.id && one.name);
    element.hidden = detail.you.rank !== 'owner' || others.length === 0;
    const chosen = choice.value;
    choice.replaceChildren(...others.map((one) => h('option', { value: one.account }, one.name)));
    if (others.some((one) => one.account === chosen)) choice.value = chosen;
  }
  return { element, update };
}

/**
 * @param {ClanDetail} clan
 * @param {() => void} changed
 */
function leaveButton(clan, changed) {
  return actionButton({
    label: t('clan.leave'),
    icon: 'signout',
    run: async () => {
      const sure = await confirm({
        title: t('clan.leave_title', { name: clan.name }),
        body: h('p', null, t('clan.leave_text')),
        action: t('clan.leave'),
      });
      if (!sure) return;
      await leave(clan.id);
      toast(t('clan.left', { name: clan.name }));
      changed();
    },
  });
}

/**
 * @param {ClanDetail} clan
 * @param {() => void} changed
 */
function disbandButton(clan, changed) {
  return actionButton({
    label: t('clan.disband'),
    icon: 'trash',
    tone: 'danger',
    run: async () => {
      const sure = await confirm({
        title: t('clan.disband_title', { name: clan.name }),
        body: [h('p', null, t('clan.disband_text')), h('p', null, name(clan.name))],
        action: t('clan.disband'),
        typed: clan.visible_tag,
      });
      if (!sure) return;
      await disbandClan(clan.id);
      toast(t('clan.disband_done', { name: clan.name }));
      changed();
    },
  });
}
