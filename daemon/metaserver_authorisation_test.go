package daemon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// metaGates are the operations of our own API for accounts, players, mails and
// everything of the metaserver, and what each asks a caller for: nothing, being
// signed in, or a scope.
var metaGates = map[string][]string{
	"": {
		"POST /registration", "POST /password-reset", "POST /password-reset/confirm",
		"GET /serverlist", "GET /serverlist/history", "GET /serverlist/{id}",
	},
	accounts.SignedIn: {
		"GET /me", "DELETE /me", "GET /me/export", "PUT /me/name", "PUT /me/password", "PUT /me/email", "POST /me/email/verify", "POST /me/email/code",
	},
	accounts.ScopeMetaRead: {
		"GET /players", "GET /players/{id}", "GET /players/{id}/matches", "GET /players/{id}/stats",
		"GET /clans", "GET /clans/{id}", "GET /skins", "GET /me/clans", "GET /me/clan-invites", "GET /me/skins",
		"GET /matches", "GET /matches/{id}", "GET /leaderboards/{board}", "GET /leaderboards/{board}/players/{id}",
		"GET /me/servers", "GET /me/servers/{id}", "GET /me/servers/{id}/bans",
	},
	accounts.ScopeMetaWrite: {
		"POST /clans", "PATCH /clans/{id}", "DELETE /clans/{id}", "PUT /clans/{id}/icon", "DELETE /clans/{id}/icon",
		"POST /clans/{id}/invites", "DELETE /clans/{id}/invites/{account}", "PATCH /clans/{id}/members/{account}",
		"DELETE /clans/{id}/members/{account}", "POST /clans/{id}/transfer", "DELETE /me/clans/{id}", "POST /me/clan-invites/{id}",
		"POST /me/servers", "PATCH /me/servers/{id}", "DELETE /me/servers/{id}", "POST /me/servers/{id}/rotate",
		"POST /me/servers/{id}/offline", "POST /me/servers/{id}/check", "PUT /me/servers/{id}/bans/{account}", "DELETE /me/servers/{id}/bans/{account}",
	},
	accounts.ScopeMetaModerate: {
		"GET /serverlist/registered", "PUT /serverlist/{id}/state", "DELETE /serverlist/{id}", "POST /matches/{id}/void",
		"PUT /accounts/{id}/closed", "DELETE /accounts/{id}/closed", "PUT /accounts/{id}/name",
	},
	accounts.ScopeAdmin: {
		"GET /accounts", "POST /accounts", "DELETE /accounts/{id}", "PUT /accounts/{id}/password", "PUT /accounts/{id}/roles/{role}",
		"DELETE /accounts/{id}/roles/{role}", "PUT /accounts/{id}/verified", "PUT /accounts/{id}/emptied", "GET /accounts/{id}/export",
		"GET /mail", "POST /mail/test", "POST /mail/{id}/retry", "GET /proof-keys", "POST /proof-keys/rotate",
		"GET /skins/{id}", "POST /skins", "PUT /skins/{id}", "DELETE /skins/{id}", "PUT /skins/{id}/players/{account}",
		"DELETE /skins/{id}/players/{account}", "PUT /skins/{id}/clans/{clan}", "DELETE /skins/{id}/clans/{clan}",
	},
}

// metaFaceGates are the operations of the wire by whose credentials they ask
// for.
var metaFaceGates = map[string][]string{
	"nobody": {
		"POST /v1/user/verify-user-proof", "POST /v1/user/register", "GET /v1/proof-keys", "GET /v1/clan/icon/{clan_id}.png",
		"GET /v1/server/list/online", "GET /v1/server/online",
	},
	"unverified": {"POST /v1/user/email/verify", "POST /v1/user/email/renew-token"},
	"user": {
		"GET /v1/user/by-id", "GET /v1/user/by-id/batch", "GET /v1/user/clan-invites", "POST /v1/user/login", "POST /v1/user/change-display-name",
		"POST /v1/user/verify-clan-membership", "GET /v1/clan/all", "GET /v1/clan/for-user/by-id", "GET /v1/clan/members", "GET /v1/clan/invites",
		"POST /v1/clan/register", "POST /v1/clan/update-icon", "POST /v1/clan/invite", "POST /v1/clan/invite-response", "POST /v1/clan/kick",
		"POST /v1/clan/update-rank", "GET /v1/skin/for-user/by-id", "GET /v1/skin/for-clan/by-id", "POST /v1/server/register",
		"GET /v1/server/list/my", "GET /v1/server/my",
	},
	"server": {
		"POST /v1/server/update", "POST /v1/server/verify-clan-membership", "POST /v1/server/match-update", "POST /v1/server/offline", "GET /v1/server/bans",
	},
	"either": {"GET /v1/user/stats", "GET /v1/user/stats/batch", "GET /v1/clan/by-id", "GET /v1/clan/by-id/batch"},
}

