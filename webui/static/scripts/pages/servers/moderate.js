/** What a moderator does with a game server. */

import { moderateServer } from '../../api/serverlist.js';
import { h } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ask } from '../../elements/ask.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

/**
 * @param {{ id: string, plain_name: string, connect: string }} server
 * @param {'open' | 'hidden' | 'closed'} state
 * @param {() => void} changed
 */
export function stateButtons(server, state, changed) {
  const name = server.plain_name || server.connect;
  /** @param {'open' | 'hidden' | 'closed'} wanted */
  const button = (wanted) =>
    actionButton({
      label: t(`servers_moderate.${wanted}`),
      icon: wanted === 'open' ? 'check' : 'cross',
      tone: 'small',
      focus: `${wanted}-${server.id}`,
      run: async () => {
        const done =
          wanted === 'open'
            ? await moderateServer(server.id, wanted, '').then(() => true)
            : await ask({
                title: t(`servers_moderate_title.${wanted}`, { name }),
                body: h('p', null, t(`servers_moderate_text.${wanted}`)),
                fields: [
                  { key: 'reason', label: t('moderate.reason'), required: true, most: 500, long: true },
                ],
                action: t(`servers_moderate.${wanted}`),
                danger: true,
                run: async ({ reason }) => void (await moderateServer(server.id, wanted, reason)),
              });
        if (!done) return;
        toast(t(`servers_moderated.${wanted}`));
        changed();
      },
    });
  const states = /** @type {const} */ (['open', 'hidden', 'closed']);
  return h('div', { class: 'actions over' }, states.filter((one) => one !== state).map(button));
}
