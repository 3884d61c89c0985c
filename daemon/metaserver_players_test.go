package daemon

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// from sends a request that a trusted proxy passed on for an address.
func (r *metaRig) from(address, method, path, body string, as login) reply {
	r.t.Helper()
	header := http.Header{"X-Forwarded-For": {address}, "Content-Type": {"application/json"}}
	if as != (login{}) {
		header.Set("Authorization", basicHeader(as))
	}
	return r.raw(method, path, body, header)
}

// What the tests of the original do in a second passes from one address of the
// internet; guessing does not.
func TestMetaBursts(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	const address = "203.0.113.9"
	var last login
	for i := range 8 {
		last = login{fmt.Sprintf("foo%d@example.com", i), playerPassword}
		r.from(address, "POST", "/v1/user/register", fmt.Sprintf(`{"username":"%s","display_name":"foo%d","password":"%s"}`, last.name, i, last.password), login{}).is(200)
	}
	token := r.mails.token(last.name)
	for range 4 {
		r.from(address, "POST", "/v1/user/login", "", login{last.name, "wrong password"}).is(401)
		r.from(address, "POST", "/v1/user/email/verify", `{"mail_token":"wrongg"}`, last).is(403)
	}
	r.from(address, "POST", "/v1/user/email/verify", `{"mail_token":"`+token+`"}`, last).is(200)
	for range 40 {
		r.from(address, "GET", "/v1/user/by-id?user_id=1", "", last).is(200)
	}
	limited := false
	for range 400 {
		limited = limited || r.from("203.0.113.10", "GET", "/v1/proof-keys", "", login{}).status == 429
	}
	if !limited {
		t.Error("400 requests at once are not limited")
	}
	guessed := 0
	for i := range 60 {
		if r.from("203.0.113.11", "POST", "/v1/user/login", "", login{last.name, fmt.Sprint("wrong password ", i)}).status == 401 {
			guessed++
		}
	}
	if guessed > 40 {
		t.Errorf("%d of 60 guesses were judged", guessed)
	}
}

// keyOf returns a request function with an API key of an account with a role.
func (r *metaRig) keyOf(p player, role accounts.Role, scopes ...string) func(method, path, body string) reply {
	r.t.Helper()
	if role != accounts.RolePlayer {
		if err := r.daemon.Accounts.Grant(r.t.Context(), p.id, role); err != nil {
			r.t.Fatal(err)
		}
	}
	_, secret, err := r.daemon.Accounts.CreateKey(r.t.Context(), accounts.NewKey{AccountID: p.id, Kind: accounts.KindAPI, Scopes: scopes})
	if err != nil {
		r.t.Fatal(err)
	}
	return func(method, path, body string) reply {
		return r.raw(method, path, body, http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}})
	}
}

func TestMetaPlayers(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	var all []player
	for _, name := range []string{"Anna", "bert", "Cara 100%", "cara_2", "Дора"} {
		p := player{name: name, auth: login{fmt.Sprintf("p%d@example.com", len(all)), playerPassword}}
		o := r.post("/v1/user/register", fields{"username": p.auth.name, "display_name": name, "password": p.auth.password}, login{}).is(200).object()
		p.id = int64(o["id"].(float64))
		if name != "bert" {
			r.post("/v1/user/email/verify", fields{"mail_token": r.mails.token(p.auth.name)}, p.auth).is(200)
		}
		all = append(all, p)
	}
	ask := r.keyOf(all[0], accounts.RolePlayer, accounts.ScopeMetaRead)
	moderate := r.keyOf(all[4], accounts.RoleModerator, accounts.ScopeMetaModerate, accounts.ScopeMetaRead)
	names := func(a reply) string {
		var list []string
		for _, p := range a.is(200).object()["players"].([]any) {
			list = append(list, p.(map[string]any)["name"].(string))
		}
		return strings.Join(list, ",")
	}
	r.get("/api/v1/players", login{}).is(401)
	for query, want := range map[string]string{
		"": "Anna,Cara 100%,cara_2,Дора", "?q=CARA": "Cara 100%,cara_2", "?q=%25": "Cara 100%", "?q=_": "cara_2", "?q=%D0%B4%D0%BE": "Дора", "?q=nobody": "",
		"?sort=-created": "Дора,cara_2,Cara 100%,Anna",
	} {
		if got := names(ask("GET", "/api/v1/players"+query, "")); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	if got := names(ask("GET", "/api/v1/players?sort=-last_online", "")); strings.Count(got, ",") != 3 {
		t.Errorf("by when they were online: %q", got)
	}
	var paged []string
	for cursor := ""; ; {
		a := ask("GET", "/api/v1/players?limit=3&cursor="+cursor, "").is(200)
		paged = append(paged, names(a))
		if total := a.object()["total"]; total != 4.0 {
			t.Errorf("total %v", total)
		}
		if cursor = a.object()["next"].(string); cursor == "" {
			break
		}
	}
	if got := strings.Join(paged, "|"); got != "Anna,Cara 100%,cara_2|Дора" {
		t.Errorf("pages %q", got)
	}
	ask("GET", "/api/v1/players?cursor=xyz", "").is(400)
	ask("GET", "/api/v1/players?state=all", "").is(403)
	if got := names(moderate("GET", "/api/v1/players?state=unverified", "")); got != "bert" {
		t.Errorf("unverified: %q", got)
	}
	profile := ask("GET", "/api/v1/players/1", "").is(200)
	if o := profile.object(); o["id"] != "1" || o["name"] != "Anna" || o["verified"] != true || o["email"] != nil || strings.Contains(string(profile.body), "example.com") {
		t.Errorf("profile: %s", profile.body)
	}
	for _, id := range []string{"99", "x", "0", "-1"} {
		ask("GET", "/api/v1/players/"+id, "").is(404)
	}
}

func TestMetaProofKeysOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	ask := r.keyOf(r.user("foo"), accounts.RolePlayer, accounts.ScopeMetaRead)
	boss := r.user("boss")
	old := boss.proof
	ask("POST", "/api/v1/proof-keys/rotate", `{}`).is(403)
	ask("GET", "/api/v1/proof-keys", "").is(403)
	admin := r.keyOf(boss, accounts.RoleAdmin)
	if keys := admin("POST", "/api/v1/proof-keys/rotate", `{}`).is(200).object()["keys"].([]any); len(keys) != 2 {
		t.Errorf("keys: %v", keys)
	}
	if text := string(admin("GET", "/api/v1/proof-keys", "").is(200).body); strings.Contains(text, "secret") || strings.Contains(text, "seed") {
		t.Errorf("keys: %s", text)
	}
	verify := func() reply {
		return r.post("/v1/user/verify-user-proof", fields{"user_id": boss.id, "user_proof": old}, login{})
	}
	verify().text(200, "true")
	if keys := admin("POST", "/api/v1/proof-keys/rotate", `{"revoke":true}`).is(200).object()["keys"].([]any); len(keys) != 1 {
		t.Errorf("keys after revoking: %v", keys)
	}
	verify().text(200, "false")
}
