/** What the catalogue knows of a mod: description, tags, what it needs and what needs it. */

import { getCatalogMod } from '../../api/catalog.js';
import { ApiError } from '../../api/client.js';
import { fill, h, keyed, name } from '../../dom.js';
import { moving } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { calm, region } from '../../elements/region.js';
import { onDate } from '../../elements/time.js';
import { bytes, number } from '../../format.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { parseBBCode } from '../../markup/bbcode.js';
import { renderMarkup } from '../../markup/render.js';
import { t, tOr } from '../../texts.js';
import { dependencies } from './dependencies.js';

/** @typedef {import('../../api/model.js').CatalogDetail} CatalogDetail */

const calmMs = 1_500;

/**
 * The catalogue lists what can be served or is on its way; it is not asked for
 * anything else.
 * @param {import('../../api/model.js').Mod} mod
 */
function listed(mod) {
  return moving(mod.state) || mod.versions.some((version) => version.state === 'ready');
}

export function catalogPart() {
  let id = '';
  const about = h('div', null);
  const needs = dependencies(() => place.reload());
  const place = region({
    load: (signal) => getCatalogMod(id, signal),
    render(mod, root) {
      const { dependencies: needed, dependents, ...rest } = mod;
      if (!root.contains(about)) fill(root, about, needs.element);
      keyed(about, [rest], (one) => one.id, aboutCard);
      needs.update({ id: mod.id, needed, dependents });
    },
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? h('p', { hidden: true }) : null), // not in the catalogue
    className: 'stack catalog-part',
  });
  const soon = calm(() => id && place.reload(), calmMs);
  // Any change may be that of a mod which this one needs.
  const stops = [onLive('mods.changed', soon), onLive('resync', soon)];

  /** @param {import('../../api/model.js').Mod} mod */
  function update(mod) {
    const wanted = listed(mod) ? mod.id : '';
    place.element.hidden = !wanted;
    if (wanted === id) return;
    id = wanted;
    if (id) place.reload();
  }
  return {
    element: place.element,
    update,
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      place.close();
    },
  };
}

/** @param {Omit<CatalogDetail, 'dependencies' | 'dependents'>} mod */
function aboutCard(mod) {
  return card(
    t('mod.about'),
    {},
    h(
      'dl',
      { class: 'tiles' },
      mod.game && tile(t('mod.app'), gameLink(mod.game)),
      tile(t('catalog.downloads'), number(mod.downloads)),
      tile(t('mod.archive'), sizes(mod)),
      mod.condition !== 1 && mod.created_at && tile(t('catalog.created'), onDate(mod.created_at)),
      mod.updated_at && tile(t('catalog.updated'), onDate(mod.updated_at)),
    ),
    tagLinks(mod),
    h(
      'section',
      { 'aria-label': t('mod.description') },
      mod.description
        ? renderMarkup(parseBBCode(mod.description))
        : h('p', { class: 'soft' }, t('mod.no_description')),
    ),
    pictures(mod),
  );
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/** @param {{ id: string, name: string }} game */
function gameLink(game) {
  return h('a', { href: `/app/games/${encodeURIComponent(game.id)}`, 'data-focus': 'game' }, name(game.name));
}

/** @param {{ size: number, archive_size: number }} mod */
function sizes(mod) {
  if (!mod.archive_size) return mod.size ? bytes(mod.size) : '–';
  return [
    bytes(mod.archive_size),
    mod.size > 0 &&
      h('span', { class: 'soft small block' }, t('mod.size_at_steam', { size: bytes(mod.size) })),
  ];
}

/** @param {Pick<CatalogDetail, 'tags' | 'game'>} mod */
function tagLinks({ tags, game }) {
  if (tags.length === 0) return null;
  const within = game ? `game=${encodeURIComponent(game.id)}&` : '';
  return h(
    'ul',
    { class: 'chips', 'aria-label': t('catalog.tags') },
    tags.map((tag) =>
      h(
        'li',
        null,
        h(
          'a',
          {
            class: 'chip',
            href: `/app/catalog?${within}tag=${encodeURIComponent(tag.id)}`,
            'data-focus': `tag-${tag.id}`,
          },
          name(tag.name),
        ),
      ),
    ),
  );
}

/**
 * Pictures stand at Steam: they are links, because the page loads nothing from there.
 * @param {Pick<CatalogDetail, 'resources'>} mod
 */
function pictures({ resources }) {
  const safe = resources.filter(({ url }) => /^https?:\/\//i.test(url));
  if (safe.length === 0) return null;
  return h(
    'ul',
    { class: 'pictures', 'aria-label': t('mod.pictures') },
    safe.map(({ type, url }, i) =>
      h(
        'li',
        null,
        h(
          'a',
          { href: url, title: url, rel: 'noreferrer', target: '_blank', 'data-focus': `picture-${i}` },
          tOr(`resource.${type}`, type),
          ' ',
          h('span', { class: 'visually-hidden' }, number(i + 1)),
          icon('external', 'inline'),
        ),
      ),
    ),
  );
}
