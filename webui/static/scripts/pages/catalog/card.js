/** One mod of the catalogue. */

import { h, name } from '../../dom.js';
import { cover } from '../../elements/cover.js';
import { ago } from '../../elements/time.js';
import { bytes, number } from '../../format.js';
import { t } from '../../texts.js';
import { modTitle } from '../mods/title.js';
import { conditionBadge } from './condition.js';

const shownTags = 3;

/** @param {import('../../api/model.js').CatalogMod} mod */
export function modCard(mod) {
  const title = modTitle({ title: mod.name, id: mod.id });
  const size = mod.archive_size || mod.size;
  return h(
    'li',
    { class: 'mod-card' },
    cover(mod.id, title),
    h(
      'div',
      { class: 'mod-card-head' },
      h(
        'a',
        { class: 'row-title stretched', href: `/app/mods/${mod.id}`, 'data-focus': `mod-${mod.id}` },
        name(title),
      ),
      h('p', { class: 'soft small' }, mod.game ? name(mod.game.name) : t('app.0')),
    ),
    h('p', { class: 'mod-card-tags badges' }, conditionBadge(mod.condition), tags(mod.tags)),
    h(
      'dl',
      { class: 'mod-card-facts small' },
      fact(t('catalog.downloads'), number(mod.downloads)),
      fact(t('catalog.size'), size ? bytes(size) : '–'),
      fact(t('catalog.updated'), mod.updated_at ? ago(mod.updated_at) : '–'),
    ),
  );
}

/** @param {{ id: string, name: string }[]} all */
function tags(all) {
  const rest = all.length - shownTags;
  return [
    ...all.slice(0, shownTags).map((tag) => h('span', { class: 'badge plain' }, name(tag.name))),
    rest > 0 && h('span', { class: 'badge plain' }, t('catalog.more_tags', { count: rest })),
  ];
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function fact(term, value) {
  return h('div', null, h('dt', { class: 'soft' }, term), h('dd', null, value));
}
