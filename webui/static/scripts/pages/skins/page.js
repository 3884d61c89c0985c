/** Skins, for administrators: which there are, and who was given them. */

import { createSkin, deleteSkin, getSkin, grantSkin, listSkins } from '../../api/clans.js';
import { findClans, findPlayers } from '../../api/find.js';
import { current, may } from '../../api/session.js';
import { fill, h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ask } from '../../elements/ask.js';
import { empty, pageHead } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { failureText } from '../../elements/failure.js';
import { forMembers } from '../../elements/guest.js';
import { listing } from '../../elements/listing.js';
import { lookup } from '../../elements/lookup.js';
import { pager } from '../../elements/pager.js';
import { region } from '../../elements/region.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/clans.js').Skin} Skin */
/** @typedef {import('../../api/clans.js').SkinDetail} SkinDetail */
/** @typedef {'players' | 'clans'} Whose */

const pageSize = 25;
/** What the API gives at most in one answer. */
const mostPerPage = 500;

/** @returns {import('../../router.js').Page} */
export function skinsPage() {
  const title = t('nav.skins');
  if (!may('admin')) {
    const why = current().account
      ? h('div', { class: 'card' }, empty('shield', t('skins.guest')))
      : forMembers(t('skins.guest'));
    return { title, element: h('div', { class: 'page' }, pageHead(title), why) };
  }
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const body = h('ul', { class: 'skins' });
  const list = listing({
    pages: pager({
      async fetch(query, signal) {
        const { skins, next, total } = await listSkins(query, signal);
        return { rows: skins, next, total };
      },
      size: pageSize,
      most: mostPerPage,
    }),
    frame: body,
    body,
    row: (skin) => entry(skin, () => list.refresh()),
    nothing: () => empty('layers', t('skins.none'), h('p', null, t('skins.none_hint'))),
    added: (count) => t('skins.added', { count }),
    counted: (count) => (total.textContent = t('skins.count', { count })),
  });
  list.show({}, false);
  const stop = onLive('resync', () => list.refresh());
  const add = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => addSkin(() => list.refresh()) },
    icon('plus'),
    t('skins.add'),
  );
  return {
    title,
    element: h(
      'div',
      { class: 'page' },
      pageHead(title, total, add),
      h('div', { class: 'card flush' }, list.element),
    ),
    close() {
      stop();
      list.close();
    },
  };
}

/** @param {() => void} changed */
function addSkin(changed) {
  return ask({
    title: t('skins.add'),
    fields: [
      { key: 'kind', label: t('skins.kind'), required: true },
      { key: 'unit', label: t('skins.unit'), required: true },
      { key: 'model_path', label: t('skins.path'), required: true },
      { key: 'description', label: t('skins.description') },
    ],
    action: t('skins.add'),
    run: async ({ kind, unit, model_path, description }) => {
      await createSkin({ kind, unit, model_path, ...(description ? { description } : {}) });
      toast(t('skins.done'));
      changed();
    },
  });
}

/**
 * @param {Skin} skin
 * @param {() => void} changed
 */
function entry(skin, changed) {
  const holders = holding(skin.id);
  const details = h('details', { class: 'more' }, h('summary', null, t('skins.holders')), holders.element);
  details.addEventListener('toggle', () => details.open && holders.reload());
  return h(
    'li',
    { class: 'skin' },
    h(
      'div',
      { class: 'skin-head' },
      h(
        'div',
        null,
        h('h2', null, name(skin.unit), ' · ', name(skin.kind)),
        h('code', { class: 'soft small', translate: 'no' }, skin.model_path),
        skin.description && h('p', { class: 'soft small' }, name(skin.description)),
      ),
      actionButton({
        label: t('skins.delete'),
        icon: 'trash',
        tone: 'small',
        focus: `delete-${skin.id}`,
        run: async () => {
          const sure = await confirm({
            title: t('skins.delete_title'),
            body: [
              h('p', null, name(skin.unit), ' · ', name(skin.kind)),
              h('p', null, t('skins.delete_text')),
            ],
            action: t('skins.delete'),
          });
          if (!sure) return;
          await deleteSkin(skin.id);
          toast(t('skins.deleted'));
          changed();
        },
      }),
    ),
    details,
  );
}

/** Who was given a skin, and giving it to others. @param {string} id */
function holding(id) {
  const players = h('ul', { class: 'clan-lines' });
  const clans = h('ul', { class: 'clan-lines' });
  const content = region({
    load: (signal) => getSkin(id, signal),
    render(skin, root) {
      fill(players, holders(skin, 'players', content.reload));
      fill(clans, holders(skin, 'clans', content.reload));
      if (root.contains(players)) return;
      fill(
        root,
        h(
          'div',
          { class: 'columns' },
          part('players', players, giving(id, 'players', content.reload)),
          part('clans', clans, giving(id, 'clans', content.reload)),
        ),
      );
    },
  });
  return { element: content.element, reload: content.reload };
}

/**
 * @param {SkinDetail} skin
 * @param {Whose} whose
 * @param {() => void} changed
 */
function holders(skin, whose, changed) {
  if (skin[whose].length === 0) return h('li', { class: 'soft' }, t('skins.nobody'));
  return skin[whose].map((one) => {
    const called = one.name || `#${one.id}`;
    return h(
      'li',
      { class: 'clan-line' },
      h('a', { href: `/app/${whose}/${one.id}` }, name(called)),
      actionButton({
        label: t('skins.revoke'),
        icon: 'cross',
        tone: 'small',
        run: async () => {
          await grantSkin(skin.id, whose, one.id, false);
          toast(t('skins.revoked', { name: called }));
          changed();
        },
      }),
    );
  });
}

/**
 * @param {string} id
 * @param {Whose} whose
 * @param {() => void} changed
 */
function giving(id, whose, changed) {
  const field = lookup({
    label: t(`skins_to.${whose}`),
    find: whose === 'players' ? findPlayers : findClans,
  });
  const button = h('button', { class: 'button' }, icon('plus'), t('skins.grant'));
  const form = h(
    'form',
    { class: 'form', novalidate: true },
    field.element,
    h('p', { class: 'actions' }, button),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const found = await field.resolve();
    if (!found) {
      if (!field.input.value.trim()) field.say(t('lookup.missing'));
      field.input.focus();
      return;
    }
    try {
      await grantSkin(id, whose, found.id, true);
      field.input.value = '';
      toast(t('skins.granted', { name: found.name }));
      changed();
    } catch (error) {
      field.say(failureText(error));
    }
  });
  return form;
}

/**
 * @param {Whose} whose
 * @param {HTMLElement} list
 * @param {HTMLElement} form
 */
function part(whose, list, form) {
  return h('div', { class: 'stack-small' }, h('h3', null, t(`skins_of.${whose}`)), list, form);
}
