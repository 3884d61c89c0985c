package daemon

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// key makes an API key of an account, with all that its roles allow unless
// scopes say less.
func (r *metaRig) key(account int64, scopes ...string) string {
	r.t.Helper()
	_, secret, err := r.daemon.Accounts.CreateKey(r.t.Context(), accounts.NewKey{AccountID: account, Scopes: scopes})
	if err != nil {
		r.t.Fatal(err)
	}
	return secret
}

// own asks our own API with a key, "" for a guest.
func (r *metaRig) own(method, path string, body any, key string) reply {
	r.t.Helper()
	was := r.client.Transport
	defer func() { r.client.Transport = was }()
	r.client.Transport = keyed{was, key}
	return r.do(method, "/api/v1"+path, body, login{})
}

type keyed struct {
	http.RoundTripper
	key string
}

func (k keyed) RoundTrip(req *http.Request) (*http.Response, error) {
	if k.key != "" {
		req.Header.Set("X-API-Key", k.key)
	}
	return k.RoundTripper.RoundTrip(req)
}

// role makes somebody a moderator or an admin.
func (r *metaRig) role(p player, role accounts.Role) {
	r.t.Helper()
	if err := r.daemon.Accounts.Grant(r.t.Context(), p.id, role); err != nil {
		r.t.Fatal(err)
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// listing is why a server is listed or not.
func listing(a reply) (code, text string, listed bool) {
	l := a.is(200).object()["listing"].(map[string]any)
	return l["code"].(string), l["text"].(string), l["listed"].(bool)
}

// An owner registers, edits, watches, rotates, takes off and deletes.
func TestServerListOfOwner(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner := r.user("foo")
	key := r.key(owner.id)
	made := r.own("POST", "/me/servers", fields{
		"host_name": "192.168.1.5", "port": 27015, "name": "^900Box", "game_type": "RTSS", "max_players": 8,
		"public_host": "play.example.com", "public_port": 30000, "region": "EU", "app": "4920", "mods": []string{"117887554", "99"}, "passworded": true,
	}, key).is(201)
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", made.header.Get("Cache-Control"))
	}
	as := login{made.object()["id"].(string), made.object()["password"].(string)}
	path := "/me/servers/" + as.name
	if code, text, listed := listing(r.own("GET", path, nil, key)); code != "never_reported" || listed || !strings.Contains(text, "never sent a heartbeat") {
		t.Errorf("%s %s", code, text)
	}
	r.own("GET", "/serverlist", nil, "").text(200, `{"servers":[],"next":"","total":0,"totals":{"servers":0,"players":0}}`+"\n")

	r.post("/v1/server/update", reported(fields{"host_name": "192.168.1.5", "port": 27015, "region": "US"}), as).is(200)
	if code, _, listed := listing(r.own("GET", path, nil, key)); code != "listed" || !listed {
		t.Error(code)
	}
	// Players see the public address, on both faces.
	if got := r.get("/v1/server/list/online", login{}).is(200).list()[0]; got["host_name"] != "play.example.com" || got["port"] != 30000.0 {
		t.Errorf("got %v", got)
	}
	seen := r.own("GET", "/serverlist/"+as.name, nil, "").is(200)
	if got := seen.object(); got["connect"] != "play.example.com:30000" || got["region"] != "US" || got["app"] != "4920" || got["passworded"] != true {
		t.Errorf("got %v", got)
	}
	if !strings.Contains(string(seen.body), `"mods":[{"id":"99"},{"id":"117887554"}]`) {
		t.Errorf("got %s", seen.body)
	}
	edited := r.own("PATCH", path, fields{"name": "Other", "public_host": "", "public_port": 0}, key).is(200).object()
	if edited["name"] != "Other" || edited["connect"] != "192.168.1.5:27015" || edited["region"] != "US" {
		t.Errorf("got %v", edited)
	}
	r.own("PATCH", path, fields{"host_name": "http://x"}, key).is(400)

	if code, text, listed := listing(r.own("POST", path+"/offline", nil, key)); code != "offline" || listed || !strings.Contains(text, "taken off the list") {
		t.Errorf("%s %s", code, text)
	}
	r.get("/v1/server/list/online", login{}).text(200, "[]")
	if got := r.own("GET", path, nil, key).is(200).object(); got["updated"] == nil || got["online"] != false {
		t.Errorf("got %v", got)
	}
	r.post("/v1/server/update", reported(nil), as).is(200)
	if n := len(r.get("/v1/server/list/online", login{}).is(200).list()); n != 1 {
		t.Errorf("%d servers", n)
	}
	r.post("/v1/server/offline", nil, as).is(200)
	r.get("/v1/server/list/online", login{}).text(200, "[]")

	rotated := r.own("POST", path+"/rotate", nil, key).is(200).object()["password"].(string)
	r.post("/v1/server/update", reported(nil), as).says(401, "Incorrect username or password")
	as.password = rotated
	r.post("/v1/server/update", reported(nil), as).is(200)

	r.own("DELETE", path, nil, key).is(204)
	r.post("/v1/server/update", reported(nil), as).says(401, "Incorrect username or password")
	r.get("/v1/server/list/online", login{}).text(200, "[]")
	r.get("/v1/server/list/my", owner.auth).text(200, "[]")
	r.own("GET", "/serverlist/"+as.name, nil, "").is(404)
	r.own("GET", path, nil, key).is(404)
}

// Deleting one makes room for another; the most are counted over what is left.
func TestServerListCaps(t *testing.T) {
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.MaxServersPerUser, c.Metaserver.MaxServersPerIP = 2, 3 })
	one, two := r.user("foo"), r.user("foo2")
	key := r.key(one.id)
	first := r.server(one)
	r.server(one)
	r.post("/v1/server/register", announced(nil), one.auth).says(400, "User has reached the max number of servers of 2")
	r.own("DELETE", "/me/servers/"+first.auth.name, nil, key).is(204)
	r.server(one)
	r.server(two)
	r.post("/v1/server/register", announced(nil), two.auth).says(400, "This address has reached the max number of servers of 3")
}

