/** One match: who played, who won, and what it did to the ratings. */

import { ApiError } from '../../api/client.js';
import { getMatch, voidMatch } from '../../api/matches.js';
import { may } from '../../api/session.js';
import { fill, h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { ask } from '../../elements/ask.js';
import { card, empty, pageHead, skeleton } from '../../elements/blocks.js';
import { coloured } from '../../elements/coloured.js';
import { copyable } from '../../elements/copy.js';
import { forMembers } from '../../elements/guest.js';
import { region } from '../../elements/region.js';
import { onDate } from '../../elements/time.js';
import { dateTime, moment } from '../../format.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { resultBadges } from '../matches/words.js';
import { formula, teamCard } from './teams.js';

/** @typedef {import('../../api/matches.js').MatchDetail} MatchDetail */

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function matchPage(place) {
  const id = decodeURIComponent(place.params[0]);
  const title = h('span', null, t('match.title'));
  const head = [
    h(
      'nav',
      { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
      h('a', { href: '/app/matches' }, t('nav.matches')),
    ),
    pageHead(title),
  ];
  if (!may('meta:read')) {
    return {
      title: t('match.title'),
      element: h('div', { class: 'page' }, head, forMembers(t('matches.guest'))),
    };
  }
  /** What is shown, so that an answer that says the same moves nothing. */
  let shown = '';
  const content = region({
    load: (signal) => getMatch(id, signal),
    className: 'stack',
    skeleton: () => h('div', { class: 'stack' }, skeleton(4, 'card'), skeleton(5, 'card')),
    refuse(error) {
      shown = '';
      return error instanceof ApiError && [400, 404, 422].includes(error.status) ? unknown() : null;
    },
    render(match, root) {
      const print = JSON.stringify(match);
      if (print === shown) return;
      shown = print;
      const when = moment(match.at);
      const words = t('match.of', { date: when ? dateTime(when) : t('time.unknown') });
      document.title = `${words} · Quartermaster`;
      title.textContent = words;
      const focused = root.contains(document.activeElement);
      fill(root, view(match, again));
      if (focused) title.closest('h1')?.focus();
    },
  });
  const again = () => content.reload();
  content.reload();
  const stop = onLive('resync', content.reload);
  return {
    title: t('match.title'),
    element: h('div', { class: 'page' }, head, content.element),
    close() {
      stop();
      content.close();
    },
  };
}

/**
 * @param {MatchDetail} match
 * @param {() => void} changed
 */
function view(match, changed) {
  return [
    h(
      'section',
      { class: 'card summary', 'aria-label': t('match.facts') },
      h('dl', { class: 'tiles' }, facts(match)),
      match.voided_at && voided(match),
      may('meta:moderate') && !match.voided_at && h('p', { class: 'actions' }, voidButton(match, changed)),
    ),
    ...match.teams.map((team, i) => teamCard(match, team, match.field[i] ?? [])),
    demos(match),
    formula(match.formula),
  ];
}

/** @param {MatchDetail} match */
function facts(match) {
  return [
    tile(t('match.result'), h('span', { class: 'badges' }, resultBadges(match))),
    tile(
      t('match.server'),
      match.server
        ? h('a', { href: `/app/matches?server=${match.server_id}` }, coloured(match.server))
        : h('span', { class: 'soft' }, t('match.server_gone', { id: match.server_id })),
    ),
    tile(t('match.map'), match.map ? name(match.map) : '–'),
    tile(t('match.ended'), onDate(match.at, true)),
    Boolean(match.key) && tile(t('match.key'), copyable(match.key ?? '', t('match.key'))),
  ];
}

/**
 * @param {string} term
 * @param {import('../../dom.js').Children} value
 */
function tile(term, value) {
  return h('div', { class: 'tile' }, h('dt', null, term), h('dd', null, value));
}

/** @param {MatchDetail} match */
function voided(match) {
  return h(
    'div',
    { class: 'notice warn' },
    icon('warning'),
    h(
      'div',
      { class: 'notice-body' },
      h('p', { class: 'notice-title' }, t('match.does_not_count'), ' ', onDate(match.voided_at, true)),
      match.void_reason && h('p', null, t('clan.because'), ' ', name(match.void_reason)),
      h('p', { class: 'soft' }, t('match.void_kept')),
    ),
  );
}

/**
 * @param {MatchDetail} match
 * @param {() => void} changed
 */
function voidButton(match, changed) {
  return actionButton({
    label: t('match.void'),
    icon: 'trash',
    focus: 'void',
    run: async () => {
      await ask({
        title: t('match.void_title'),
        body: h('p', null, t('match.void_text')),
        fields: [{ key: 'reason', label: t('match.void_reason'), required: true, most: 500, long: true }],
        action: t('match.void'),
        danger: true,
        run: async ({ reason }) => {
          await voidMatch(match.id, reason);
          toast(t('match.void_done'));
          changed();
        },
      });
    },
  });
}

/** @param {MatchDetail} match */
function demos(match) {
  if (match.demos.length === 0) return h('div', { hidden: true });
  return card(
    t('match.demos'),
    {},
    h(
      'ul',
      { class: 'clan-lines' },
      match.demos.map((demo) =>
        h(
          'li',
          { class: 'clan-line' },
          h('a', { class: 'row-title', href: `/app/demos/${demo.id}` }, name(demo.name || `#${demo.id}`)),
          h('span', { class: 'soft small' }, onDate(demo.start_at, true)),
        ),
      ),
    ),
  );
}

function unknown() {
  return h(
    'div',
    { class: 'card' },
    empty(
      'flag',
      t('match.unknown'),
      h('p', null, h('a', { class: 'button', href: '/app/matches' }, t('nav.matches'))),
    ),
  );
}
