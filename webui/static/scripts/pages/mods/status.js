/** One line on what the library leans on: Steam, folders, the store. */

import { getStatus } from '../../api/mods.js';
import { fill, h } from '../../dom.js';
import { skeleton } from '../../elements/blocks.js';
import { problemText } from '../../elements/problem.js';
import { region } from '../../elements/region.js';
import { ago } from '../../elements/time.js';
import { bytes } from '../../format.js';
import { icon } from '../../icons.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/model.js').ModStatus} ModStatus */

export function statusStrip() {
  const strip = region({
    load: getStatus,
    skeleton: () => skeleton(1, 'strip'),
    render(status, root) {
      fill(
        root,
        h(
          'ul',
          { class: 'strip', 'aria-label': t('status.label') },
          steam(status),
          steamcmd(status),
          folders(status),
          store(status),
        ),
        problems(status),
      );
    },
  });
  strip.reload();
  return strip;
}

/**
 * @param {string} tone
 * @param {import('../../icons.js').IconName} mark
 * @param {string} title
 * @param {import('../../dom.js').Children} text
 */
function part(tone, mark, title, text) {
  return h(
    'li',
    { class: `strip-part ${tone}` },
    icon(mark),
    h('div', null, h('p', { class: 'strip-title' }, title), h('p', { class: 'soft small' }, text)),
  );
}

/** @param {ModStatus} status */
function steam({ steam }) {
  if (steam.breaker_open) {
    return part('bad', 'steam', t('status.steam_away'), [t('status.steam_retry'), ' ', ago(steam.retry_at)]);
  }
  const calls = t('status.calls', { count: steam.calls_today, limit: steam.daily_limit });
  return part('good', 'steam', steam.keyed ? t('status.steam_key') : t('status.steam_keyless'), calls);
}

/** @type {Record<string, string>} */
const steamcmdTones = { off: 'plain', missing: 'bad', waiting: 'warn', ready: 'good' };

/** @param {ModStatus} status */
function steamcmd({ steamcmd: told }) {
  if (!told) return null;
  const { state, running, waiting, retry_at: retry } = told;
  const detail =
    state === 'waiting' && retry
      ? [t('status.steam_retry'), ' ', ago(retry)]
      : state === 'ready' && running + waiting > 0
        ? t('status.steamcmd_jobs', { running: String(running), waiting: String(waiting) })
        : t(`steamcmd_hint.${state}`);
  return part(steamcmdTones[state] ?? 'plain', 'terminal', t(`steamcmd.${state}`), detail);
}

/** @param {ModStatus} status */
function folders({ roots }) {
  const all = roots ?? [];
  const broken = all.filter((root) => !root.ok);
  if (all.length === 0) return part('plain', 'folder', t('status.no_roots'), t('status.no_roots_hint'));
  const zips = all.reduce((sum, root) => sum + root.zips + root.folders, 0);
  if (broken.length === 0)
    return part(
      'good',
      'folder',
      t('status.roots', { count: all.length }),
      t('status.in_roots', { count: zips }),
    );
  return part(
    'bad',
    'folder',
    t('status.roots_broken', { count: broken.length }),
    broken.map((root) => h('span', { class: 'block' }, h('bdi', null, root.path), ': ', root.problem)),
  );
}

/** @param {ModStatus} status */
function store({ store }) {
  return part(
    'good',
    'disk',
    t('status.store', { size: bytes(store.bytes) }),
    t('status.free', { size: bytes(store.free) }),
  );
}

/** @param {ModStatus} status */
function problems({ problems }) {
  if (!problems?.length) return null;
  return h(
    'ul',
    { class: 'problems' },
    problems.map((problem) =>
      h(
        'li',
        { class: 'notice warn' },
        icon('warning'),
        h('div', { class: 'notice-body' }, problemText(problem)),
      ),
    ),
  );
}
