/** Removing what may go: first what would be removed and why, then doing it. */

import { tidy } from '../../api/storage.js';
import { fill, h } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { table } from '../../elements/table.js';
import { bytes, sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { announce, toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/model.js').Tidied} Tidied */
/** @typedef {import('../../api/model.js').Removal} Removal */

/** @type {Record<string, string>} */
const tones = { quarantined: 'bad', duplicate: 'plain', superseded: 'note', quota: 'warn' };

/** @param {() => void} done Something was removed. */
export function tidying(done) {
  const outcome = h('div', { class: 'stack' });

  /**
   * @param {Tidied} answer
   * @param {boolean} plan Nothing was removed yet.
   */
  function show(answer, plan) {
    const said = headline(answer, plan);
    fill(outcome, h('p', { class: 'strong' }, said), ...result(answer));
    announce(said);
  }
  async function look() {
    const plan = await tidy(true);
    show(plan, true);
    return plan;
  }
  async function act() {
    const plan = await look();
    if (plan.removed.length === 0) return;
    const sure = await confirm({
      title: t('tidy.confirm'),
      body: [h('p', null, headline(plan, true)), h('p', null, t('tidy.confirm_text'))],
      action: t('tidy.act'),
    });
    if (!sure) return;
    const answer = await tidy(false);
    show(answer, false);
    toast(headline(answer, false));
    done();
  }
  const element = card(
    t('tidy.title'),
    {},
    h('p', { class: 'soft' }, t('tidy.text')),
    h(
      'p',
      { class: 'actions' },
      actionButton({ label: t('tidy.look'), icon: 'search', run: async () => void (await look()) }),
      actionButton({ label: t('tidy.act'), icon: 'broom', run: act }),
    ),
    outcome,
  );
  return { element };
}

/**
 * @param {Tidied} answer
 * @param {boolean} plan
 */
function headline({ removed, bytes: size }, plan) {
  const told = { count: removed.length, size: bytes(size) };
  if (removed.length === 0) return plan ? t('tidy.nothing') : t('tidy.nothing_done');
  return plan ? t('tidy.would', told) : t('tidy.done', told);
}

/** @param {Tidied} answer */
function result({ removed, kept, short }) {
  return [
    short > 0 &&
      h(
        'p',
        { class: 'notice warn' },
        icon('warning'),
        h('span', null, t('tidy.short', { size: bytes(short) })),
      ),
    removed.length > 0 && list(t('tidy.removed'), removed),
    kept.length > 0 &&
      h(
        'details',
        { class: 'more' },
        h('summary', null, t('tidy.kept', { count: kept.length })),
        list(t('tidy.kept_list'), kept),
      ),
  ];
}

/**
 * @param {string} caption
 * @param {Removal[]} rows
 */
function list(caption, rows) {
  const files = table(
    caption,
    [
      { label: t('tidy.file') },
      { label: t('tidy.size'), figures: true },
      { label: t('tidy.rule') },
      { label: t('tidy.why') },
    ],
    'inset removals',
  );
  files.body.append(...rows.map((row) => files.row(file(row.name), size(row), rule(row), why(row))));
  return files.element;
}

/** @param {string} name */
function file(name) {
  const item = /^(m[0-9a-f]+)_/.exec(name)?.[1];
  const text = h('code', null, name);
  return item ? h('a', { href: `/app/mods/${item}` }, text) : text;
}

/** @param {Removal} row */
function size(row) {
  return [
    bytes(row.size),
    row.frees !== row.size &&
      row.frees > 0 &&
      h('span', { class: 'soft small' }, t('tidy.frees', { size: bytes(row.frees) })),
  ];
}

/** @param {Removal} row */
function rule(row) {
  return badge(tOr(`rule_name.${row.rule}`, row.rule), tones[row.rule]);
}

/** The daemon words the reason with its versions and times. @param {Removal} row */
function why(row) {
  return h('span', { lang: 'en' }, sentence(row.why));
}
