/** The part of the API that is about clans and skins. */

import { call } from './client.js';
import { search } from './search.js';

/** @typedef {import('../elements/pager.js').Query} Query */
/** @typedef {'owner' | 'admin' | 'member'} Rank */
/**
 * @typedef {object} Clan
 * @property {string} id
 * @property {string} tag With its colour codes.
 * @property {string} visible_tag
 * @property {string} name
 * @property {number} members
 * @property {string} icon_url
 * @property {string} created_at
 * @property {string} [disbanded_at]
 * @property {string} [disband_reason]
 */
/** @typedef {{ account: string, name?: string, rank: Rank, joined_at: string }} Member */
/** @typedef {{ account: string, name?: string, invited_at: string }} Invited */
/** @typedef {{ state: 'none' | 'invited' | 'member', rank?: Rank, moderate: boolean }} You */
/**
 * @typedef {object} Skin
 * @property {string} id
 * @property {string} kind
 * @property {string} unit
 * @property {string} model_path
 * @property {string} [description]
 * @property {string} created_at
 */
/** @typedef {Clan & { roster: Member[], invites?: Invited[], skins: Skin[], you: You }} ClanDetail */
/** @typedef {{ clan: string, tag: string, visible_tag: string, name: string, icon_url: string, rank: Rank, invited_at: string, joined_at?: string }} Belonging */
/** @typedef {{ id: string, name?: string }} Holder */
/** @typedef {Skin & { players: Holder[], clans: Holder[] }} SkinDetail */

/** @param {string} id Of a clan. */
const at = (id) => `/clans/${encodeURIComponent(id)}`;

/**
 * @param {Query} query q, state, sort, limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ clans: Clan[], next: string, total: number }>}
 */
export function listClans(query, signal) {
  return call('GET', `/clans${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<ClanDetail>}
 */
export function getClan(id, signal) {
  return call('GET', at(id), { signal });
}

/**
 * @param {{ tag: string, name: string, icon?: string }} clan icon: base64 of a PNG image.
 * @returns {Promise<Clan>}
 */
export function createClan(clan) {
  return call('POST', '/clans', { body: clan });
}

/**
 * @param {string} id
 * @param {{ tag?: string, name?: string, reason?: string }} change
 */
export function editClan(id, change) {
  return call('PATCH', at(id), { body: change });
}

/**
 * @param {string} id
 * @param {string} [reason]
 */
export function disbandClan(id, reason = '') {
  return call('DELETE', `${at(id)}${search({ reason })}`);
}

/**
 * @param {string} id
 * @param {Blob} file
 */
export function setIcon(id, file) {
  return call('PUT', `${at(id)}/icon`, { file });
}

/**
 * @param {string} id
 * @param {string} [reason]
 */
export function resetIcon(id, reason = '') {
  return call('DELETE', `${at(id)}/icon${search({ reason })}`);
}

/**
 * @param {string} id
 * @param {string} account Name, # and the number, or SteamID.
 * @returns {Promise<Invited>}
 */
export function invite(id, account) {
  return call('POST', `${at(id)}/invites`, { body: { account } });
}

/**
 * @param {string} id
 * @param {string} account
 */
export function retract(id, account) {
  return call('DELETE', `${at(id)}/invites/${account}`);
}

/**
 * @param {string} id
 * @param {string} account
 * @param {Rank} rank
 */
export function setRank(id, account, rank) {
  return call('PATCH', `${at(id)}/members/${account}`, { body: { rank } });
}

/**
 * @param {string} id
 * @param {string} account
 */
export function kick(id, account) {
  return call('DELETE', `${at(id)}/members/${account}`);
}

/**
 * @param {string} id
 * @param {string} account
 * @param {string} [reason]
 */
export function transfer(id, account, reason) {
  return call('POST', `${at(id)}/transfer`, { body: reason ? { account, reason } : { account } });
}

/** @param {string} id */
export function leave(id) {
  return call('DELETE', `/me${at(id)}`);
}

/**
 * @param {string} id
 * @param {boolean} accept
 */
export function answerInvite(id, accept) {
  return call('POST', `/me/clan-invites/${encodeURIComponent(id)}`, { body: { accept } });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ clans: Belonging[], total: number }>}
 */
export function myClans(signal) {
  return call('GET', '/me/clans', { signal });
}

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ clans: Belonging[], total: number }>}
 */
export function myInvites(signal) {
  return call('GET', '/me/clan-invites', { signal });
}

/**
 * @param {Query} query limit, cursor.
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ skins: Skin[], next: string, total: number }>}
 */
export function listSkins(query, signal) {
  return call('GET', `/skins${search(query)}`, { signal });
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<SkinDetail>}
 */
export function getSkin(id, signal) {
  return call('GET', `/skins/${id}`, { signal });
}

/** @typedef {{ kind: string, unit: string, model_path: string, description?: string }} SkinText */

/** @param {SkinText} skin */
export function createSkin(skin) {
  return call('POST', '/skins', { body: skin });
}

/** @param {string} id */
export function deleteSkin(id) {
  return call('DELETE', `/skins/${id}`);
}

/**
 * @param {string} id
 * @param {'players' | 'clans'} whose
 * @param {string} holder
 * @param {boolean} has
 */
export function grantSkin(id, whose, holder, has) {
  return call(has ? 'PUT' : 'DELETE', `/skins/${id}/${whose}/${encodeURIComponent(holder)}`);
}
