/** What a mod needs, what of it is here, and which mods need this one. */

import { fetchDependencies } from '../../api/catalog.js';
import { may } from '../../api/session.js';
import { fill, h, keyed, name } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';
import { dependencyBadge } from '../catalog/condition.js';
import { modTitle } from '../mods/title.js';

/** What the API lists at most; the catalogue shows them all. */
const mostDependents = 50;

/** Reasons to skip a mod that nobody needs to hear: it is no longer missing. */
const settled = new Set(['is here', 'is being fetched']);

/** @typedef {import('../../api/model.js').Dependency} Dependency */

/**
 * What could not be fetched stays said while the lists are fetched anew.
 * @param {() => void} changed
 */
export function dependencies(changed) {
  const rows = h('ul', { class: 'shelf' });
  const summary = h('div', null);
  const refused = h('div', { class: 'refusals small soft', role: 'status' });
  const needs = card(t('mod.needs'), {}, rows, summary, refused);
  const by = h('div', null);
  const element = h('div', { class: 'columns' }, needs, by);

  /** @param {{ id: string, needed: Dependency[], dependents: { id: string, name: string }[] }} mod */
  function update({ id, needed, dependents }) {
    element.hidden = needed.length + dependents.length === 0;
    needs.hidden = needed.length === 0;
    by.hidden = dependents.length === 0;
    keyed(rows, needed, (one) => one.id, neededRow);
    const missing = needed.filter((one) => one.state === 'absent').length;
    const whole = needed.every((one) => one.state === 'stored');
    keyed(
      summary,
      [{ missing, whole }],
      () => id,
      () => outlook(id, missing, whole, refused, changed),
    );
    keyed(
      by,
      dependents.length ? [dependents] : [],
      () => id,
      (all) => dependentsCard(id, all),
    );
  }
  return { element, update };
}

/** @param {Dependency} one */
function neededRow(one) {
  return h(
    'li',
    null,
    h(
      'a',
      { class: 'shelf-title stretched', href: `/app/mods/${one.id}`, 'data-focus': `needs-${one.id}` },
      name(modTitle({ title: one.name, id: one.id })),
    ),
    h('code', { class: 'soft small' }, one.id),
    dependencyBadge(one.state),
  );
}

/**
 * All is here, or comes, or can be asked for.
 * @param {string} id
 * @param {number} missing
 * @param {boolean} whole
 * @param {HTMLElement} refused Takes what could not be asked for, and why.
 * @param {() => void} changed
 */
function outlook(id, missing, whole, refused, changed) {
  if (missing > 0) {
    return h('p', { class: 'actions' }, may('mods:write') && fetchButton(id, missing, refused, changed));
  }
  const text = whole ? t('mod.needs_complete') : t('mod.needs_coming');
  return h('p', { class: whole ? 'proof good' : 'proof' }, icon(whole ? 'check' : 'clock'), text);
}

/**
 * @param {string} id
 * @param {number} missing
 * @param {HTMLElement} refused
 * @param {() => void} changed
 */
function fetchButton(id, missing, refused, changed) {
  const button = h(
    'button',
    { type: 'button', class: 'button primary', 'data-focus': 'fetch-missing' },
    icon('download'),
    t('mod.fetch_missing', { count: missing }),
  );
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const { queued, skipped } = await fetchDependencies(id);
      toast(t('mod.fetch_queued', { count: queued.length }), queued.length ? 'good' : 'quiet');
      const real = skipped.filter(({ why }) => !settled.has(why));
      fill(refused, real.length > 0 && refusals(real));
      changed();
    } catch (error) {
      toast(failureText(error), 'error');
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** @param {{ id: string, why: string }[]} skipped */
function refusals(skipped) {
  return [
    h('p', null, t('mod.fetch_skipped', { count: skipped.length })),
    h(
      'ul',
      null,
      skipped.map((one) =>
        h('li', null, h('code', null, one.id), ': ', tOr(`reason.${one.why}`, sentence(one.why))),
      ),
    ),
  ];
}

/**
 * @param {string} id
 * @param {{ id: string, name: string }[]} dependents
 */
function dependentsCard(id, dependents) {
  return card(
    t('mod.needed_by'),
    {},
    h(
      'ul',
      { class: 'shelf' },
      dependents.map((one) =>
        h(
          'li',
          null,
          h(
            'a',
            { class: 'shelf-title stretched', href: `/app/mods/${one.id}`, 'data-focus': `by-${one.id}` },
            name(modTitle({ title: one.name, id: one.id })),
          ),
        ),
      ),
    ),
    dependents.length >= mostDependents &&
      h(
        'p',
        { class: 'actions' },
        h('a', { class: 'button', href: `/app/catalog?dependency=${id}` }, t('mod.all_dependents')),
      ),
  );
}
