/** One game: what it is, the tags of its mods, the way to them. */

import { getGame } from '../../api/catalog.js';
import { ApiError } from '../../api/client.js';
import { fill, h, keyed, name } from '../../dom.js';
import { card, empty, pageHead, skeleton } from '../../elements/blocks.js';
import { copyable } from '../../elements/copy.js';
import { calm, region } from '../../elements/region.js';
import { number } from '../../format.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { parseHTML } from '../../markup/html.js';
import { renderMarkup } from '../../markup/render.js';
import { t } from '../../texts.js';
import { gameBadges } from './list.js';

/** @typedef {import('../../api/model.js').GameDetail} GameDetail */

const calmMs = 2_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function gamePage(place) {
  const wanted = decodeURIComponent(place.params[0]);
  const heading = h('span', null, wanted);
  const [facts, tagged, words] = [h('div', null), h('div', null), h('div', null)];
  const content = region({
    load: (signal) => getGame(wanted, signal),
    skeleton: () => skeleton(4, 'card'),
    render(game, root) {
      document.title = `${game.name} · Quartermaster`;
      fill(heading, name(game.name));
      const { id, tags, description: long, short_description: short } = game;
      keyed(facts, [{ ...game, description: '' }], () => 'facts', factCard);
      keyed(tagged, [{ id, tags }], () => 'tags', tagCard);
      keyed(words, [long || short], () => 'words', description);
      if (!root.contains(facts)) fill(root, facts, tagged, words);
    },
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? unknown(wanted) : null),
    className: 'stack',
  });
  content.reload();
  const soon = calm(content.reload, calmMs);
  const stops = [onLive('mods.changed', soon), onLive('resync', soon)];

  return {
    title: wanted,
    element: h('div', { class: 'page' }, breadcrumb(), pageHead(heading), content.element),
    close() {
      soon.cancel();
      for (const stop of stops) stop();
      content.close();
    },
  };
}

function breadcrumb() {
  return h(
    'nav',
    { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
    h('a', { href: '/app/games' }, t('nav.games')),
  );
}

/** @param {GameDetail} game */
function factCard(game) {
  return h(
    'section',
    { class: 'card summary', 'aria-label': t('mod.summary') },
    h(
      'dl',
      { class: 'tiles' },
      tile(t('games.mods'), number(game.mods)),
      tile(t('catalog.downloads'), number(game.downloads)),
      tile(t('games.app'), copyable(game.id, t('games.app'), { focus: 'app' })),
      (game.genres.length > 0 || game.placeholder) &&
        tile(t('games.genres'), h('span', { class: 'badges' }, gameBadges(game))),
      /^\d+$/.test(game.id) && tile(t('mod.page'), storeLink(game.id)),
    ),
    h(
      'p',
      { class: 'actions' },
      h(
        'a',
        { class: 'button primary', href: `/app/catalog?game=${encodeURIComponent(game.id)}` },
        icon('mods'),
        t('games.to_mods'),
      ),
    ),
  );
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/** @param {string} id */
function storeLink(id) {
  return h(
    'a',
    { href: `https://store.steampowered.com/app/${id}/`, rel: 'noreferrer', target: '_blank' },
    t('games.store'),
    ' ',
    icon('external', 'inline'),
  );
}

/** @param {Pick<GameDetail, 'id' | 'tags'>} game */
function tagCard({ id, tags }) {
  const game = encodeURIComponent(id);
  return card(
    t('catalog.tags'),
    {},
    tags.length === 0
      ? h('p', { class: 'soft' }, t('games.no_tags'))
      : h(
          'ul',
          { class: 'chips' },
          tags.map((tag) =>
            h(
              'li',
              null,
              h(
                'a',
                { class: 'chip', href: `/app/catalog?game=${game}&tag=${encodeURIComponent(tag.id)}` },
                name(tag.name),
                h('span', { class: 'chip-count' }, number(tag.mods)),
              ),
            ),
          ),
        ),
  );
}

/** @param {string} text Steam's HTML. */
function description(text) {
  return card(
    t('mod.description'),
    {},
    text ? renderMarkup(parseHTML(text)) : h('p', { class: 'soft' }, t('games.no_description')),
  );
}

/** @param {string} wanted */
function unknown(wanted) {
  return empty(
    'game',
    t('games.unknown'),
    h('p', null, h('bdi', null, h('code', null, wanted))),
    h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/games' }, t('games.to_list'))),
  );
}
