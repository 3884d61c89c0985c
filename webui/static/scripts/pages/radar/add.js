/** Names a game server whose mods are to be watched. */

import { ApiError } from '../../api/client.js';
import { putServer } from '../../api/servers.js';
import { h, uniqueId } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { recogniseItem } from '../mods/item.js';

const nameRule = /^[\w.-]{1,64}$/;

/** @param {() => void} added */
export function addServer(added) {
  const server = field(t('radar.name'), t('radar.name_hint'), 'ns2-main');
  const mods = field(t('radar.ids'), t('radar.ids_hint'), '706d242, 117887554', 'textarea');
  const sets = field(t('radar.collections'), t('radar.collections_hint'), '');
  const hook = field(t('radar.hook'), t('radar.hook_hint'), 'https://');
  const fields = [server, mods, sets, hook];
  const button = h('button', { class: 'button primary' }, icon('plus'), h('span', null, t('radar.add')));
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const form = h(
    'form',
    { class: 'form add-server', novalidate: true },
    h(
      'div',
      { class: 'columns' },
      fields.map((one) => one.element),
    ),
    failed,
    h('p', { class: 'actions' }, button),
  );
  /** @type {import('../../api/model.js').GameServer[]} */
  let known = [];

  /** What was typed, or null after saying what is wrong. */
  function read() {
    for (const one of fields) one.say('');
    const name = server.input.value.trim();
    const ids = items(mods.input.value);
    const collections = items(sets.input.value);
    if (!nameRule.test(name)) return server.refuse(t('radar.name_wrong'));
    if (ids.wrong) return mods.refuse(t('radar.not_an_id', { text: ids.wrong }));
    if (collections.wrong) return sets.refuse(t('radar.not_an_id', { text: collections.wrong }));
    if (!ids.found.length && !collections.found.length) return mods.refuse(t('radar.nothing_to_watch'));
    const webhook = hook.input.value.trim();
    const list = { mods: ids.found.map((id) => ({ id })), collections: collections.found };
    return { name, list: webhook ? { ...list, webhook } : list };
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    failed.textContent = '';
    const wanted = read();
    if (!wanted) return;
    if (known.some((one) => one.name === wanted.name) && !(await replaces(wanted.name))) return;
    button.disabled = true;
    try {
      await putServer(wanted.name, wanted.list);
      for (const one of fields) one.input.value = '';
      toast(t('radar.added', { name: wanted.name }));
      added();
    } catch (error) {
      const hint = error instanceof ApiError && error.hint ? `. ${sentence(error.hint)}` : '';
      failed.textContent = failureText(error) + hint;
    } finally {
      button.disabled = false;
      server.input.focus();
    }
  });
  const element = card(t('radar.add_title'), {}, h('p', { class: 'soft' }, t('radar.add_text')), form);
  /** @param {import('../../api/model.js').GameServer[]} servers */
  const know = (servers) => {
    known = servers;
  };
  return { element, know };
}

/** @param {string} name */
function replaces(name) {
  return confirm({
    title: t('radar.replace', { name }),
    body: h('p', null, t('radar.replace_text')),
    action: t('radar.replace_action'),
  });
}

/**
 * The ids of a text, in the spelling that no parser finds ambiguous.
 * @param {string} text
 */
function items(text) {
  /** @type {string[]} */
  const found = [];
  for (const word of text.split(/[\s,;]+/).filter(Boolean)) {
    const item = recogniseItem(word);
    if (!item) return { found, wrong: word };
    found.push(`0x${item.hex}`);
  }
  return { found, wrong: '' };
}

/**
 * @param {string} label
 * @param {string} about
 * @param {string} placeholder
 * @param {'input' | 'textarea'} [kind]
 */
function field(label, about, placeholder, kind = 'input') {
  const id = uniqueId('server');
  const input = h(kind, {
    id,
    class: 'input',
    placeholder,
    rows: kind === 'textarea' ? 3 : null,
    'aria-describedby': `${id}-hint`,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const hint = h('p', { id: `${id}-hint`, class: 'hint' }, about);

  /** @param {string} wrong Empty: nothing is. */
  function say(wrong) {
    hint.textContent = wrong || about;
    hint.classList.toggle('wrong', Boolean(wrong));
    if (wrong) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }
  /** @param {string} wrong @returns {null} */
  function refuse(wrong) {
    say(wrong);
    input.focus();
    return null;
  }
  return {
    element: h('div', { class: 'field' }, h('label', { for: id }, label), input, hint),
    input,
    say,
    refuse,
  };
}
