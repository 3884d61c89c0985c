/** How matches are told: teams, results, ratings. */

import { badge } from '../../elements/badge.js';
import { number } from '../../format.js';
import { locale, t } from '../../texts.js';

/** @typedef {import('../../api/matches.js').Match} Match */
/** @typedef {import('../../api/matches.js').Team} Team */

/** Ratings are kept exactly and shown whole. @param {number} value */
export function rating(value) {
  return number(Math.round(value));
}

/**
 * With its sign, and more digits the smaller it is.
 * @param {number} value
 */
export function change(value) {
  const digits = Math.abs(value) < 1 ? 2 : Math.abs(value) < 10 ? 1 : 0;
  return new Intl.NumberFormat(locale(), {
    signDisplay: 'exceptZero',
    maximumFractionDigits: digits,
  }).format(value);
}

/** @param {number} value */
export function figure(value) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(value);
}

/** Green and up, red and down. @param {number} value */
export function changeBadge(value) {
  return badge(change(value), value > 0 ? 'good' : value < 0 ? 'bad' : 'plain');
}

/** @param {Team} team */
export function teamName(team) {
  return t('match.team', { number: String(team.id + 1), race: t(`race.${team.race}`) });
}

/** Who won, in one badge. @param {Match} match */
export function resultBadges(match) {
  const winner = match.teams.find((team) => team.won);
  return [
    match.draw || !winner
      ? badge(t('match.draw'))
      : badge(t('match.won', { team: teamName(winner) }), 'good'),
    match.voided_at && badge(t('match.voided'), 'warn', true),
  ];
}
