/** Pin, verify and delete one version; copy its address. */

import { ApiError } from '../../api/client.js';
import { deleteVersion, pinVersion, verifyVersion } from '../../api/mods.js';
import { h } from '../../dom.js';
import { confirm } from '../../elements/confirm.js';
import { copyButton } from '../../elements/copy.js';
import { failureText } from '../../elements/failure.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { absolute } from './use.js';

/** @typedef {import('../../api/model.js').Mod} Mod */
/** @typedef {import('../../api/model.js').Version} Version */

/**
 * @param {Mod} mod
 * @param {Version} version
 * @param {boolean} last The only whole copy there is.
 * @param {(() => void) | null} changed null: the caller may only look.
 */
export function versionActions(mod, version, last, changed) {
  const key = version.version;
  return h(
    'div',
    { class: 'row-actions' },
    version.state === 'ready' && [
      copyButton(absolute(version.url), t('version.url'), { focus: `url-${key}` }),
      h(
        'a',
        {
          class: 'icon-button',
          href: version.url,
          download: version.name,
          title: t('version.download'),
          'aria-label': t('version.download'),
        },
        icon('download'),
      ),
    ],
    changed && [
      button(
        `pin-${key}`,
        'pin',
        version.pinned ? t('version.unpin') : t('version.pin'),
        () => pin(mod, version, changed),
        version.pinned,
      ),
      button(`verify-${key}`, 'shield', t('version.verify'), () => verify(mod, version, changed)),
      button(`delete-${key}`, 'trash', t('version.delete'), () => remove(mod, version, last, changed)),
    ],
  );
}

/**
 * @param {string} focus
 * @param {import('../../icons.js').IconName} mark
 * @param {string} label
 * @param {() => Promise<void>} action
 * @param {boolean} [pressed]
 */
function button(focus, mark, label, action, pressed) {
  const element = h(
    'button',
    {
      type: 'button',
      class: `icon-button${pressed ? ' pressed' : ''}`,
      title: label,
      'aria-label': label,
      'data-focus': focus,
    },
    icon(mark),
  );
  element.addEventListener('click', async () => {
    element.setAttribute('aria-busy', 'true');
    try {
      await action();
    } catch (error) {
      toast(failureText(error), 'error');
    } finally {
      element.removeAttribute('aria-busy');
    }
  });
  return element;
}

/**
 * @param {Mod} mod
 * @param {Version} version
 * @param {() => void} changed
 */
async function pin(mod, version, changed) {
  await pinVersion(mod.id, version.version, !version.pinned);
  toast(version.pinned ? t('version.unpinned_done') : t('version.pinned_done'));
  changed();
}

/**
 * @param {Mod} mod
 * @param {Version} version
 * @param {() => void} changed
 */
async function verify(mod, version, changed) {
  toast(t('version.verify_begun'), 'quiet');
  const { ok, reason } = await verifyVersion(mod.id, version.version);
  if (ok) toast(t('version.verify_good'));
  else toast(t('version.verify_bad', { reason: reason ?? '' }), 'error');
  changed();
}

/**
 * @param {Mod} mod
 * @param {Version} version
 * @param {boolean} last
 * @param {() => void} changed
 */
async function remove(mod, version, last, changed) {
  const precious = last || version.irreplaceable || version.pinned;
  const sure = await confirm({
    title: t('delete.title'),
    body: [
      h('p', null, h('code', null, version.name)),
      h('p', null, t('delete.text')),
      precious &&
        h('p', { class: 'notice warn' }, icon('warning'), h('span', null, preciousText(last, version))),
    ],
    action: t('delete.action'),
    typed: precious ? mod.hex : undefined,
  });
  if (!sure) return;
  try {
    await deleteVersion(mod.id, version.version, precious);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409 || precious) throw error;
    if (!(await insist(mod, error))) return;
    await deleteVersion(mod.id, version.version, true);
  }
  toast(t('delete.done'));
  changed();
}

/**
 * The daemon knows a reason to keep it that we did not: say it and ask again.
 * @param {Mod} mod
 * @param {ApiError} error
 */
function insist(mod, error) {
  return confirm({
    title: t('delete.insist'),
    body: h('p', null, error.message),
    action: t('delete.action'),
    typed: mod.hex,
  });
}

/**
 * @param {boolean} last
 * @param {Version} version
 */
function preciousText(last, version) {
  if (version.irreplaceable) return t('delete.irreplaceable');
  return last ? t('delete.last') : t('delete.pinned');
}
