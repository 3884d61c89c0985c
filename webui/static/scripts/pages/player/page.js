/** One player: clans, rating, what he did on each server, his matches. */

import { ApiError } from '../../api/client.js';
import { demosOn, mayJudge } from '../../api/demos/library.js';
import { getPlayer, getStats } from '../../api/players.js';
import { current, may } from '../../api/session.js';
import { fill, h, keyed, name } from '../../dom.js';
import { card, empty, pageHead, skeleton } from '../../elements/blocks.js';
import { coloured } from '../../elements/coloured.js';
import { forMembers } from '../../elements/guest.js';
import { region } from '../../elements/region.js';
import { ago, onDate } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { t } from '../../texts.js';
import { playerMarks } from '../players/page.js';
import { ratingHistory } from './history.js';
import { moderatePlayer } from './moderate.js';
import { playedCard } from './played.js';
import { standingCard } from './standing.js';

/** @typedef {import('../../api/players.js').Profile} Profile */

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function playerPage(place) {
  if (!may('meta:read')) return membersOnly();
  const id = decodeURIComponent(place.params[0]);
  const title = h('bdi', null, t('player.title'));
  const marks = h('div', null);
  const facts = h('div', null);
  const stats = h('div', null);
  const staff = h('div', null);
  const played = playedCard(id);
  const history = ratingHistory(id);
  const parts = h('div', { class: 'stack' }, facts, history.element, stats, played.element, staff);

  const content = region({
    load: (signal) => everything(id, signal),
    className: 'stack',
    skeleton: () => h('div', { class: 'stack' }, skeleton(4, 'card'), skeleton(4, 'card')),
    refuse: (error) => (error instanceof ApiError && error.status === 404 ? unknown() : null),
    render({ player, standing }, root) {
      document.title = `${player.name} · Quartermaster`;
      title.textContent = player.name;
      keyed(
        marks,
        [player],
        () => 'marks',
        (one) => h('div', null, playerMarks(one)),
      );
      if (!root.contains(parts)) {
        fill(root, parts);
        played.load();
        history.load();
      }
      keyed(facts, [player], () => 'facts', factsCard);
      keyed(stats, standing?.servers.length ? [standing] : [], () => 'stats', standingCard);
      keyed(
        staff,
        may('meta:moderate') ? [player] : [],
        () => 'staff',
        (one) => moderatePlayer(one, content.reload),
      );
    },
  });
  content.reload();
  const stop = onLive('resync', () => {
    content.reload();
    played.refresh();
    history.load();
  });
  return {
    title: t('player.title'),
    element: h(
      'div',
      { class: 'page' },
      h(
        'nav',
        { class: 'breadcrumb', 'aria-label': t('nav.breadcrumb') },
        h('a', { href: '/app/players' }, t('nav.players')),
      ),
      pageHead(title, marks),
      content.element,
    ),
    close() {
      stop();
      content.close();
      played.close();
      history.close();
    },
  };
}

/**
 * The player, and what he did where matches are kept.
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function everything(id, signal) {
  const [player, standing] = await Promise.all([
    getPlayer(id, signal),
    getStats(id, signal).catch((error) => {
      if (error instanceof ApiError && error.status === 404) return null; // no match yet
      throw error;
    }),
  ]);
  return { player, standing };
}

/** @returns {import('../../router.js').Page} */
function membersOnly() {
  const title = t('player.title');
  return { title, element: h('div', { class: 'page' }, pageHead(title), forMembers(t('players.guest'))) };
}

/** @param {Profile} player */
function factsCard(player) {
  const own = current().account?.id === player.id;
  return card(
    t('player.about'),
    {},
    h(
      'dl',
      { class: 'facts pairs' },
      pair(t('players.last_online'), ago(player.last_online)),
      pair(t('players.created'), onDate(player.created_at)),
      player.rating && pair(t('player.rating'), h('strong', null, String(Math.round(player.rating.rating)))),
      player.rating &&
        pair(
          t('player.rank'),
          player.rating.rank
            ? t('player.rank_of', { rank: player.rating.rank, of: player.rating.of })
            : t('player.unranked'),
        ),
      pair(t('player.clans'), clans(player)),
    ),
    h(
      'p',
      { class: 'actions' },
      demosOn() &&
        (mayJudge() || own) &&
        h(
          'a',
          { class: 'button small', href: `/app/demos?player=${encodeURIComponent(player.name)}` },
          icon('film'),
          t('player.demos'),
        ),
      own && h('a', { class: 'button small', href: '/app/me' }, icon('person'), t('account.title')),
    ),
  );
}

/** @param {Profile} player */
function clans({ clans: all }) {
  if (!all.length) return h('span', { class: 'soft' }, t('player.no_clans'));
  return h(
    'ul',
    { class: 'plain-list' },
    all.map((one) =>
      h(
        'li',
        null,
        h('a', { href: `/app/clans/${one.clan}` }, coloured(one.tag), ' ', name(one.name)),
        ' ',
        h('span', { class: 'soft small' }, t(`clan_rank.${one.rank}`)),
      ),
    ),
  );
}

/**
 * @param {string} label
 * @param {import('../../dom.js').Children} value
 */
function pair(label, value) {
  return h('div', null, h('dt', null, label), h('dd', null, value));
}

function unknown() {
  return empty(
    'person',
    t('player.unknown'),
    h('p', null, t('player.unknown_hint')),
    h('p', { class: 'actions' }, h('a', { class: 'button', href: '/app/players' }, t('player.to_list'))),
  );
}
