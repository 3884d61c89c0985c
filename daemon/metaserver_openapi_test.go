package daemon

import (
	"slices"
	"strings"
	"testing"
)

// metaOperations are the operations of the original by method and path, with
// the statuses that ours have besides 200, 401 and 429.
var metaOperations = map[string]string{
	"get /":                                  "index__get",
	"get /v1/user/by-id":                     "user_v1_user_by_id_get 404 422",
	"get /v1/user/by-id/batch":               "user_by_id_batch_v1_user_by_id_batch_get 422",
	"get /v1/user/clan-invites":              "user_clan_invites_v1_user_clan_invites_get",
	"post /v1/user/login":                    "user_login_v1_user_login_post",
	"post /v1/user/verify-user-proof":        "user_verify_user_proof_v1_user_verify_user_proof_post 422",
	"post /v1/user/register":                 "user_register_v1_user_register_post 409 422",
	"post /v1/user/email/verify":             "user_email_verify_v1_user_email_verify_post 403 422",
	"post /v1/user/email/renew-token":        "user_email_new_token_v1_user_email_renew_token_post 403",
	"post /v1/user/change-display-name":      "user_change_display_name_v1_user_change_display_name_post 409 422",
	"post /v1/user/verify-clan-membership":   "user_verify_clan_membership_v1_user_verify_clan_membership_post 422",
	"get /v1/user/stats":                     "get_user_stats_v1_user_stats_get 404 422",
	"get /v1/user/stats/batch":               "get_user_stats_v1_user_stats_batch_get 422",
	"get /v1/clan/all":                       "clan_v1_clan_all_get",
	"get /v1/clan/icon/{clan_id}.png":        "get_clan_icon_png_v1_clan_icon__clan_id__png_get 404 422",
	"get /v1/clan/by-id":                     "clan_by_id_v1_clan_by_id_get 404 422",
	"get /v1/clan/by-id/batch":               "clan_by_id_batch_v1_clan_by_id_batch_get 422",
	"get /v1/clan/for-user/by-id":            "clan_for_user_by_id_v1_clan_for_user_by_id_get 404 422",
	"get /v1/clan/members":                   "clan_members_v1_clan_members_get 404 422",
	"get /v1/clan/invites":                   "clan_invites_v1_clan_invites_get 403 422",
	"post /v1/clan/register":                 "clan_register_v1_clan_register_post 409 422",
	"post /v1/clan/update-icon":              "clan_change_icon_v1_clan_update_icon_post 403 422",
	"post /v1/clan/invite":                   "clan_invite_v1_clan_invite_post 403 422",
	"post /v1/clan/invite-response":          "clan_invite_response_v1_clan_invite_response_post 422",
	"post /v1/clan/kick":                     "clan_kick_v1_clan_kick_post 403 422",
	"post /v1/clan/update-rank":              "clan_update_rank_v1_clan_update_rank_post 403 422",
	"get /v1/skin/for-user/by-id":            "skin_for_user_by_id_v1_skin_for_user_by_id_get 404 422",
	"get /v1/skin/for-clan/by-id":            "skin_for_clan_by_id_v1_skin_for_clan_by_id_get 404 422",
	"post /v1/server/register":               "server_register_v1_server_register_post 400 422",
	"get /v1/server/list/my":                 "server_list_my_v1_server_list_my_get",
	"get /v1/server/list/online":             "server_list_online_v1_server_list_online_get",
	"post /v1/server/update":                 "server_update_v1_server_update_post 422",
	"post /v1/server/verify-clan-membership": "server_verify_clan_membership_v1_server_verify_clan_membership_post 422",
	"post /v1/server/match-update":           "server_match_update_v1_server_match_update_post 422",
}