// gated are the operations of the document that the tables have to name.
var gated = regexp.MustCompile(`^/(v1|api/v1/(registration|password-reset|me|accounts|players|clans|skins|serverlist|matches|leaderboards|mail|proof-keys))(/|$)`)

// steamOperations are those of signing in through Steam, which are tested with
// it.
var steamOperations = []string{"DELETE /api/v1/accounts/{id}/steam"}

// Every operation is in the tables, and the tables have none that is gone.
func TestMetaGatesAreComplete(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	documented := map[string]bool{"GET /v1/server/online": true, "GET /v1/server/my": true} // aliases, not in the document
	for path, item := range r.get("/openapi.json", login{}).is(200).object()["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if name := strings.ToUpper(method) + " " + path; gated.MatchString(path) && !slices.Contains(steamOperations, name) {
				documented[name] = true
			}
		}
	}
	named := map[string]bool{}
	for _, table := range []map[string][]string{metaGates, metaFaceGates} {
		for _, operations := range table {
			for _, name := range operations {
				method, path, _ := strings.Cut(name, " ")
				if !strings.HasPrefix(path, "/v1/") {
					path = "/api/v1" + path
				}
				name = method + " " + path
				if named[name] {
					t.Errorf("%s is named twice", name)
				}
				if named[name] = true; !documented[name] {
					t.Errorf("%s is not there", name)
				}
			}
		}
	}
	for name := range documented {
		if !named[name] {
			t.Errorf("nothing says who may use %s", name)
		}
	}
}

var pathParameter = regexp.MustCompile(`\{\w+\}`)

// gateTexts are what the gate before every operation of ours says.
var gateTexts = regexp.MustCompile(`does not have the scope|Your account may not do this|needs a signed-in person`)

// Every operation asks every caller for its scope before anything else: the
// ids in the paths are of nothing, and the bodies are empty.
func TestMetaGates(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	player, mod, admin := r.user("foo"), r.user("mod"), r.user("boss")
	r.role(mod, accounts.RoleModerator)
	r.role(admin, accounts.RoleAdmin)
	all := []string{accounts.ScopeMetaRead, accounts.ScopeMetaWrite, accounts.ScopeMetaModerate, accounts.ScopeAdmin, accounts.SignedIn}
	callers := []struct {
		name, key string
		may       []string
	}{
		{"a guest", "", nil},
		{"a key for something else", r.key(player.id, accounts.ScopeModsRead), nil},
		{"a key that reads", r.key(player.id, accounts.ScopeMetaRead), all[:1]},
		{"a player", r.key(player.id), all[:2]},
		{"a moderator's key that only moderates", r.key(mod.id, accounts.ScopeMetaModerate), all[2:3]},
		{"a moderator", r.key(mod.id), all[:3]},
		{"an admin", r.key(admin.id), all},
	}
	for scope, operations := range metaGates {
		for _, operation := range operations {
			method, path, _ := strings.Cut(operation, " ")
			for _, c := range callers {
				a := r.own(method, pathParameter.ReplaceAllString(path, "999999"), "{}", c.key)
				gate := ""
				switch {
				case a.status == http.StatusUnauthorized:
					gate = "401"
				case a.status == http.StatusForbidden && gateTexts.Match(a.body):
					gate = "403"
				}
				want := "403"
				if c.key == "" {
					want = "401"
				}
				if scope == "" || slices.Contains(c.may, scope) {
					want = ""
				}
				if gate != want || a.status >= 500 && !strings.HasPrefix(path, "/mail/test") {
					t.Errorf("%s by %s: %d %s, want the gate to say %q", operation, c.name, a.status, a.body, want)
				}
			}
		}
	}
}

