/** What a moderator does with a player. */

import { closePlayer, openPlayer, renamePlayer } from '../../api/players.js';
import { h } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ask } from '../../elements/ask.js';
import { card } from '../../elements/blocks.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/players.js').Profile} Profile */

const mostReason = 300;
const mostName = 64;

/**
 * @param {Profile} player
 * @param {() => void} changed
 */
export function moderatePlayer(player, changed) {
  const rename = actionButton({
    label: t('moderate.rename'),
    icon: 'person',
    focus: 'rename',
    run: async () => {
      const done = await ask({
        title: t('moderate.rename_title', { name: player.name }),
        body: h('p', null, t('moderate.rename_text')),
        fields: [
          { key: 'name', label: t('moderate.new_name'), value: player.name, required: true, most: mostName },
        ],
        action: t('moderate.rename'),
        run: async ({ name }) => void (await renamePlayer(player.id, name)),
      });
      if (!done) return;
      toast(t('moderate.renamed'));
      changed();
    },
  });
  return card(
    t('moderate.title'),
    {},
    h('p', { class: 'soft' }, player.closed ? t('moderate.is_closed') : t('moderate.close_text')),
    h('p', { class: 'actions' }, player.closed ? reopen(player, changed) : close(player, changed), rename),
  );
}

/**
 * @param {Profile} player
 * @param {() => void} changed
 */
function close(player, changed) {
  return actionButton({
    label: t('moderate.close'),
    icon: 'cross',
    focus: 'close',
    run: async () => {
      const done = await ask({
        title: t('moderate.close_title', { name: player.name }),
        body: h('p', null, t('moderate.close_text')),
        fields: [
          { key: 'reason', label: t('moderate.reason'), required: true, most: mostReason, long: true },
        ],
        action: t('moderate.close'),
        danger: true,
        run: async ({ reason }) => void (await closePlayer(player.id, reason)),
      });
      if (!done) return;
      toast(t('moderate.closed_now'));
      changed();
    },
  });
}

/**
 * @param {Profile} player
 * @param {() => void} changed
 */
function reopen(player, changed) {
  return actionButton({
    label: t('moderate.open'),
    icon: 'check',
    focus: 'open',
    run: async () => {
      await openPlayer(player.id);
      toast(t('moderate.opened'));
      changed();
    },
  });
}
