/** What a mod needs, what of it is here, and which mods need this one. */

import { fetchDependencies } from '../../api/catalog.js';
import { may } from '../../api/session.js';
import { h, name } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { failureText } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { dependencyBadge } from '../catalog/condition.js';
import { modTitle } from '../mods/title.js';

/** What the API lists at most; the catalogue shows them all. */
const mostDependents = 50;

/** @typedef {import('../../api/model.js').Dependency} Dependency */

/**
 * @param {{ id: string, needed: Dependency[], dependents: { id: string, name: string }[] }} mod
 * @param {() => void} changed
 */
export function dependencies({ id, needed, dependents }, changed) {
  return h(
    'div',
    { class: 'columns' },
    needed.length > 0 && neededCard(id, needed, changed),
    dependents.length > 0 && dependentsCard(id, dependents),
  );
}

/**
 * @param {string} id
 * @param {Dependency[]} needed
 * @param {() => void} changed
 */
function neededCard(id, needed, changed) {
  const missing = needed.filter((one) => one.state === 'absent').length;
  const refused = h('ul', { class: 'small soft', role: 'status' });
  return card(
    t('mod.needs'),
    {},
    h('ul', { class: 'shelf' }, needed.map(neededRow)),
    missing > 0
      ? may('mods:write') && h('p', { class: 'actions' }, fetchButton(id, missing, refused, changed))
      : h('p', { class: 'proof' }, icon('check'), allHere(needed)),
    refused,
  );
}

/** @param {Dependency[]} needed */
function allHere(needed) {
  return needed.every((one) => one.state === 'stored') ? t('mod.needs_complete') : t('mod.needs_coming');
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
 * @param {string} id
 * @param {number} missing
 * @param {HTMLElement} refused Takes what could not be asked for, and why.
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
      refused.replaceChildren(
        ...skipped.map((one) =>
          h('li', null, h('code', null, one.id), ' ', h('span', { lang: 'en' }, sentence(one.why))),
        ),
      );
      if (queued.length) changed();
    } catch (error) {
      toast(failureText(error), 'error');
    } finally {
      button.disabled = false;
    }
  });
  return button;
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
