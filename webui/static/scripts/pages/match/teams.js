/** The teams of a match: ratings before and after, and why, in words. */

import { h, name } from '../../dom.js';
import { badge } from '../../elements/badge.js';
import { card } from '../../elements/blocks.js';
import { table } from '../../elements/table.js';
import { percent } from '../../format.js';
import { t } from '../../texts.js';
import { playerLink } from '../clans/words.js';
import { change, changeBadge, figure, rating, teamName } from '../matches/words.js';

/** @typedef {import('../../api/matches.js').Change} Change */
/** @typedef {import('../../api/matches.js').MatchDetail} MatchDetail */
/** @typedef {import('../../api/matches.js').Team} Team */

/**
 * @param {MatchDetail} match
 * @param {Team} team
 * @param {Change[]} field
 */
export function teamCard(match, team, field) {
  const result = match.draw
    ? badge(t('match.draw'))
    : team.won
      ? badge(t('match.winner'), 'good', true)
      : badge(t('match.lost'));
  const list = table(
    teamName(team),
    [
      { label: t('clan.player') },
      { label: t('match.before'), figures: true },
      { label: t('match.after'), figures: true },
      { label: t('match.change'), figures: true },
      { label: t('match.why') },
    ],
    'rated',
  );
  list.body.append(
    ...field.map((one) =>
      list.row(
        one.player
          ? playerLink(one.player.id, one.player.name, 'row-title')
          : h('span', { class: 'soft' }, t('match.no_account')),
        rating(one.before),
        one.player ? rating(one.after) : '–',
        one.player ? changeBadge(one.change) : '–',
        h(
          'span',
          { class: 'soft small why' },
          one.player ? explanation(one, team) : t('match.no_account_text'),
        ),
      ),
    ),
  );
  return card(
    teamName(team),
    { className: 'flush team-card', beside: result },
    h(
      'p',
      { class: 'card-text soft' },
      t('match.strength', { mean: figure(team.mean), opponent: figure(team.opponent) }),
      team.commander && [' ', t('match.commander'), ' ', playerLink(team.commander.id, team.commander.name)],
    ),
    list.element,
  );
}

/**
 * @param {Change} one
 * @param {Team} team
 */
function explanation(one, team) {
  const values = {
    weighted: figure(one.weighted),
    opponent: figure(team.opponent),
    expected: percent(one.expected),
    factor: figure(one.factor),
    surplus: change(one.score - one.expected),
    change: change(one.change),
  };
  const words =
    one.score === 1
      ? t('match.why_won', values)
      : one.score === 0
        ? t('match.why_lost', values)
        : t('match.why_draw', values);
  return Math.abs(one.factor * (one.score - one.expected) - one.change) > 0.05
    ? [words, ' ', t('match.why_floor')]
    : words;
}

/** How ratings are reckoned, folded. @param {import('../../api/matches.js').Formula} rules */
export function formula(rules) {
  const share = percent(rules.team_weight);
  return h(
    'details',
    { class: 'card more' },
    h('summary', null, h('span', { class: 'strong' }, t('match.how'))),
    h(
      'div',
      { class: 'stack-small' },
      h('p', null, t('match.how_begin', { initial: figure(rules.initial), floor: figure(rules.floor) })),
      h('p', null, t('match.how_weight', { share })),
      h('p', null, t('match.how_expected', { scale: figure(rules.initial) })),
      h('p', null, t('match.how_step', { step: figure(rules.step) })),
      h('p', { class: 'soft' }, t(`match_formula.${rules.name}`), ' ', name(`(${rules.name})`)),
    ),
  );
}