func TestServerListModeration(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner, mod := r.user("foo"), r.user("mod")
	r.role(mod, accounts.RoleModerator)
	key, modKey := r.key(owner.id), r.key(mod.id)
	s := r.server(owner)
	r.post("/v1/server/update", reported(nil), s.auth).is(200)
	path, mine := "/serverlist/"+s.auth.name, "/me/servers/"+s.auth.name

	r.own("PUT", path+"/state", fields{"state": "hidden"}, modKey).is(400) // no reason
	hidden := r.own("PUT", path+"/state", fields{"state": "hidden", "reason": "Spam"}, modKey).is(200).object()
	if hidden["owner"].(map[string]any)["name"] != "foo" {
		t.Errorf("got %v", hidden)
	}
	r.get("/v1/server/list/online", login{}).text(200, "[]")
	r.own("GET", path, nil, "").is(404)
	r.post("/v1/server/update", reported(nil), s.auth).is(200) // it may report
	r.get("/v1/server/list/online", login{}).text(200, "[]")
	if code, text, _ := listing(r.own("GET", mine, nil, key)); code != "hidden" || !strings.Contains(text, "Spam") {
		t.Errorf("%s %s", code, text)
	}
	r.own("PUT", path+"/state", fields{"state": "closed", "reason": "More spam"}, modKey).is(200)
	r.post("/v1/server/update", reported(nil), s.auth).says(401, "Incorrect username or password")
	r.own("PATCH", mine, fields{"name": "x"}, key).is(409)
	r.own("POST", mine+"/rotate", nil, key).is(409)
	if n := r.own("GET", "/serverlist/registered", nil, modKey).is(200).object()["total"]; n != 1.0 {
		t.Errorf("%v servers", n)
	}
	r.own("PUT", path+"/state", fields{"state": "open"}, modKey).is(200)
	r.post("/v1/server/update", reported(nil), s.auth).is(200)
	if n := len(r.get("/v1/server/list/online", login{}).is(200).list()); n != 1 {
		t.Errorf("%d servers", n)
	}
	r.own("DELETE", path, nil, modKey).is(204)
	r.post("/v1/server/update", reported(nil), s.auth).says(401, "Incorrect username or password")

	log, _, err := r.daemon.Accounts.AuditLog(t.Context(), "", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"server.hide", "server.close", "server.open", "server.delete"} {
		if !slices.ContainsFunc(log, func(e accounts.AuditEntry) bool { return e.Action == action && e.Who == "mod" }) {
			t.Errorf("the audit log does not know of %s", action)
		}
	}
}

