/** One game folder: its address, its figures, what is wrong with it. */

import { scanTree } from '../../api/fastdl.js';
import { may } from '../../api/session.js';
import { h, keyed } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { codeBlock, copyable } from '../../elements/copy.js';
import { problemText } from '../../elements/problem.js';
import { ago } from '../../elements/time.js';
import { bytes, number, sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { lintReport } from './lint.js';
import { missReport } from './misses.js';

/** @typedef {import('../../api/model.js').Tree} Tree */

/**
 * @param {string} name
 * @param {() => void} changed
 */
export function treeCard(name, changed) {
  const marks = h('span', { class: 'badges' });
  const facts = h('div', null);
  const trouble = h('ul', { class: 'problems' });
  const use = h('div', null);
  const operator = may('mods:write');
  const misses = operator ? missReport(name) : null;
  const lint = operator ? lintReport(name) : null;
  const element = card(
    name,
    { beside: marks, className: 'tree' },
    trouble,
    h('div', { class: 'columns' }, facts, use),
    operator &&
      h(
        'div',
        { class: 'actions' },
        actionButton({ label: t('fastdl.scan'), icon: 'retry', run: () => scan(name, changed) }),
        lint?.button,
      ),
    lint?.element,
    misses?.element,
  );
  let missed = -1;

  /** @param {Tree} tree */
  function update(tree) {
    keyed(
      marks,
      standing(tree),
      (one) => one.text,
      (one) => badge(one.text, one.tone, one.dot),
    );
    keyed(trouble, problems(tree), (one) => `${one.code} ${one.text}`, problem);
    trouble.hidden = trouble.children.length === 0;
    const { server_cfg: config, ...counts } = tree;
    keyed(facts, [counts], () => 'facts', figures);
    keyed(use, [config], () => 'use', address);
    if (tree.misses !== missed) misses?.reload();
    missed = tree.misses;
  }
  return {
    element,
    update,
    close() {
      misses?.close();
      lint?.close();
    },
  };
}

/**
 * @param {string} name
 * @param {() => void} changed
 */
async function scan(name, changed) {
  await scanTree(name);
  toast(t('fastdl.scan_begun'), 'quiet');
  changed();
}

/** @param {Tree} tree */
function standing({ ready, problems: found, profile, queue }) {
  const wrong = found.length > 0;
  return [
    !ready
      ? { text: t('fastdl.reading'), tone: 'busy', dot: true }
      : wrong
        ? { text: t('fastdl.problems', { count: found.length }), tone: 'warn', dot: true }
        : { text: t('fastdl.ready'), tone: 'good', dot: true },
    { text: t(`fastdl_profile.${profile}`), tone: 'plain', dot: false },
    ...(queue.compressing + queue.decompressing
      ? [
          {
            text: t('fastdl.queue', { count: queue.compressing + queue.decompressing }),
            tone: 'note',
            dot: true,
          },
        ]
      : []),
  ];
}

/** @param {Tree} tree @returns {{ code: string, text: string, hint?: string }[]} */
function problems({ problems: found, more_problems: more }) {
  if (!more) return found;
  return [...found, { code: 'more', text: t('fastdl.more_problems', { count: more }) }];
}

/** @param {{ code: string, text: string, hint?: string }} one */
function problem(one) {
  return h(
    'li',
    { class: 'notice warn' },
    icon('warning'),
    h('div', { class: 'notice-body' }, problemText({ ...one, code: `fastdl_${one.code}` })),
  );
}

/** @param {Omit<Tree, 'server_cfg'>} tree */
function figures(tree) {
  return h(
    'dl',
    { class: 'facts pairs' },
    fact(t('fastdl.files'), number(tree.files)),
    fact(t('fastdl.requests'), number(tree.requests)),
    fact(t('fastdl.misses'), number(tree.misses)),
    fact(t('fastdl.sent'), bytes(tree.sent_bytes)),
    fact(t('fastdl.kept'), kept(tree.kept)),
    fact(t('fastdl.scanned'), ago(tree.scanned_at)),
    tree.roots.length > 0 &&
      fact(
        t('fastdl.roots'),
        tree.roots.map((root) =>
          h(
            'span',
            { class: `block ${root.ok ? '' : 'wrong'}`.trim() },
            h('code', null, root.path),
            ' · ',
            root.ok ? t('fastdl.in_root', { count: root.files }) : t('fastdl.root_bad'),
          ),
        ),
        'wide',
      ),
  );
}

/** @param {Tree['kept']} sums */
function kept({ files, bytes: size, max_bytes: most }) {
  if (files === 0) return '–';
  return most ? t('fastdl.kept_of', { size: bytes(size), limit: bytes(most) }) : bytes(size);
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 * @param {string} [className]
 */
function fact(term, value, className) {
  return h('div', { class: className }, h('dt', null, term), h('dd', null, value));
}

/** @param {Tree['server_cfg']} config */
function address(config) {
  return h(
    'div',
    { class: 'stack' },
    config.url &&
      h(
        'dl',
        { class: 'facts' },
        h(
          'div',
          null,
          h('dt', null, t('fastdl.address')),
          h('dd', null, copyable(config.url, t('fastdl.address'))),
        ),
      ),
    config.text && codeBlock(config.text.trimEnd(), 'server.cfg'),
    config.notes.map((note) =>
      h('p', { class: 'notice note' }, icon('info'), h('span', { lang: 'en' }, sentence(note))),
    ),
  );
}
