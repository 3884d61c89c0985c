package metaserver

import (
	"maps"

	"github.com/danielgtaylor/huma/v2"
)

// schemas are those of the original by its names, and three of ours: HTTPError,
// ProofKey and ProofKeys.
func schemas() map[string]*huma.Schema {
	all := map[string]*huma.Schema{
		"HTTPError":           object(property{"detail", text()}),
		"HTTPValidationError": object(property{"detail?", listOf(ref("ValidationError"))}),
		"ValidationError": object(property{"loc", listOf(&huma.Schema{AnyOf: []*huma.Schema{text(), integer()}})},
			property{"msg", text()}, property{"type", text()}),
		"ProofKey": object(property{"kty", enum("OKP")}, property{"crv", enum("Ed25519")}, property{"kid", text()}, property{"alg", enum("EdDSA")},
			property{"use", enum("sig")}, property{"x", text()}),
		"ProofKeys": object(property{"keys", listOf(ref("ProofKey"))}),
	}
	for _, part := range []map[string]*huma.Schema{userSchemas(), clanSchemas(), serverSchemas(), matchSchemas(), bodySchemas()} {
		maps.Copy(all, part)
	}
	return all
}

func userSchemas() map[string]*huma.Schema {
	read := func(more ...property) *huma.Schema {
		return object(append([]property{{"id", integer()}, {"display_name", text()}, {"created", instant()}, {"last_online?", nullable(instant())}}, more...)...)
	}
	return map[string]*huma.Schema{
		"UserCreate":        object(property{"username", text()}, property{"display_name", text()}, property{"password", text()}),
		"UserRead":          read(),
		"UserReadWithProof": read(property{"proof", text()}, property{"signed_proof?", text()}),
		"UserStats": object(property{"user_id", integer()}, property{"server_id", integer()}, property{"first_seen", instant()}, property{"last_seen", instant()},
			property{"matches_played_field?", integer()}, property{"matches_played_command?", integer()},
			property{"matches_won_field?", integer()}, property{"matches_won_command?", integer()}, property{"skill_rating?", integer()}),
	}
}

func clanSchemas() map[string]*huma.Schema {
	return map[string]*huma.Schema{
		"Clan": object(property{"id?", integer()}, property{"created", instant()}, property{"deleted?", nullable(instant())},
			property{"tag", text()}, property{"name", text()}, property{"icon", text()}),
		"ClanCreate":     object(property{"icon", text()}, property{"tag", text()}, property{"name", text()}),
		"ClanUpdateIcon": object(property{"clan_id", integer()}, property{"icon", text()}),
		"UserClanLink": object(property{"clan_id?", integer()}, property{"user_id?", integer()}, property{"rank?", ref("UserClanLinkRank")},
			property{"invited", instant()}, property{"joined?", nullable(instant())}, property{"deleted?", nullable(instant())},
			property{"deleted_reason?", &huma.Schema{AnyOf: []*huma.Schema{ref("UserClanLinkDeletedReason"), {Type: "null"}}}}),
		"UserClanLinkDeletedReason": enum("declined", "kicked", "left", "retracted"),
		"UserClanLinkRank":          enum("owner", "admin", "member"),
		"UserClanLinkUpdateRank":    object(property{"user_id", integer()}, property{"clan_id", integer()}, property{"rank", ref("UserClanLinkRank")}),
		"Skin": object(property{"id?", integer()}, property{"description?", nullable(text())}, property{"kind", text()},
			property{"unit", text()}, property{"model_path", text()}),
	}
}

func serverSchemas() map[string]*huma.Schema {
	described := func(more ...property) *huma.Schema {
		return object(append([]property{{"host_name", text()}, {"port", integer()}, {"display_name", text()}, {"description?", text()},
			{"game_type", text()}, {"max_player_count", integer()}}, more...)...)
	}
	return map[string]*huma.Schema{
		"ServerCreate": described(),
		"ServerUpdate": described(property{"current_map", text()}, property{"current_player_count", integer()}),
		"ServerRead": described(property{"id", integer()}, property{"current_map", text()}, property{"current_player_count", integer()},
			property{"updated?", nullable(instant())}),
		"ServerLogin": object(property{"username", text()}, property{"password", text()}),
		"ServerBan": object(property{"user_id", integer()}, property{"reason", text()}, property{"created", instant()},
			property{"until", nullable(instant())}),
	}
}

func matchSchemas() map[string]*huma.Schema {
	return map[string]*huma.Schema{
		"FieldPlayer": object(property{"user_id", integer()}),
		"Race":        enum("human", "beast"),
		"Team": object(property{"id", integer()}, property{"race", ref("Race")}, property{"field_players", listOf(ref("FieldPlayer"))},
			property{"commander", integer()}),
		"MatchUpdate": object(property{"teams", listOf(ref("Team"))}, property{"winner", integer()}, property{"match_id?", nullable(text())}),
	}
}

// bodySchemas are those of embedded bodies.
func bodySchemas() map[string]*huma.Schema {
	user, clan := property{"user_id", integer()}, property{"clan_id", integer()}
	return map[string]*huma.Schema{
		"Body_clan_invite_v1_clan_invite_post":                                     object(user, clan),
		"Body_clan_invite_response_v1_clan_invite_response_post":                   object(clan, property{"accept", boolean()}),
		"Body_clan_kick_v1_clan_kick_post":                                         object(clan, user),
		"Body_server_verify_clan_membership_v1_server_verify_clan_membership_post": object(user, clan),
		"Body_user_change_display_name_v1_user_change_display_name_post":           object(property{"display_name", text()}),
		"Body_user_email_verify_v1_user_email_verify_post":                         object(property{"mail_token", text()}),
		"Body_user_verify_clan_membership_v1_user_verify_clan_membership_post":     object(clan),
		"Body_user_verify_user_proof_v1_user_verify_user_proof_post":               object(user, property{"user_proof", text()}),
	}
}
