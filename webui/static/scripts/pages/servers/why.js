/** Why a game server is listed or not, in the spoken language. */

import { dateTime, moment, relative } from '../../format.js';
import { spoken, t, tOr } from '../../texts.js';

/** @typedef {import('../../api/serverlist.js').OwnServer} OwnServer */

/** @param {OwnServer} server */
export function listingText(server) {
  const { listing } = server;
  if (spoken() === 'en') return listing.text;
  const when = moment(server.updated);
  return tOr(`listing.${listing.code}`, listing.text, {
    when: when ? relative(when) : '',
    reason: server.reason ?? '',
    check: server.check ? checkText(server) : '',
  });
}

/**
 * What may keep players out.
 * @param {OwnServer} server
 */
export function warningTexts(server) {
  return server.listing.warnings.map(({ code, text }) => {
    if (spoken() === 'en') return text;
    return tOr(`listing_warning.${code}`, text, {
      host: server.host,
      players: server.players,
      room: server.max_players,
      check: server.check ? checkText(server) : '',
    });
  });
}

/** What the last check found. @param {OwnServer} server */
export function checkText(server) {
  const { check } = server;
  if (!check) return t('own.unchecked');
  if (spoken() === 'en') return check.text;
  const at = moment(check.at);
  return tOr(`check.${check.outcome}`, check.text, {
    host: check.host,
    address: check.address ?? '',
    port: String(check.port),
    at: at ? dateTime(at) : '',
  });
}
