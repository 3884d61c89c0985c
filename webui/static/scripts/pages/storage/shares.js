/** What of the store belongs to which game, and which source delivered it. */

import { h, name } from '../../dom.js';
import { card, meter } from '../../elements/blocks.js';
import { table } from '../../elements/table.js';
import { bytes, number, percent } from '../../format.js';
import { t, tOr } from '../../texts.js';
import { appName } from '../mods/title.js';

/** @typedef {import('../../api/model.js').Storage} Storage */

/** @param {Storage['by_game']} games */
export function gameShares(games) {
  const list = table(
    t('storage.by_game'),
    [
      { label: t('storage.game') },
      { label: t('storage.mods'), figures: true },
      { label: t('storage.kept'), figures: true },
      { label: t('storage.size'), figures: true },
    ],
    'shares',
  );
  const whole = games.reduce((sum, game) => sum + game.bytes, 0);
  list.body.append(
    ...games.map((game) => {
      const title = game.name || appName(game.app);
      const label = game.app
        ? h(
            'a',
            { class: 'row-title', href: `/app/catalog?game=${game.app}`, 'data-focus': `game-${game.app}` },
            name(title),
          )
        : h('span', { class: 'strong' }, title);
      return list.row(
        [label, share(game.bytes, whole, title)],
        number(game.mods),
        number(game.versions),
        bytes(game.bytes),
      );
    }),
  );
  return card(t('storage.by_game'), { className: 'flush' }, list.element);
}

/** @param {Storage['by_source']} sources */
export function sourceShares(sources) {
  const list = table(
    t('storage.by_source'),
    [
      { label: t('storage.source') },
      { label: t('storage.kept'), figures: true },
      { label: t('storage.size'), figures: true },
    ],
    'shares',
  );
  const whole = sources.reduce((sum, source) => sum + source.bytes, 0);
  list.body.append(
    ...sources.map(({ source, versions, bytes: size }) => {
      const title = tOr(`source.${source}`, source);
      return list.row(
        [h('span', { class: 'strong' }, name(title)), share(size, whole, title)],
        number(versions),
        bytes(size),
      );
    }),
  );
  return card(t('storage.by_source'), { className: 'flush' }, list.element);
}

/**
 * @param {number} size
 * @param {number} whole
 * @param {string} title
 */
function share(size, whole, title) {
  const part = whole ? size / whole : 0;
  return meter(part, t('storage.share', { name: title }), { text: percent(part) });
}