const metaSchemas = "Clan ClanCreate ClanUpdateIcon FieldPlayer HTTPValidationError MatchUpdate Race ServerCreate ServerLogin ServerRead ServerUpdate " +
	"Skin Team UserClanLink UserClanLinkDeletedReason UserClanLinkRank UserClanLinkUpdateRank UserCreate UserRead UserReadWithProof UserStats ValidationError " +
	"Body_clan_invite_v1_clan_invite_post Body_clan_invite_response_v1_clan_invite_response_post Body_clan_kick_v1_clan_kick_post " +
	"Body_server_verify_clan_membership_v1_server_verify_clan_membership_post Body_user_change_display_name_v1_user_change_display_name_post " +
	"Body_user_email_verify_v1_user_email_verify_post Body_user_verify_clan_membership_v1_user_verify_clan_membership_post " +
	"Body_user_verify_user_proof_v1_user_verify_user_proof_post"

// Clients that were generated from the original's document find everything
// under the names they know.
func TestMetaDocument(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	doc := r.get("/openapi.json", login{}).is(200).object()
	paths, components := doc["paths"].(map[string]any), doc["components"].(map[string]any)
	schemas := components["schemas"].(map[string]any)
	for at, want := range metaOperations {
		method, path, _ := strings.Cut(at, " ")
		item, _ := paths[path].(map[string]any)
		op, _ := item[method].(map[string]any)
		if op == nil {
			t.Errorf("%s is missing", at)
			continue
		}
		checkMetaOperation(t, at, op, strings.Fields(want))
	}
	added := []string{"proof-keys", "server/offline", "server/bans"}
	for path := range paths {
		if rest, ours := strings.CutPrefix(path, "/v1/"); ours && !slices.Contains(added, rest) && metaOperations["get "+path]+metaOperations["post "+path] == "" {
			t.Errorf("%s is not of the original", path)
		}
	}
	for name := range strings.FieldsSeq(metaSchemas) {
		if schemas[name] == nil {
			t.Errorf("the schema %s is missing", name)
		}
	}
	if components["securitySchemes"].(map[string]any)["HTTPBasic"] == nil {
		t.Error("the security scheme HTTPBasic is missing")
	}
	metaRefs(t, schemas, doc)
}

func checkMetaOperation(t *testing.T, at string, op map[string]any, want []string) {
	t.Helper()
	if op["operationId"] != want[0] {
		t.Errorf("%s: operationId %v, want %s", at, op["operationId"], want[0])
	}
	_, path, _ := strings.Cut(at, " ")
	if path == "/" {
		if op["tags"] != nil {
			t.Errorf("%s: tags %v", at, op["tags"])
		}
		return
	}
	if tags, _ := op["tags"].([]any); len(tags) != 1 || tags[0] != strings.Split(path, "/")[2] {
		t.Errorf("%s: tags %v", at, op["tags"])
	}
	responses := op["responses"].(map[string]any)
	want = append(want[1:], "200", "429")
	if op["security"] != nil {
		want = append(want, "401")
	}
	for _, status := range want {
		if responses[status] == nil {
			t.Errorf("%s: the answer %s is not described", at, status)
		}
	}
	if body, _ := op["requestBody"].(map[string]any); body != nil {
		media := body["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
		if ref, _ := media["$ref"].(string); !strings.HasPrefix(ref, "#/components/schemas/") {
			t.Errorf("%s: the body is %v", at, media)
		}
	}
	open := []string{"/v1/user/register", "/v1/user/verify-user-proof", "/v1/clan/icon/{clan_id}.png", "/v1/server/list/online"}
	if (op["security"] == nil) != slices.Contains(open, path) {
		t.Errorf("%s: security %v", at, op["security"])
	}
}

// metaRefs resolves every reference to a schema.
func metaRefs(t *testing.T, schemas map[string]any, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			metaRefs(t, schemas, e)
		}
	case fields:
		metaRefs(t, schemas, map[string]any(v))
	case map[string]any:
		for name, e := range v {
			if ref, ok := e.(string); name == "$ref" && ok && schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
			metaRefs(t, schemas, e)
		}
	}
}
