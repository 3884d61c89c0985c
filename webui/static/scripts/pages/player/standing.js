/** What a player did on each server: rating, place, matches. */

import { h } from '../../dom.js';
import { card } from '../../elements/blocks.js';
import { coloured } from '../../elements/coloured.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { number } from '../../format.js';
import { t } from '../../texts.js';

/** @typedef {import('../../api/players.js').Standing} Standing */

/** @param {{ overall: Standing, servers: Standing[] }} standing */
export function standingCard({ overall, servers }) {
  const rows = table(
    t('player.servers'),
    [
      { label: t('player.server') },
      { label: t('player.rating'), figures: true },
      { label: t('player.rank'), figures: true },
      { label: t('player.in_field'), figures: true },
      { label: t('player.as_commander'), figures: true },
      { label: t('player.last_there') },
    ],
    'standings',
  );
  rows.body.append(...[overall, ...servers].map((one) => rows.row(...cells(one))));
  return card(t('player.servers'), { className: 'flush' }, rows.element);
}

/** @param {Standing} one @returns {import('../../dom.js').Children[]} */
function cells(one) {
  return [
    one.server_id
      ? h('a', { href: `/app/servers/${one.server_id}` }, coloured(one.server || `#${one.server_id}`))
      : h('strong', null, t('player.overall')),
    number(Math.round(one.rating)),
    one.rank
      ? t('player.rank_of', { rank: one.rank, of: one.of })
      : h('span', { class: 'soft' }, t('player.unranked')),
    t('player.won_of', { won: one.won_field, played: one.played_field }),
    t('player.won_of', { won: one.won_command, played: one.played_command }),
    ago(one.last_seen),
  ];
}
