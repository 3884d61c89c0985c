/** Clans and skins as the tests find them. */

const day = 86_400_000;

/** @param {number} days Before now. */
export const ago = (days) => new Date(Date.now() - days * day).toISOString();

/**
 * @typedef {object} Clan
 * @property {string} id
 * @property {string} tag
 * @property {string} name
 * @property {string} created_at
 * @property {string} [disbanded_at]
 * @property {string} [disband_reason]
 * @property {string} icon
 * @property {{ account: string, rank: string, joined_at: string }[]} roster
 * @property {{ account: string, invited_at: string }[]} invites
 * @property {string[]} skins
 */

/** A square of one colour, 1 × 1. */
export const icon =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQmhEAAAIgAP8pY3RVAAAAAElFTkSuQmCC';

/** Who has an account, by number. The caller is number 1. */
export function sampleNames() {
  /** @type {Map<string, string>} */
  const names = new Map([
    ['1', 'Ada'],
    ['2', 'Grace'],
    ['3', 'Linus “\u202egnp.exe'],
    ['4', 'Мария'],
    ['5', 'foo'],
    ['6', 'bar'],
  ]);
  for (let i = 7; i <= 90; i += 1) names.set(String(i), `Player ${i}`);
  return names;
}

const tags = ['^900Zz^wzz', 'QM', '^g[^009QM^g]', '^kO^wX', '^ySun', '^555abc'];

/** @returns {Clan[]} */
export function sampleClans() {
  /** @type {Clan[]} */
  const clans = [];
  for (let i = 1; i <= 31; i += 1) {
    clans.push({
      id: String(i),
      tag: tags[i - 1] ?? `^${i % 10}${(i * 3) % 10}${(i * 7) % 10}K${String(i).padStart(2, '0')}`,
      name:
        ['Night Shift', 'Quartermasters', 'Клан осени', 'שבט \u202eabc', 'Sunday Team', 'The Greys'][i - 1] ??
        `Clan ${i}`,
      created_at: ago(i * 9),
      icon,
      roster: [{ account: String(i + 6), rank: 'owner', joined_at: ago(i * 9) }],
      invites: [],
      skins: [],
    });
  }
  const [first, second, third] = clans;
  first.roster = [
    { account: '1', rank: 'owner', joined_at: ago(9) },
    { account: '2', rank: 'admin', joined_at: ago(8) },
    { account: '3', rank: 'member', joined_at: ago(7) },
    { account: '4', rank: 'member', joined_at: ago(3) },
    { account: '99', rank: 'member', joined_at: ago(2) },
  ];
  first.invites = [{ account: '6', invited_at: ago(1) }];
  first.skins = ['1'];
  second.invites = [{ account: '1', invited_at: ago(2) }];
  third.roster.push({ account: '2', rank: 'member', joined_at: ago(4) });
  Object.assign(clans[30], { disbanded_at: ago(5), disband_reason: 'The name insulted others', roster: [] });
  return clans;
}

/**
 * @typedef {object} Skin
 * @property {string} id
 * @property {string} kind
 * @property {string} unit
 * @property {string} model_path
 * @property {string} [description]
 * @property {string} created_at
 * @property {string[]} players
 */

/** @returns {Skin[]} */
export function sampleSkins() {
  return [
    {
      id: '1',
      kind: 'model',
      unit: 'human_nomad',
      model_path: '/models/nomad_gold.s2z',
      description: 'For the winners of the autumn cup',
      created_at: ago(40),
      players: ['2', '5'],
    },
    {
      id: '2',
      kind: 'model',
      unit: 'beast_scavenger',
      model_path: '/models/scavenger_white.s2z',
      created_at: ago(20),
      players: [],
    },
  ];
}