func TestServerListBans(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner, other := r.user("foo"), r.user("foo2")
	key := r.key(owner.id)
	s := r.server(owner)
	path := "/me/servers/" + s.auth.name + "/bans"
	r.get("/v1/server/bans", s.auth).text(200, "[]")
	r.own("PUT", path+"/"+number(other.id), fields{"reason": "Cheats"}, key).is(204)
	got := r.get("/v1/server/bans", s.auth).is(200).list()
	if len(got) != 1 || got[0]["user_id"] != float64(other.id) || got[0]["reason"] != "Cheats" || got[0]["until"] != nil {
		t.Errorf("got %v", got)
	}
	if got := string(r.own("GET", path, nil, key).is(200).body); !strings.Contains(got, `"name":"foo2"`) {
		t.Errorf("got %s", got)
	}
	r.own("PUT", path+"/"+number(other.id), fields{"until": "2001-01-01T00:00:00Z"}, key).is(400)
	r.own("PUT", path+"/999", fields{}, key).is(404)
	r.own("DELETE", path+"/"+number(other.id), nil, key).is(204)
	r.own("DELETE", path+"/"+number(other.id), nil, key).is(404)
	r.get("/v1/server/bans", s.auth).text(200, "[]")
	r.get("/v1/server/bans", owner.auth).says(401, "Incorrect username or password")
}

// Who may do what: the status for a guest, somebody else, a key of the owner
// that may only read, the owner, and a moderator.
func TestServerListAuthorisation(t *testing.T) {
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.MaxServersPerUser, c.Metaserver.MaxServersPerIP = 0, 0 })
	owner, other, mod := r.user("foo"), r.user("foo2"), r.user("mod")
	r.role(mod, accounts.RoleModerator)
	callers := []string{"", r.key(other.id), r.key(owner.id, accounts.ScopeMetaRead), r.key(owner.id), r.key(mod.id)}
	server := fields{"host_name": "10.0.0.1", "port": 1, "name": "n", "max_players": 1}
	for _, c := range []struct {
		method, path string
		body         any
		want         [5]int
	}{
		{"GET", "/serverlist", nil, [5]int{200, 200, 200, 200, 200}},
		{"GET", "/serverlist/history", nil, [5]int{200, 200, 200, 200, 200}},
		{"GET", "/serverlist/{id}", nil, [5]int{404, 404, 404, 404, 404}}, // it never reported
		{"GET", "/serverlist/registered", nil, [5]int{401, 403, 403, 403, 200}},
		{"PUT", "/serverlist/{id}/state", fields{"state": "open"}, [5]int{401, 403, 403, 403, 200}},
		{"DELETE", "/serverlist/{id}", nil, [5]int{401, 403, 403, 403, 204}},
		{"GET", "/me/servers", nil, [5]int{401, 200, 200, 200, 200}},
		{"POST", "/me/servers", server, [5]int{401, 201, 403, 201, 201}},
		{"GET", "/me/servers/{id}", nil, [5]int{401, 404, 200, 200, 404}},
		{"PATCH", "/me/servers/{id}", fields{"name": "n"}, [5]int{401, 404, 403, 200, 404}},
		{"POST", "/me/servers/{id}/rotate", nil, [5]int{401, 404, 403, 200, 404}},
		{"POST", "/me/servers/{id}/offline", nil, [5]int{401, 404, 403, 200, 404}},
		{"POST", "/me/servers/{id}/check", nil, [5]int{401, 404, 403, 200, 404}},
		{"GET", "/me/servers/{id}/bans", nil, [5]int{401, 404, 200, 200, 404}},
		{"PUT", "/me/servers/{id}/bans/1", fields{}, [5]int{401, 404, 403, 204, 404}},
		{"DELETE", "/me/servers/{id}/bans/1", nil, [5]int{401, 404, 403, 404, 404}},
		{"DELETE", "/me/servers/{id}", nil, [5]int{401, 404, 403, 204, 404}},
	} {
		for i, key := range callers {
			s := r.server(owner) // a fresh one each time
			path := strings.ReplaceAll(c.path, "{id}", s.auth.name)
			if got := r.own(c.method, path, c.body, key); got.status != c.want[i] {
				t.Errorf("%s %s by caller %d: %d, want %d: %s", c.method, c.path, i, got.status, c.want[i], got.body)
			}
		}
	}
}

