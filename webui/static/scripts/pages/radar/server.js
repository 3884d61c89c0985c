/** One game server: its outdated mods, its restarts, its webhook. */

import { deleteServer, reportRestart, testWebhook } from '../../api/servers.js';
import { may } from '../../api/session.js';
import { fill, h, keyed } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { codeBlock } from '../../elements/copy.js';
import { ago } from '../../elements/time.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { currentTable, modTable } from './mods.js';

/** @typedef {import('../../api/model.js').GameServer} GameServer */

/**
 * @param {string} name
 * @param {() => void} changed
 */
export function serverCard(name, changed) {
  const marks = h('span', { class: 'badges' });
  const facts = h('div', null);
  const trouble = h('div', null);
  const attention = h('div', null);
  const rest = h('div', null);
  const restTitle = h('summary', null);
  const others = h('details', { class: 'more' }, restTitle, rest);
  const buttons = may('mods:write') ? h('div', { class: 'actions' }) : null;
  const element = card(
    name,
    { beside: marks, className: 'server' },
    facts,
    trouble,
    attention,
    others,
    may('mods:write') && scripts(name),
    buttons,
  );

  /** @param {GameServer} server */
  function update(server) {
    const wanting = server.mods.filter((mod) => mod.state !== 'current');
    const current = server.mods.filter((mod) => mod.state === 'current');
    keyed(
      marks,
      standing(server),
      (one) => one.text,
      (one) => badge(one.text, one.tone, one.dot),
    );
    keyed(facts, [server], () => 'facts', times);
    keyed(trouble, hook(server), (one) => one, failing);
    keyed(
      attention,
      wanting.length ? [wanting] : [],
      () => 'mods',
      (mods) => modTable(t('radar.mods_of', { name }), mods),
    );
    others.hidden = current.length === 0;
    restTitle.textContent = t('radar.current_mods', { count: current.length });
    keyed(
      rest,
      current.length ? [current] : [],
      () => 'mods',
      (mods) => currentTable(t('radar.current_of', { name }), mods),
    );
    if (buttons)
      keyed(
        buttons,
        actions(server),
        (one) => one.id,
        (one) => actionOf(one.id, name, changed),
      );
  }
  return { element, update };
}

/** @param {GameServer} server */
function times({ restarted_at: restarted, checked_at: checked }) {
  return h(
    'p',
    { class: 'soft small' },
    t('radar.restarted'),
    ' ',
    ago(restarted),
    ' · ',
    t('radar.checked'),
    ' ',
    ago(checked),
  );
}

/** @param {string} error */
function failing(error) {
  return h(
    'p',
    { class: 'notice warn' },
    icon('warning'),
    h('span', null, t('radar.webhook_failed'), ' ', h('span', { lang: 'en' }, sentence(error))),
  );
}

/** What is not known is not called up to date. @param {GameServer} server */
function health(server) {
  if (server.outdated) {
    return { text: t('radar.outdated', { count: server.outdated }), tone: 'warn', dot: true };
  }
  if (server.mods.length === 0) return { text: t('radar.no_mods'), tone: 'plain', dot: false };
  return server.mods.some((mod) => mod.state === 'unknown')
    ? { text: t('radar_state.unknown'), tone: 'plain', dot: true }
    : { text: t('radar.up_to_date'), tone: 'good', dot: true };
}

/** @param {GameServer} server */
function standing(server) {
  return [
    health(server),
    { text: t(`radar_origin.${server.origin}`), tone: 'plain', dot: false },
    ...(server.webhook ? [{ text: t('radar.webhook'), tone: 'plain', dot: false }] : []),
  ];
}

/** @param {GameServer} server @returns {string[]} */
function hook(server) {
  return server.webhook_error ? [server.webhook_error] : [];
}

/** @param {GameServer} server @returns {{ id: 'restarted' | 'test' | 'forget' }[]} */
function actions(server) {
  /** @type {{ id: 'restarted' | 'test' | 'forget' }[]} */
  const list = [{ id: 'restarted' }];
  if (server.webhook) list.push({ id: 'test' });
  if (server.origin === 'api') list.push({ id: 'forget' });
  return list;
}

/**
 * @param {'restarted' | 'test' | 'forget'} id
 * @param {string} name
 * @param {() => void} changed
 */
function actionOf(id, name, changed) {
  const focus = `${id}-${name}`;
  if (id === 'restarted') {
    return actionButton({
      label: t('radar.restart_done'),
      icon: 'check',
      focus,
      run: async () => {
        await reportRestart(name);
        toast(t('radar.restart_noted', { name }));
        changed();
      },
    });
  }
  if (id === 'test') {
    return actionButton({
      label: t('radar.test'),
      icon: 'link',
      focus,
      run: async () => {
        await testWebhook(name);
        toast(t('radar.test_arrived'));
        changed();
      },
    });
  }
  return actionButton({ label: t('radar.forget'), icon: 'trash', focus, run: () => forget(name, changed) });
}

/**
 * @param {string} name
 * @param {() => void} changed
 */
async function forget(name, changed) {
  const sure = await confirm({
    title: t('radar.forget_title', { name }),
    body: h('p', null, t('radar.forget_text')),
    action: t('radar.forget'),
  });
  if (!sure) return;
  await deleteServer(name);
  toast(t('radar.forgotten', { name }));
  changed();
}

/** The lines that make a start script tell of restarts. @param {string} name */
function scripts(name) {
  const address = `${location.origin}/api/v1/mods/servers/${encodeURIComponent(name)}/restarted`;
  const body = h('div', { class: 'stack' });
  fill(
    body,
    h('p', { class: 'soft' }, t('radar.script_text')),
    codeBlock(`quartermaster mods servers restarted ${name}`, t('radar.script_here', { name })),
    codeBlock(
      `curl -fsS -X POST -H "Authorization: Bearer $QM_KEY" \\\n  ${address}`,
      t('radar.script_elsewhere', { name }),
    ),
  );
  return h('details', { class: 'more' }, h('summary', null, t('radar.script')), body);
}
