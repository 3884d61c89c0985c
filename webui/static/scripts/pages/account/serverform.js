/** What an owner says of his game server. */

import { editServer, registerServer } from '../../api/serverlist.js';
import { fill, h } from '../../dom.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field } from './form.js';
import { submitForm } from './submit.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

const highestPort = 65535;

/** @param {(server: OwnServer & { password: string }) => void} told */
export function registerForm(told) {
  const form = serverFields(null);
  const details = h('details', { class: 'more' });
  details.append(
    h('summary', null, t('own.register')),
    submitForm({
      fields: form.element,
      button: [icon('plus'), t('own.register_now')],
      check: form.check,
      run: async () => {
        const server = await registerServer(form.read());
        form.clear();
        details.open = false;
        toast(t('own.registered'));
        told(server);
      },
    }).element,
  );
  return details;
}

/**
 * The fields have what is known when they are opened, and keep what is typed.
 * @param {string} id
 * @param {() => void} changed
 */
export function editForm(id, changed) {
  const body = h('div', null);
  const element = h(
    'details',
    { class: 'more' },
    h('summary', { 'data-focus': `edit-${id}` }, t('own.edit')),
    body,
  );
  /** @type {OwnServer | null} */
  let known = null;
  element.addEventListener('toggle', () => {
    if (element.open && known) fill(body, fields(known));
  });

  /** @param {OwnServer} server */
  function fields(server) {
    const form = serverFields(server);
    return submitForm({
      fields: [h('p', { class: 'soft small' }, t('own.edit_text')), form.element],
      button: t('own.save'),
      check: form.check,
      run: async () => {
        await editServer(id, form.read());
        element.open = false;
        toast(t('own.saved'));
        changed();
      },
    }).element;
  }

  /** @param {OwnServer} server */
  function update(server) {
    known = server;
    element.hidden = server.state === 'closed';
  }
  return { element, update };
}

/** @param {OwnServer | null} server */
function serverFields(server) {
  const text = { autocomplete: 'off', spellcheck: 'false' };
  const port = { type: 'number', min: 1, max: highestPort, inputmode: 'numeric' };
  const name = field(t('own.name'), { ...text, maxlength: 100, value: server?.name });
  const host = field(t('own.host'), {
    ...text,
    maxlength: 2083,
    placeholder: '203.0.113.5',
    value: server?.host_name,
  });
  const at = field(t('own.port'), { ...port, placeholder: '11235', value: server?.host_port });
  const room = field(t('own.room'), {
    type: 'number',
    min: 0,
    inputmode: 'numeric',
    value: server?.max_players,
  });
  const type = field(t('servers_column.game_type'), { ...text, maxlength: 10, value: server?.game_type });
  const about = field(t('own.description'), { ...text, maxlength: 200, value: server?.description });
  const publicHost = field(t('own.public_host'), { ...text, maxlength: 2083, value: server?.public_host });
  const publicPort = field(t('own.public_port'), { ...port, min: 0, value: server?.public_port || null });
  const all = [name, host, at, room, type, about, publicHost, publicPort];

  function check() {
    if (!name.input.value.trim()) return { input: name.input, text: t('own.need_name') };
    if (!host.input.value.trim()) return { input: host.input, text: t('own.need_host') };
    const number = Number(at.input.value);
    if (!Number.isInteger(number) || number < 1 || number > highestPort)
      return { input: at.input, text: t('own.need_port') };
    return null;
  }

  function read() {
    const value = (/** @type {{ input: HTMLInputElement }} */ { input }) => input.value.trim();
    return {
      name: value(name),
      host_name: value(host),
      port: Number(value(at)),
      max_players: Number(value(room)) || 0,
      game_type: value(type),
      description: value(about),
      public_host: value(publicHost),
      public_port: Number(value(publicPort)) || 0,
    };
  }
  const element = h(
    'div',
    { class: 'stack' },
    h(
      'div',
      { class: 'server-fields' },
      [name, host, at, room, type, about].map((one) => one.element),
    ),
    h('p', { class: 'soft small' }, t('own.public_text')),
    h('div', { class: 'server-fields' }, [publicHost.element, publicPort.element]),
  );
  return { element, check, read, clear: () => all.forEach((one) => (one.input.value = '')) };
}
