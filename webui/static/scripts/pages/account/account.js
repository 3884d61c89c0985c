/** One's own account: the Steam account linked to it and the key for recordings. */

import { demosKeys, makeDemosKey, steamHref, unlinkSteam } from '../../api/account.js';
import { current } from '../../api/session.js';
import { fill, h, name } from '../../dom.js';
import { card, pageHead, skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { codeBlock, copyable } from '../../elements/copy.js';
import { failureText, signInHref } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/model.js').ApiKey} ApiKey */

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function accountPage(place) {
  const title = t('account.title');
  const who = current().account;
  if (!who) {
    return {
      title,
      element: h(
        'div',
        { class: 'page' },
        pageHead(title),
        h('p', { class: 'notice note' }, icon('info'), h('span', null, t('account.guest'))),
        h('p', null, h('a', { class: 'button primary', href: signInHref() }, t('session.sign_in'))),
      ),
    };
  }
  const key = keyCard();
  const notice = outcome(place.query.get('steam'));
  if (notice) history.replaceState(null, '', place.path); // told once
  const changed = () => {
    notice?.remove();
    key.reload();
  };
  const element = h(
    'div',
    { class: 'page account' },
    pageHead(title, h('p', { class: 'soft' }, name(who.name))),
    notice,
    steamCard(changed),
    key.element,
  );
  return { title, element, close: key.close };
}

/**
 * How the way to Steam and back ended.
 * @param {string | null} result
 */
function outcome(result) {
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
function steamCard(changed) {
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

function keyCard() {
  const shown = h('div', { 'aria-live': 'polite' });
  const list = region({
    load: demosKeys,
    skeleton: () => skeleton(2),
    render: (keys, root) => fill(root, keyState(keys, make)),
  });

  /** @param {boolean} replaces */
  async function make(replaces) {
    const sure =
      !replaces ||
      (await confirm({
        title: t('key.anew_title'),
        body: h('p', null, t('key.anew_text')),
        action: t('key.anew'),
      }));
    if (!sure) return;
    try {
      fill(shown, codeBlock(await makeDemosKey(), t('key.shown')), h('p', { class: 'soft' }, t('key.once')));
      await list.reload();
    } catch (error) {
      toast(failureText(error), 'error');
    }
  }

  const reload = () => {
    shown.replaceChildren();
    list.reload();
  };
  reload();
  return {
    element: card(
      t('key.title'),
      {},
      h('div', { class: 'account-body' }, h('p', { class: 'soft' }, t('key.text')), list.element, shown),
    ),
    reload,
    close: list.close,
  };
}

/**
 * @param {ApiKey[]} keys
 * @param {(replaces: boolean) => void} make
 */
function keyState(keys, make) {
  const button = h(
    'button',
    { type: 'button', class: keys.length ? 'button' : 'button primary', 'data-focus': 'make-key' },
    icon(keys.length ? 'retry' : 'plus'),
    keys.length ? t('key.anew') : t('key.make'),
  );
  button.addEventListener('click', () => make(keys.length > 0));
  const rows = keys.map((key) =>
    h(
      'li',
      null,
      h('code', { translate: 'no' }, `${key.prefix}…`),
      ' ',
      h('span', { class: 'soft' }, t('key.last_used'), ' ', ago(key.last_used)),
    ),
  );
  const staff = (current().account?.roles.length ?? 0) > 0;
  if (!keys.length && !staff && !current().account?.steam_id) {
    return h('p', null, t('key.needs_steam'));
  }
  return [
    rows.length ? h('ul', { class: 'key-list' }, rows) : h('p', null, t('key.none')),
    h('p', { class: 'actions' }, button),
  ];
}
