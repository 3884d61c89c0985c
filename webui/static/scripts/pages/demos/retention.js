/** The rules by which recordings are deleted, and deleting by them: first what would go and why. */

import { getRetention, prune, putRetention, resetRetention } from '../../api/demos/retention.js';
import { fill, h, uniqueId } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { card, skeleton } from '../../elements/blocks.js';
import { confirm } from '../../elements/confirm.js';
import { failureText } from '../../elements/failure.js';
import { region } from '../../elements/region.js';
import { table } from '../../elements/table.js';
import { bytes, sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { announce, toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/demos/model.js').Retention} Retention */
/** @typedef {import('../../api/demos/model.js').Pruned} Pruned */

const GIB = 1024 ** 3;
const DAY = 86_400;
/** Rows that a person may still read. */
const mostRows = 200;

/** @param {() => void} changed Rules were set, or something was deleted. */
export function retentionCard(changed) {
  const place = h('div', { class: 'stack' });
  const rules = region({
    load: getRetention,
    skeleton: () => skeleton(4),
    render(data, root) {
      if (!root.contains(place)) fill(root, place);
      fill(place, form(data, again));
    },
  });
  function again() {
    rules.reload();
    changed();
  }
  rules.reload();
  const element = card(
    t('retention.title'),
    { className: 'retention' },
    h('p', { class: 'soft' }, t('retention.text')),
    rules.element,
    pruning(changed),
  );
  return { element, close: rules.close };
}

/**
 * @param {Retention} now
 * @param {() => void} saved
 */
function form(now, saved) {
  const quota = amount(t('retention.quota'), t('retention.no_limit'), now.max_bytes / GIB);
  const age = amount(t('retention.age'), t('retention.no_limit'), now.max_age / DAY);
  const flagged = h('input', {
    id: uniqueId('rule'),
    type: 'checkbox',
    class: 'checkbox',
    checked: now.keep_flagged,
  });
  const failed = h('p', { class: 'hint wrong', role: 'alert' });
  const button = h('button', { class: 'button primary' }, icon('check'), t('retention.save'));
  const element = h(
    'form',
    { class: 'form', novalidate: true, 'aria-label': t('retention.title') },
    h('div', { class: 'field-row' }, quota.element, age.element),
    h('p', { class: 'filter check' }, flagged, h('label', { for: flagged.id }, t('retention.keep_flagged'))),
    failed,
    h(
      'p',
      { class: 'actions' },
      button,
      now.configured
        ? h('span', { class: 'soft small' }, t('retention.configured'))
        : actionButton({
            label: t('retention.reset'),
            icon: 'retry',
            async run() {
              await resetRetention();
              toast(t('retention.saved'));
              saved();
            },
          }),
    ),
  );
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    const [gib, days] = [quota.read(), age.read()];
    failed.textContent = gib === null || days === null ? t('retention.wrong') : '';
    if (gib === null || days === null || button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await putRetention({
        max_bytes: Math.round(gib * GIB),
        max_age: Math.round(days * DAY),
        keep_flagged: flagged.checked,
        max_prune_ratio: now.max_prune_ratio,
      });
      toast(t('retention.saved'));
      saved();
    } catch (error) {
      failed.textContent = failureText(error);
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return element;
}

/**
 * @param {string} label
 * @param {string} none What an empty field means.
 * @param {number} now 0 = no limit.
 */
function amount(label, none, now) {
  const id = uniqueId('rule');
  const input = h('input', {
    id,
    class: 'input',
    type: 'number',
    min: 0,
    step: 'any',
    placeholder: none,
    value: now ? Math.round(now * 1000) / 1000 : null,
  });
  return {
    element: h('div', { class: 'field' }, h('label', { for: id }, label), input),
    /** What was typed, 0 for nothing, null when it is no amount. */
    read: () => (input.validity.valid ? Number(input.value) : null),
  };
}

/** @param {() => void} changed */
function pruning(changed) {
  const outcome = h('div', { class: 'made' });

  /**
   * @param {Pruned} answer
   * @param {boolean} plan Nothing was deleted yet.
   */
  function show(answer, plan) {
    const said = headline(answer, plan);
    fill(
      outcome,
      h('p', { class: 'strong' }, said),
      answer.held &&
        h('p', { class: 'notice warn' }, icon('warning'), t('prune.held', { count: answer.unknown })),
      answer.over > 0 && h('p', { class: 'soft' }, t('prune.over', { size: bytes(answer.over) })),
      gone(answer),
    );
    announce(said);
  }
  async function act() {
    const plan = await prune(true);
    show(plan, true);
    if (plan.removed.length + plan.orphans.length === 0) return;
    const sure = await confirm({
      title: t('prune.confirm'),
      body: [h('p', null, headline(plan, true)), h('p', null, t('prune.confirm_text'))],
      action: t('prune.act'),
    });
    if (!sure) return;
    const done = await prune(false);
    show(done, false);
    toast(headline(done, false));
    changed();
  }
  return h(
    'div',
    { class: 'report' },
    h(
      'p',
      { class: 'actions' },
      actionButton({
        label: t('prune.look'),
        icon: 'search',
        run: async () => show(await prune(true), true),
      }),
      actionButton({ label: t('prune.act'), icon: 'broom', run: act }),
    ),
    outcome,
  );
}

/**
 * @param {Pruned} answer
 * @param {boolean} plan
 */
function headline({ removed, orphans, bytes: size }, plan) {
  const told = { count: removed.length + orphans.length, size: bytes(size) };
  if (told.count === 0) return t('prune.nothing');
  return plan ? t('prune.would', told) : t('prune.done', told);
}

/** @param {Pruned} answer */
function gone({ removed, orphans }) {
  const known = removed.map((row) => ({ ...row, name: h('a', { href: `/app/demos/${row.id}` }, id(row)) }));
  const rows = [...known, ...orphans.map((row) => ({ ...row, name: id(row) }))];
  if (rows.length === 0) return null;
  const list = table(
    t('prune.list'),
    [{ label: t('demos.recording') }, { label: t('demos.size'), figures: true }, { label: t('prune.why') }],
    'inset prune',
  );
  list.body.append(
    ...rows
      .slice(0, mostRows)
      .map((row) => list.row(row.name, bytes(row.size), h('span', { lang: 'en' }, sentence(row.why)))),
  );
  const more = rows.length - mostRows;
  return [list.element, more > 0 && h('p', { class: 'soft small' }, t('prune.more', { count: more }))];
}

/** @param {{ id: string }} row */
function id(row) {
  return h('code', { class: 'path' }, row.id);
}