// Every operation of the wire asks for the credentials of its mode, with the
// words of the original.
func TestMetaFaceGates(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	user, closed, admin := r.user("foo"), r.user("closed"), r.user("boss")
	r.role(admin, accounts.RoleAdmin)
	server, unverified := r.server(user), r.register("later")
	r.own("PUT", "/accounts/"+number(closed.id)+"/closed", fields{"reason": "cheats"}, r.key(admin.id)).is(204)
	callers := map[string]login{
		"nobody": {}, "unverified": unverified.auth, "closed": closed.auth, "user": user.auth, "server": server.auth,
		"stranger": {"nobody@example.com", playerPassword}, "wrong": {user.auth.name, "wrong password"}, "wrong server": {server.auth.name, strings.Repeat("0", 32)},
	}
	const none, wrong = "Not authenticated", "Incorrect username or password"
	refusals := map[string]map[string]string{
		"nobody":     {},
		"unverified": {"nobody": none, "server": wrong, "stranger": wrong, "wrong": wrong, "wrong server": wrong},
		"user": {"nobody": none, "unverified": "User email is unverified", "closed": "User is deleted", "server": wrong, "stranger": wrong,
			"wrong": wrong, "wrong server": wrong},
		"server": {"nobody": none, "unverified": wrong, "closed": wrong, "user": wrong, "stranger": wrong, "wrong": wrong, "wrong server": wrong},
		"either": {"nobody": none, "unverified": wrong, "closed": wrong, "stranger": wrong, "wrong": wrong, "wrong server": wrong},
	}
	for mode, operations := range metaFaceGates {
		for i, operation := range operations {
			method, path, _ := strings.Cut(operation, " ")
			for who, as := range callers {
				if i > 0 && (who == "wrong" || who == "stranger") {
					continue // guessing is slowed down soon, which has its own tests
				}
				a := r.do(method, pathParameter.ReplaceAllString(path, "999999"), "{}", as)
				if want, refused := refusals[mode][who]; refused {
					if a.says(401, want); a.header.Get("WWW-Authenticate") != "Basic" {
						t.Errorf("%s by %s: WWW-Authenticate is %q", operation, who, a.header.Get("WWW-Authenticate"))
					}
				} else if a.status == 401 || a.status >= 500 {
					t.Errorf("%s by %s: %d %s", operation, who, a.status, a.body)
				}
			}
		}
	}
}

// What people may read tells nobody's address, password or key, and nothing
// that was told to one of them alone.
func TestMetaReadsLeakNothing(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir(), ranked)
	owner, member, invited, admin := r.user("owner"), r.user("member"), r.user("invited"), r.user("boss")
	server := r.server(owner)
	clan := r.clan(owner, "Zzz", "Club")
	r.joins(clan, owner, member)
	r.post("/v1/clan/invite", fields{"user_id": invited.id, "clan_id": clan}, owner.auth).is(200)
	playMatches(r, server, owner, member)
	r.role(admin, accounts.RoleAdmin)
	secret := r.key(owner.id)
	outsider := r.user("outsider")
	keys := map[string]string{"a guest": "", "an outsider": r.key(outsider.id), "an admin": r.key(admin.id)}
	never := []string{server.auth.password, owner.proof, secret, playerPassword, "argon2", "$pbkdf2"}
	private := []string{owner.auth.name, member.auth.name, "10.0.0.67:", `"owner":"owner"`}
	for _, operations := range metaGates {
		for _, operation := range operations {
			method, path, _ := strings.Cut(operation, " ")
			if method != http.MethodGet {
				continue
			}
			path = strings.NewReplacer("{board}", number(server.id), "/clans/{id}", fmt.Sprint("/clans/", clan), "{id}", "1", "{account}", "2").Replace(path)
			for who, key := range keys {
				text := string(r.own(method, path, nil, key).body)
				words := never
				if who != "an admin" {
					words = append(slices.Clone(never), private...)
				}
				for _, word := range words {
					if strings.Contains(text, word) {
						t.Errorf("%s tells %s %q: %s", operation, who, word, text)
					}
				}
			}
		}
	}
	for _, path := range []string{
		byID(owner.id), "/v1/user/by-id/batch?user_ids=1&user_ids=2", "/v1/clan/all?icons=false", fmt.Sprint("/v1/clan/members?clan_id=", clan),
		"/v1/server/list/online", "/v1/server/list/my", statsPath(owner.id, server.id),
	} {
		text := string(r.get(path, outsider.auth).is(200).body)
		for _, word := range append(slices.Clone(never), private...) {
			if strings.Contains(text, word) {
				t.Errorf("%s tells %q: %s", path, word, text)
			}
		}
	}
}

// The issuer of signed proofs is what the operator says, whatever address the
// request claims to be for.
func TestMetaProofIssuer(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]any{"https://meta.example.org/": "https://meta.example.org", "": nil} {
		r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.HTTP.PublicURL = public })
		p := r.user("foo")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.base+"/v1/user/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(p.auth.name, p.auth.password)
		req.Host = "forged.example.net"
		for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto"} {
			req.Header.Set(name, "forged.example.net")
		}
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct {
			Signed string `json:"signed_proof"`
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		claims := fields{}
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.Signed+"..", ".")[1])
		if err == nil {
			err = json.Unmarshal(raw, &claims)
		}
		if err != nil || claims["iss"] != want {
			t.Errorf("with the public address %q the issuer is %v, want %v (%v)", public, claims["iss"], want, err)
		}
	}
}
