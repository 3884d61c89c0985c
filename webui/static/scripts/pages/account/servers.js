/** One's own game servers: register, look why they are listed or not, edit, check, remove. */

import {
  checkServer,
  deleteServer,
  listOwnServers,
  rotatePassword,
  takeOffline,
} from '../../api/serverlist.js';
import { may } from '../../api/session.js';
import { fill, h, keyed } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card, skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { copyable } from '../../elements/copy.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { checkText, listingText, warningTexts } from '../servers/why.js';
import { fullness, serverName } from '../servers/words.js';
import { credentials } from './credentials.js';
import { editForm, registerForm } from './serverform.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

const everyMs = 15_000;

export function ownServers() {
  const list = h('ul', { class: 'own-servers' });
  const none = h('p', { class: 'soft' }, t('own.none'));
  const secret = h('div', { class: 'stack', 'aria-live': 'polite' });
  const count = h('span', { class: 'soft small' });
  const add = h('div', null);
  const content = region({
    load: listOwnServers,
    className: 'stack',
    skeleton: () => skeleton(3),
    render({ servers, total, most }, root) {
      if (!root.contains(list)) fill(root, none, list);
      none.hidden = total > 0;
      list.hidden = total === 0;
      count.textContent = most ? t('own.of', { count: total, most }) : '';
      show(servers);
      add.hidden = most > 0 && total >= most;
    },
  });
  /** Items are made once, so that no text that is being typed is lost. @type {Map<string, ReturnType<typeof item>>} */
  const items = new Map();
  /** @param {OwnServer[]} servers */
  function show(servers) {
    keyed(
      list,
      servers.map(({ id }) => id),
      (id) => id,
      (id) => {
        const made = item(id, actions);
        items.set(id, made);
        return made.element;
      },
    );
    for (const server of servers) items.get(server.id)?.update(server);
  }
  const actions = {
    changed: content.reload,
    /** @param {OwnServer & { password: string }} server */
    told(server) {
      fill(
        secret,
        credentials(server, () => fill(secret)),
      );
      content.reload();
      secret.querySelector('pre')?.focus();
    },
  };
  const offer = offering(add, actions);
  offer();
  content.reload();
  const timer = setInterval(() => !document.hidden && content.reload(), everyMs);
  const stop = onLive('serverlist.totals', content.reload);
  return {
    element: card(
      t('own.title'),
      { beside: count },
      h('p', { class: 'soft' }, t('own.text')),
      secret,
      content.element,
      add,
    ),
    refresh: content.reload,
    offer,
    close() {
      clearInterval(timer);
      stop();
      content.close();
    },
  };
}

/**
 * Shows the form for another server as soon as one may register any; it stays, so that no text that is being typed
 * is lost.
 * @param {HTMLElement} place
 * @param {Actions} actions
 */
function offering(place, actions) {
  let offered = false;
  return () => {
    if (offered) return;
    offered = may('meta:write');
    fill(
      place,
      offered
        ? registerForm(actions.told)
        : h('p', { class: 'notice note' }, icon('info'), h('span', null, t('own.verify_first'))),
    );
  };
}

/** @typedef {{ changed: () => void, told: (server: OwnServer & { password: string }) => void }} Actions */

/**
 * @param {string} id
 * @param {Actions} actions
 */
function item(id, actions) {
  const state = h('div', { class: 'own-server' });
  const element = h('li', { class: 'own-server' }, state);
  const edit = may('meta:write') ? editForm(id, actions.changed) : null;
  if (edit) element.append(edit.element);

  /** @param {OwnServer} server */
  function update(server) {
    keyed(
      state,
      [server],
      () => 'state',
      (one) => standing(one, actions),
    );
    edit?.update(server);
  }
  return { element, update };
}

/**
 * @param {OwnServer} server
 * @param {Actions} actions
 */
function standing(server, actions) {
  const title = server.plain_name || server.connect;
  const { check, listing } = server;
  return h(
    'div',
    { class: 'own-server' },
    h(
      'div',
      { class: 'own-head' },
      h(
        'a',
        { class: 'row-title', href: `/app/servers/${server.id}`, 'data-focus': `own-${server.id}` },
        serverName(server),
      ),
      badge(listing.listed ? t('own.listed') : t('own.not_listed'), listing.listed ? 'good' : 'warn', true),
      h('span', { class: 'soft' }, fullness(server)),
      copyable(server.connect, t('servers.address'), { focus: `own-copy-${server.id}` }),
    ),
    h('p', null, listingText(server)),
    warningTexts(server).map((text) =>
      h('p', { class: 'notice warn' }, icon('warning'), h('span', null, text)),
    ),
    check &&
      h(
        'p',
        { class: 'soft small' },
        t('own.checked'),
        ' ',
        ago(check.at),
        ': ',
        checkText(server),
        !check.current && ` ${t('own.check_old')}`,
      ),
    may('meta:write') && buttons(server, title, actions),
  );
}

/**
 * @param {OwnServer} server
 * @param {string} title
 * @param {Actions} actions
 */
function buttons(server, title, { changed, told }) {
  const { id } = server;
  return h(
    'p',
    { class: 'actions' },
    actionButton({
      label: t('own.check'),
      icon: 'radar',
      tone: 'small',
      focus: `check-${id}`,
      run: async () => {
        const now = await checkServer(id);
        const good = now.check?.outcome === 'reachable';
        toast(good ? t('own.reachable') : checkText(now), good ? 'good' : 'error');
        changed();
      },
    }),
    actionButton({
      label: t('own.rotate'),
      icon: 'retry',
      tone: 'small',
      focus: `rotate-${id}`,
      run: async () => {
        const sure = await confirm({
          title: t('own.rotate_title', { name: title }),
          body: h('p', null, t('own.rotate_text')),
          action: t('own.rotate'),
        });
        if (sure) told(await rotatePassword(id));
      },
    }),
    server.listing.listed &&
      actionButton({
        label: t('own.offline'),
        icon: 'signout',
        tone: 'small',
        focus: `offline-${id}`,
        run: async () => {
          await takeOffline(id);
          toast(t('own.taken_offline'));
          changed();
        },
      }),
    actionButton({
      label: t('own.delete'),
      icon: 'trash',
      tone: 'small',
      focus: `delete-${id}`,
      run: async () => {
        const sure = await confirm({
          title: t('own.delete_title', { name: title }),
          body: h('p', null, t('own.delete_text')),
          action: t('own.delete'),
          typed: title,
        });
        if (!sure) return;
        await deleteServer(id);
        toast(t('own.deleted'));
        changed();
      },
    }),
  );
}