// Nothing that everybody may read tells who owns a server, how to speak for
// it, or where it is behind its public address.
func TestServerListLeaksNothing(t *testing.T) {
	r := newMetaRig(t, t.TempDir())
	owner, mod := r.user("owner-of-secret-name"), r.user("mod")
	r.role(mod, accounts.RoleModerator)
	key := r.key(owner.id)
	made := r.own("POST", "/me/servers", fields{
		"host_name": "192.168.77.5", "port": 27077, "name": "Box", "max_players": 8, "public_host": "play.example.com", "public_port": 30000,
	}, key).is(201).object()
	as := login{made["id"].(string), made["password"].(string)}
	r.post("/v1/server/update", reported(fields{"host_name": "192.168.77.5", "port": 27077}), as).is(200)
	secrets := []string{as.password, owner.auth.name, owner.name, "192.168.77.5", "27077", "example.com\",\"owner"}
	for _, path := range []string{"/v1/server/list/online", "/v1/server/online", "/api/v1/serverlist", "/api/v1/serverlist?q=192.168", "/api/v1/serverlist/" + as.name, "/api/v1/serverlist/history"} {
		body := string(r.get(path, login{}).is(200).body)
		for _, secret := range secrets {
			if strings.Contains(body, secret) {
				t.Errorf("%s tells %q: %s", path, secret, body)
			}
		}
	}
	// The password is never shown again, not even to staff.
	for _, a := range []reply{
		r.own("GET", "/me/servers", nil, key), r.own("GET", "/me/servers/"+as.name, nil, key), r.get("/v1/server/list/my", owner.auth),
		r.own("GET", "/serverlist/registered", nil, r.key(mod.id)),
	} {
		body := string(a.is(200).body)
		if strings.Contains(body, as.password) || strings.Contains(body, owner.auth.name) {
			t.Errorf("got %s", body)
		}
	}
	if n := r.own("GET", "/serverlist?q=192.168", nil, "").is(200).object()["total"]; n != 0.0 {
		t.Errorf("%v servers are found by an address that is not shown", n)
	}
}

func TestServerListBrowse(t *testing.T) {
	r := newMetaRig(t, t.TempDir(), func(c *config.Config) { c.Metaserver.MaxServersPerUser, c.Metaserver.MaxServersPerIP = 0, 0 })
	owner := r.user("foo")
	for i := range 7 {
		s := r.server(owner)
		r.post("/v1/server/update", reported(fields{
			"display_name": fmt.Sprintf("^900S%d", 7-i), "current_player_count": i % 3, "max_player_count": 2, "current_map": []string{"duel", "eden2"}[i%2],
			"passworded": i == 2, "mods": []any{100 + i, "7"}, "app": 4920,
		}), s.auth).is(200)
	}
	names := func(query string) (got []string) {
		cursor := ""
		for {
			page := r.own("GET", "/serverlist?limit=2&"+query+"&cursor="+cursor, nil, "").is(200).object()
			for _, s := range page["servers"].([]any) {
				got = append(got, s.(map[string]any)["plain_name"].(string))
			}
			if cursor, _ = page["next"].(string); cursor == "" {
				return got
			}
		}
	}
	for query, want := range map[string]string{
		"sort=name":                            "S1 S2 S3 S4 S5 S6 S7",
		"sort=updated":                         "S1 S2 S3 S4 S5 S6 S7",
		"sort=players":                         "S5 S2 S6 S3 S7 S4 S1",
		"has_players=1":                        "S5 S2 S6 S3",
		"not_full=true":                        "S6 S3 S7 S4 S1",
		"map=DUEL":                             "S5 S3 S7 S1",
		"mod=103":                              "S4",
		"mod=7":                                "S5 S2 S6 S3 S7 S4 S1",
		"q=s2":                                 "S2",
		"game_type=rtss":                       "S5 S2 S6 S3 S7 S4 S1",
		"not_passworded=true&has_players=true": "S2 S6 S3",
		"q=nothing":                            "",
	} {
		if got := strings.Join(names(query), " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	first := r.own("GET", "/serverlist", nil, "").is(200)
	req := first.header.Get("ETag")
	if req == "" || first.object()["totals"].(map[string]any)["players"] != 6.0 {
		t.Errorf("%s %s", req, first.body)
	}
}
