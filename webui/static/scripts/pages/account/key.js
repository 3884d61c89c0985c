/** One's key for recordings. */

import { demosKeys, makeDemosKey } from '../../api/account.js';
import { current } from '../../api/session.js';
import { fill, h } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { codeBlock } from '../../elements/copy.js';
import { failureText } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/model.js').ApiKey} ApiKey */

export function keyCard() {
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
