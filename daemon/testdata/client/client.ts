/**
 * A game's client of the metaserver, made from the types that are generated of
 * the daemon's document. That it compiles is the test: it uses every operation
 * id and every schema that clients of the original know. It also runs: it
 * plays through the life of an account.
 */

import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, operations, paths } from './schema.js';

type Schemas = components['schemas'];

/** What a 200 of an operation holds. */
type Answer<Id extends keyof operations> = operations[Id]['responses'] extends {
  200: { content: { 'application/json': infer Body } };
}
  ? Body
  : never;

/** What the body of an operation holds. */
type Request<Id extends keyof operations> = operations[Id]['requestBody'] extends
  | { content: { 'application/json': infer Body } }
  | undefined
  ? Body
  : never;

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** The operations by the ids of the original, and what they answer. */
interface Answers {
  user_v1_user_by_id_get: Schemas['UserRead'];
  user_by_id_batch_v1_user_by_id_batch_get: Schemas['UserRead'][];
  user_clan_invites_v1_user_clan_invites_get: Schemas['UserClanLink'][];
  user_login_v1_user_login_post: Schemas['UserReadWithProof'];
  user_verify_user_proof_v1_user_verify_user_proof_post: boolean;
  user_register_v1_user_register_post: Schemas['UserReadWithProof'];
  user_email_verify_v1_user_email_verify_post: Schemas['UserReadWithProof'];
  user_email_new_token_v1_user_email_renew_token_post: string;
  user_change_display_name_v1_user_change_display_name_post: Schemas['UserRead'];
  user_verify_clan_membership_v1_user_verify_clan_membership_post: boolean;
  get_user_stats_v1_user_stats_get: Schemas['UserStats'];
  get_user_stats_v1_user_stats_batch_get: Schemas['UserStats'][];
  clan_v1_clan_all_get: Schemas['Clan'][];
  clan_by_id_v1_clan_by_id_get: Schemas['Clan'];
  clan_by_id_batch_v1_clan_by_id_batch_get: Schemas['Clan'][];
  clan_for_user_by_id_v1_clan_for_user_by_id_get: Schemas['UserClanLink'][];
  clan_members_v1_clan_members_get: Schemas['UserClanLink'][];
  clan_invites_v1_clan_invites_get: Schemas['UserClanLink'][];
  clan_register_v1_clan_register_post: Schemas['Clan'];
  clan_change_icon_v1_clan_update_icon_post: Schemas['Clan'];
  clan_update_rank_v1_clan_update_rank_post: Schemas['UserClanLink'];
  skin_for_user_by_id_v1_skin_for_user_by_id_get: Schemas['Skin'][];
  skin_for_clan_by_id_v1_skin_for_clan_by_id_get: Schemas['Skin'][];
  server_register_v1_server_register_post: Schemas['ServerLogin'];
  server_list_my_v1_server_list_my_get: Schemas['ServerRead'][];
  server_list_online_v1_server_list_online_get: Schemas['ServerRead'][];
  server_update_v1_server_update_post: Schemas['ServerRead'];
  server_verify_clan_membership_v1_server_verify_clan_membership_post: boolean;
}

/** And what they are asked with. */
interface Requests {
  user_verify_user_proof_v1_user_verify_user_proof_post: Schemas['Body_user_verify_user_proof_v1_user_verify_user_proof_post'];
  user_register_v1_user_register_post: Schemas['UserCreate'];
  user_email_verify_v1_user_email_verify_post: Schemas['Body_user_email_verify_v1_user_email_verify_post'];
  user_change_display_name_v1_user_change_display_name_post: Schemas['Body_user_change_display_name_v1_user_change_display_name_post'];
  user_verify_clan_membership_v1_user_verify_clan_membership_post: Schemas['Body_user_verify_clan_membership_v1_user_verify_clan_membership_post'];
  clan_register_v1_clan_register_post: Schemas['ClanCreate'];
  clan_change_icon_v1_clan_update_icon_post: Schemas['ClanUpdateIcon'];
  clan_invite_v1_clan_invite_post: Schemas['Body_clan_invite_v1_clan_invite_post'];
  clan_invite_response_v1_clan_invite_response_post: Schemas['Body_clan_invite_response_v1_clan_invite_response_post'];
  clan_kick_v1_clan_kick_post: Schemas['Body_clan_kick_v1_clan_kick_post'];
  clan_update_rank_v1_clan_update_rank_post: Schemas['UserClanLinkUpdateRank'];
  server_register_v1_server_register_post: Schemas['ServerCreate'];
  server_update_v1_server_update_post: Schemas['ServerUpdate'];
  server_verify_clan_membership_v1_server_verify_clan_membership_post: Schemas['Body_server_verify_clan_membership_v1_server_verify_clan_membership_post'];
  server_match_update_v1_server_match_update_post: Schemas['MatchUpdate'];
}

