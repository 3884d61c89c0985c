/** Matches and leaderboards as the tests find them. */

import { ago } from './clans.js';
import { rich } from './demos.js';

/** @typedef {import('../../static/scripts/api/matches.js').MatchDetail} MatchDetail */
/** @typedef {{ account: string, rating: number, played: number, won: number, led: number, wonLed: number }} Stats */

/** How the daemon rates, with two teams and one who won. */
const rules = { name: /** @type {const} */ ('readme'), initial: 800, team_weight: 0.8, step: 64, floor: 100 };

/** Registered servers by number. */
export const serverNames = { 3: '^900Red ^wArena', 4: 'Север' };

/**
 * @param {number[]} field Ratings before.
 * @param {number} opponent
 * @param {number} score
 * @param {{ id: string, name: string }[]} people
 */
function changes(field, opponent, score, people) {
  const mean = field.reduce((sum, one) => sum + one, 0) / field.length;
  return field.map((before, i) => {
    const weighted = rules.team_weight * mean + (1 - rules.team_weight) * before;
    const expected = 1 / (1 + 10 ** ((opponent - weighted) / rules.initial));
    const factor = (rules.initial * rules.step) / before;
    const player = people[i];
    const after = player ? Math.max(rules.floor, before + factor * (score - expected)) : before;
    return {
      ...(player ? { player } : {}),
      before,
      weighted,
      expected,
      score,
      factor,
      after,
      change: after - before,
    };
  });
}

/** @param {Map<string, string>} names @returns {MatchDetail[]} */
export function sampleMatches(names) {
  /** @param {number} id */
  const person = (id) => ({ id: String(id), name: names.get(String(id)) ?? '' });
  /** @type {MatchDetail[]} */
  const matches = [];
  for (let i = 60; i >= 1; i -= 1) {
    const server = i % 7 === 0 ? 5 : i % 2 ? 3 : 4;
    const [one, other] = [
      [812, 790.5, 800],
      [801, 640 + i, 800],
    ];
    const [mean, against] = [one, other].map((all) => all.reduce((sum, r) => sum + r, 0) / all.length);
    const draw = i % 10 === 0;
    const scores = draw ? [0.5, 0.5] : i % 3 ? [1, 0] : [0, 1];
    matches.push({
      id: String(i),
      server_id: String(server),
      server: /** @type {Record<string, string>} */ (serverNames)[String(server)] ?? '',
      at: ago(61 - i),
      ...(server === 5 ? {} : { map: i % 4 ? 'eden' : 'duskwood' }),
      draw,
      teams: [
        {
          id: 0,
          race: 'human',
          won: scores[0] === 1,
          players: 3,
          mean,
          opponent: against,
          commander: person(5),
        },
        { id: 1, race: 'beast', won: scores[1] === 1, players: 3, mean: against, opponent: mean },
      ],
      formula: rules,
      field: [
        changes(one, against, scores[0], [person(1), person(2), person(99)]),
        changes(other, mean, scores[1], [person(i % 5 ? 3 : 6), person(4)]),
      ],
      demos: [],
    });
  }
  const [newest, second] = matches;
  newest.key = 'arena-2026-11-20-7';
  newest.demos = [{ id: rich, name: 'auto-20261119-2010-pl_upward', start_at: ago(1.02), end_at: ago(1) }];
  Object.assign(second, {
    voided_at: ago(0.5),
    void_reason: 'The server was restarted “\u202ein the middle',
  });
  return matches;
}

/** Everybody who has played, by server; '' = all. @returns {Record<string, Stats[]>} */
export function sampleBoards() {
  /** @type {Stats[]} */
  const all = [];
  for (let i = 7; i <= 90; i += 1) {
    all.push({
      account: String(i),
      rating: 1200 - i * 5.5,
      played: 100 - i,
      won: 60 - Math.floor(i / 2),
      led: i % 3,
      wonLed: 0,
    });
  }
  all.push({ account: '1', rating: 1007.4, played: 41, won: 23, led: 4, wonLed: 3 });
  all.push({ account: '4', rating: 931, played: 12, won: 5, led: 0, wonLed: 0 });
  return {
    overall: all,
    3: [{ account: '1', rating: 840, played: 2, won: 1, led: 0, wonLed: 0 }, ...all.slice(0, 5)],
    4: [],
  };
}
