/** The Steam account linked to one's own. */

import { steamHref, unlinkSteam } from '../../api/account.js';
import { current } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { copyable } from '../../elements/copy.js';
import { failureText } from '../../elements/failure.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

/**
 * How the way to Steam and back ended.
 * @param {string | null} result
 */
export function steamOutcome(result) {
  if (!result) return null;
  if (result === 'linked') {
    return h(
      'p',
      { class: 'notice note', role: 'status' },
      icon('check'),
      h('span', null, t('steam.linked')),
    );
  }
  return h(
    'p',
    { class: 'notice bad', role: 'alert' },
    icon('error'),
    h('span', null, tOr(`steam.${result}`, t('steam.failed'))),
  );
}

/** @param {() => void} changed */
export function steamCard(changed) {
  const body = h('div', { class: 'account-body' });
  const show = () => {
    const id = current().account?.steam_id;
    fill(body, id ? linked(id, show, changed) : unlinked());
  };
  show();
  return card(t('account.steam'), {}, body);
}

/**
 * @param {string} id
 * @param {() => void} show
 * @param {() => void} changed
 */
function linked(id, show, changed) {
  const button = h('button', { type: 'button', class: 'button' }, icon('cross'), t('account.unlink'));
  button.addEventListener('click', async () => {
    const sure = await confirm({
      title: t('account.unlink_title'),
      body: h('p', null, t('account.unlink_text')),
      action: t('account.unlink'),
    });
    if (!sure) return;
    button.disabled = true;
    try {
      await unlinkSteam();
      show();
      changed();
      toast(t('account.unlinked'));
    } catch (error) {
      button.disabled = false;
      toast(failureText(error), 'error');
    }
  });
  return [
    h('p', null, t('account.linked'), ' ', copyable(id, t('account.steam_id'))),
    h(
      'p',
      { class: 'actions' },
      h(
        'a',
        {
          class: 'button',
          href: `https://steamcommunity.com/profiles/${id}`,
          target: '_blank',
          rel: 'noreferrer',
        },
        icon('external'),
        t('account.profile'),
      ),
      button,
    ),
  ];
}

function unlinked() {
  if (!current().steam_sign_in) return h('p', { class: 'soft' }, t('account.steam_off'));
  return [
    h('p', { class: 'soft' }, t('account.link_text')),
    h(
      'p',
      { class: 'actions' },
      h(
        'a',
        { class: 'button primary', href: steamHref('/app/account', true) },
        icon('link'),
        t('account.link'),
      ),
    ),
  ];
}