/** Operations whose answer is no JSON that says anything. */
type Others = ['index__get', 'get_clan_icon_png_v1_clan_icon__clan_id__png_get'];

type Checks = {
  [Id in keyof Answers]: Same<Answer<Id>, Answers[Id]>;
} & { [Id in keyof Requests as `body ${Id}`]: Same<Request<Id>, Requests[Id]> } & {
  [Id in Others[number] as `other ${Id}`]: operations[Id] extends object ? true : false;
};

/** A compile error here names what differs from the original. */
export const checks: { [Name in keyof Checks]: true } extends Checks ? true : never = true;

/** The schemas that are parts of others. */
export type Parts = [
  Schemas['FieldPlayer'],
  Schemas['Team'],
  Schemas['Race'],
  Schemas['UserClanLinkRank'],
  Schemas['UserClanLinkDeletedReason'],
  Schemas['ValidationError'],
];

const base = process.argv[2];
assert.ok(base, 'the address of the daemon is needed');
const basic = (name: string, password: string) => ({
  Authorization: 'Basic ' + Buffer.from(`${name}:${password}`).toString('base64'),
});
const client = createClient<paths>({ baseUrl: base });

const created = await client.POST('/v1/user/register', {
  body: { username: 'foo@example.com', display_name: 'foo', password: '12345678' },
});
assert.equal(created.response.status, 200, JSON.stringify(created.error));
const headers = basic('foo@example.com', '12345678');
const login = await client.POST('/v1/user/login', { headers });
assert.ok(login.data);
assert.equal(login.data.display_name, 'foo');
const proved = await client.POST('/v1/user/verify-user-proof', {
  body: { user_id: login.data.id, user_proof: login.data.proof },
});
assert.equal(proved.data, true);
const batch = await client.GET('/v1/user/by-id/batch', {
  headers,
  params: { query: { user_ids: [login.data.id, 99] } },
});
assert.deepEqual(
  batch.data?.map((user) => user.display_name),
  ['foo'],
);
const wrong = await client.POST('/v1/user/register', {
  body: { username: 'x', display_name: 'bar', password: '12345678' },
});
const problem = wrong.error as Schemas['HTTPValidationError'];
assert.deepEqual(problem.detail?.[0]?.loc, ['body', 'username']);

const server = await client.POST('/v1/server/register', {
  headers,
  body: { host_name: '10.0.0.1', port: 1, display_name: 'S', game_type: 'x', max_player_count: 2 },
});
assert.ok(server.data);
const own = basic(server.data.username, server.data.password);
const beat = await client.POST('/v1/server/update', {
  headers: own,
  body: {
    host_name: '10.0.0.1',
    port: 1,
    display_name: 'S',
    game_type: 'x',
    max_player_count: 2,
    current_map: 'eden2',
    current_player_count: 1,
  },
});
assert.equal(beat.data?.current_map, 'eden2');
const race: Schemas['Race'] = 'human';
const match = await client.POST('/v1/server/match-update', {
  headers: own,
  body: {
    teams: [
      { id: 0, race, field_players: [{ user_id: login.data.id }], commander: 0 },
      { id: 1, race: 'beast', field_players: [{ user_id: -1 }], commander: 0 },
    ],
    winner: 0,
  },
});
assert.equal(match.response.status, 200, JSON.stringify(match.error));
const stats = await client.GET('/v1/user/stats', {
  headers: own,
  params: { query: { user_id: login.data.id, server_id: Number(server.data.username) } },
});
assert.equal(stats.data?.skill_rating, 832);
const list = await client.GET('/v1/server/list/online');
assert.equal(list.data?.[0]?.display_name, 'S');
console.log('ok');
