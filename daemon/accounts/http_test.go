package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// TestWhoMayDoWhat asks every operation as everybody. An answer that refuses
// must tell nothing of what it guards.
func TestWhoMayDoWhat(t *testing.T) {
	const (
		ok, made, gone     = http.StatusOK, http.StatusCreated, http.StatusNoContent
		signIn, no, absent = http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound
	)
	// In the order: guest, player, analyst, moderator, admin, an admin's key
	// for mods only, an admin's key with the scope admin.
	table := []struct {
		method, path string
		body         any
		status       [7]int
	}{
		{"GET", "/api/v1/session", nil, [7]int{ok, ok, ok, ok, ok, ok, ok}},
		{"GET", "/api/v1/sessions", nil, [7]int{signIn, ok, ok, ok, ok, no, ok}},
		{"DELETE", "/api/v1/sessions/999", nil, [7]int{signIn, absent, absent, absent, absent, no, absent}},
		{"GET", "/api/v1/keys", nil, [7]int{signIn, ok, ok, ok, ok, no, ok}},
		{"GET", "/api/v1/keys?all=true", nil, [7]int{signIn, no, no, no, ok, no, ok}},
		{"GET", "/api/v1/keys?account=1", nil, [7]int{signIn, no, no, no, ok, no, ok}},
		{"POST", "/api/v1/keys", map[string]any{"label": "x"}, [7]int{signIn, made, made, made, made, no, made}},
		{"POST", "/api/v1/keys", map[string]any{"scopes": []string{"admin"}}, [7]int{signIn, no, no, no, made, no, made}},
		{"DELETE", "/api/v1/keys/1", nil, [7]int{signIn, absent, absent, absent, gone, no, gone}},
		{"POST", "/api/v1/keys", map[string]any{"kind": "demos"}, [7]int{signIn, 409, made, made, made, no, made}},
		{"GET", "/api/v1/accounts", nil, [7]int{signIn, no, no, no, ok, no, ok}},
		{"POST", "/api/v1/accounts", map[string]any{"name": "Olga", "password": "x"}, [7]int{signIn, no, no, no, 400, no, 400}},
		{"DELETE", "/api/v1/accounts/999", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"PUT", "/api/v1/accounts/999/roles/admin", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"DELETE", "/api/v1/accounts/999/roles/admin", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"PUT", "/api/v1/accounts/999/password", map[string]any{"password": "long enough 4 all"}, [7]int{signIn, no, no, no, absent, no, absent}},
		{"DELETE", "/api/v1/accounts/999/steam", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"GET", "/api/v1/audit", nil, [7]int{signIn, no, no, no, ok, no, ok}},
		{"GET", "/api/v1/accounts?q=root", nil, [7]int{signIn, no, no, no, ok, no, ok}},
		{"GET", "/api/v1/me", nil, [7]int{signIn, ok, ok, ok, ok, no, ok}},
		{"GET", "/api/v1/me/export", nil, [7]int{signIn, ok, ok, ok, ok, no, ok}},
		{"PUT", "/api/v1/me/name", map[string]any{"name": ""}, [7]int{signIn, 400, 400, 400, 400, no, 400}},
		{"PUT", "/api/v1/me/password", map[string]any{"password": "x"}, [7]int{signIn, 400, 400, 400, 400, no, 400}},
		{"PUT", "/api/v1/me/email", map[string]any{"email": "a@example.com"}, [7]int{signIn, 503, 503, 503, 503, no, 503}},
		{"POST", "/api/v1/me/email/verify", map[string]any{"code": "ABCDEF"}, [7]int{signIn, no, no, no, no, no, no}},
		{"POST", "/api/v1/me/email/code", map[string]any{}, [7]int{signIn, 409, 409, 409, 409, no, 409}},
		{"DELETE", "/api/v1/me", map[string]any{"password": "x"}, [7]int{signIn, no, no, no, no, no, no}},
		{"PUT", "/api/v1/accounts/999/closed", map[string]any{"reason": "x"}, [7]int{signIn, no, no, absent, absent, no, no}},
		{"DELETE", "/api/v1/accounts/999/closed", nil, [7]int{signIn, no, no, absent, absent, no, no}},
		{"PUT", "/api/v1/accounts/999/name", map[string]any{"name": "Zoe"}, [7]int{signIn, no, no, absent, absent, no, no}},
		{"PUT", "/api/v1/accounts/999/verified", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"PUT", "/api/v1/accounts/999/emptied", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"GET", "/api/v1/accounts/999/export", nil, [7]int{signIn, no, no, no, absent, no, absent}},
		{"POST", "/api/v1/password-reset", map[string]any{"email": "a@example.com"}, [7]int{503, 503, 503, 503, 503, 503, 503}},
		{"POST", "/api/v1/registration", map[string]any{"email": "a@example.com", "name": "Zoe", "password": testPassword}, [7]int{503, 503, 503, 503, 503, 503, 503}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		root := x.person("RootName", RoleAdmin)
		x.key(root.ID) // key 1
		x.person("PlayerName", RolePlayer)
		x.person("AnalystName", RoleAnalyst)
		x.person("ModeratorName", RoleModerator)
		_, limited := x.key(root.ID, ScopeModsRead, ScopeModsWrite)
		_, full := x.key(root.ID, ScopeAdmin)
		who := []struct {
			name string
			*client
		}{
			{"guest", x.guest()}, {"player", x.signIn("PlayerName")}, {"analyst", x.signIn("AnalystName")},
			{"moderator", x.signIn("ModeratorName")}, {"admin", x.signIn("RootName")},
			{"limited key", x.withKey(limited)}, {"admin's key", x.withKey(full)},
		}
		for _, row := range table {
			for i, w := range who {
				t.Run(fmt.Sprintf("%s %s as %s", row.method, row.path, w.name), func(t *testing.T) {
					a := w.do(row.method, row.path, row.body)
					if a.status != row.status[i] {
						t.Fatalf("status %d, want %d: %s", a.status, row.status[i], a.body)
					}
					checkAnswer(t, a, w.client)
				})
			}
		}
	})
}

// checkAnswer fails when an answer holds what it never may, or a refusal has
// the wrong form.
func checkAnswer(t *testing.T, a answer, c *client) {
	t.Helper()
	if a.status >= 400 && !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		t.Errorf("content type %q", a.header.Get("Content-Type"))
	}
	if a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	never := []string{"argon2", "$v=19", testPassword, `"hash"`, "accounts_", "SELECT"}
	if c.cookie != "" {
		never = append(never, c.cookie)
	}
	if c.key != "" {
		never = append(never, c.key)
	}
	if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		never = append(never, "RootName", "PlayerName", "qm_", "MB-")
	}
	body := a.body
	if id := a.header.Get("X-Request-Id"); id != "" { // is random and may end in the beginning of a key
		body = strings.ReplaceAll(body, id, "")
	}
	for _, text := range never {
		if strings.Contains(body, text) {
			t.Errorf("the answer holds %q: %s", text, a.body)
		}
	}
}

func TestSessionTellsWhoCalls(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		got := x.guest().do("GET", sessionPath, nil)
		want := `{"account":null,"via":"","scopes":[],"csrf":"","needs_setup":true,"steam_sign_in":false,"demos":false,"registration":false,"mail":false,"metaserver":false}`
		if strings.TrimSpace(got.body) != want {
			t.Errorf("guest: %s, want %s", got.body, want)
		}
		if got.header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be cached")
		}
		x.person("Ann", RoleAdmin)
		c := x.signIn("ann")
		var who WhoAmI
		c.do("GET", sessionPath, nil).json(t, &who)
		if who.Account == nil || who.Account.Name != "Ann" || !slices.Equal(who.Account.Roles, []Role{RoleAdmin}) ||
			who.NeedsSetup || who.Via != ViaSession || len(who.CSRF) != 43 {
			t.Errorf("admin: %+v %+v", who, who.Account)
		}
		if a := c.do("DELETE", sessionPath, nil); a.status != http.StatusNoContent || c.cookie != "" {
			t.Errorf("sign out: %d, cookie %q", a.status, c.cookie)
		}
	})
}

// TestOddInput sends what databases choke on; none of it is our failure.
func TestOddInput(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		x.person("Root", RoleAdmin)
		root, guest := x.signIn("Root"), x.guest()
		root.header.Set("User-Agent", "a\x01\xff\x00")
		for _, row := range []struct {
			c            *client
			method, path string
			body         any
			status       int
		}{
			{guest, "POST", sessionPath, map[string]string{"name": "a\x00b", "password": "x\x00"}, 401},
			{guest, "POST", sessionPath, map[string]string{"name": "", "password": ""}, 401},
			{guest, "POST", setupPath, map[string]string{"token": "\x00", "name": "\x00", "password": "\x00"}, 409},
			{root, "POST", sessionPath, map[string]string{"name": "Root", "password": testPassword}, 200},
			{root, "GET", "/api/v1/audit?action=%00", nil, 422},
			{root, "GET", "/api/v1/audit?cursor=%00", nil, 400},
			{root, "GET", "/api/v1/audit?cursor=-1", nil, 400},
			{root, "GET", "/api/v1/audit?cursor=9223372036854775807", nil, 200},
			{root, "GET", "/api/v1/audit?limit=0", nil, 422},
			{root, "GET", "/api/v1/accounts?limit=201", nil, 422},
			{root, "PUT", "/api/v1/accounts/1/roles/king", nil, 422},
			{root, "DELETE", "/api/v1/accounts/9223372036854775808", nil, 422},
			{root, "POST", "/api/v1/keys", map[string]any{"label": "a\x00b"}, 201},
			{root, "POST", "/api/v1/keys", map[string]any{"expires_in": -1}, 422},
			{root, "POST", "/api/v1/accounts", map[string]any{"name": "a\u202eb", "password": testPassword}, 400},
		} {
			if a := row.c.do(row.method, row.path, row.body); a.status != row.status {
				t.Errorf("%s %s %v: %d, want %d: %s", row.method, row.path, row.body, a.status, row.status, a.body)
			}
		}
	})
}

func TestListsAnswerWhatIsKnownShortly(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	root := x.person("Root", RoleAdmin)
	_, key := x.key(root.ID, ScopeAdmin)
	c := x.withKey(key)
	for _, path := range []string{"/api/v1/accounts", "/api/v1/sessions", "/api/v1/keys", "/api/v1/audit"} {
		c.header.Del("If-None-Match")
		first := c.do("GET", path, nil)
		c.header.Set("If-None-Match", `"other", W/`+first.header.Get("ETag"))
		if again := c.do("GET", path, nil); again.status != 304 || again.body != "" {
			t.Errorf("%s: %d %s", path, again.status, again.body)
		}
		if path == "/api/v1/sessions" {
			continue
		}
		x.person("Player "+strings.Trim(path, "/"), RolePlayer)
		x.key(root.ID)
		if again := c.do("GET", path, nil); again.status != 200 {
			t.Errorf("%s after a change: %d", path, again.status)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	for _, row := range []struct {
		name, publicURL, host string
		secure                bool
	}{
		{"plain", "", "mods.example.org:27020", false},
		{"public https address", "https://mods.example.org", "mods.example.org", true},
		{"plain port beside a public https address", "https://mods.example.org", "192.0.2.9:27020", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			x := newSiteWith(t, dbtest.SQLite(t), row.publicURL)
			x.person("Ann", RoleAdmin)
			c := x.guest()
			a := c.doHost(row.host, map[string]string{"name": "Ann", "password": testPassword})
			set := a.header.Get("Set-Cookie")
			for _, part := range []string{"qm_session=", "Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=7776000"} {
				if !strings.Contains(set, part) {
					t.Errorf("cookie %q lacks %s", set, part)
				}
			}
			if strings.Contains(set, "Secure") != row.secure {
				t.Errorf("cookie %q, want Secure %v", set, row.secure)
			}
		})
	}
}

// doHost signs in under a Host header.
func (c *client) doHost(host string, body any) answer {
	r := request(c.site.t, "POST", sessionPath, body)
	r.Host = host
	return c.site.serve(r)
}

func TestChangesNeedTheCSRFToken(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RoleAdmin)
	x.person("Bob", RolePlayer)
	ann, bob := x.signIn("Ann"), x.signIn("Bob")
	right := ann.csrf
	for _, row := range []struct {
		name, csrf string
		header     map[string]string
		status     int
	}{
		{"none", "", nil, 403},
		{"wrong", "x" + right[1:], nil, 403},
		{"another session's", bob.csrf, nil, 403},
		{"right", right, nil, 201},
		{"right, same origin", right, map[string]string{"Sec-Fetch-Site": "same-origin"}, 201},
		{"right, typed address", right, map[string]string{"Sec-Fetch-Site": "none"}, 201},
		{"right, other site", right, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"right, other host of the site", right, map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"right, our origin", right, map[string]string{"Origin": "http://example.com"}, 201},
		{"right, other origin", right, map[string]string{"Origin": "http://evil.example"}, 403},
		{"right, null origin", right, map[string]string{"Origin": "null"}, 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			ann.csrf, ann.header = row.csrf, http.Header{}
			for name, value := range row.header {
				ann.header.Set(name, value)
			}
			if a := ann.do("POST", "/api/v1/keys", map[string]any{}); a.status != row.status {
				t.Errorf("status %d, want %d: %s", a.status, row.status, a.body)
			}
			if a := ann.do("GET", "/api/v1/keys", nil); a.status != 200 {
				t.Errorf("reading: status %d", a.status)
			}
		})
	}
	t.Run("sign-in from another site", func(t *testing.T) {
		c := x.guest()
		c.header.Set("Origin", "http://evil.example")
		if a := c.do("POST", sessionPath, map[string]string{"name": "Ann", "password": testPassword}); a.status != 403 || c.cookie != "" {
			t.Errorf("status %d, cookie %q", a.status, c.cookie)
		}
	})
	t.Run("an API key needs none", func(t *testing.T) {
		_, key := x.key(1)
		if a := x.withKey(key).do("POST", "/api/v1/keys", map[string]any{}); a.status != 201 {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

func TestPublicURLIsAnOrigin(t *testing.T) {
	x := newSiteWith(t, dbtest.SQLite(t), "https://mods.example.org/")
	x.person("Ann", RoleAdmin)
	c := x.signIn("Ann")
	c.header.Set("Origin", "https://mods.example.org")
	if a := c.do("POST", "/api/v1/keys", map[string]any{}); a.status != 201 {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestWrongKeyIsNeverAGuest(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	root := x.person("Ann", RoleAdmin)
	k, valid := x.key(root.ID)
	_, short, err := x.s.CreateKey(context.Background(), NewKey{AccountID: root.ID, Expires: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if a := x.withKey(short).do("GET", sessionPath, nil); a.status != 200 {
		t.Fatalf("status %d before it expires", a.status)
	}
	x.clock.add(time.Hour)
	revoked, revokedKey := x.key(root.ID)
	if err := x.s.RevokeKey(context.Background(), revoked.ID, 0); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, header, value string
		status              int
	}{
		{"valid", "Authorization", "Bearer " + valid, 200},
		{"valid, scheme in lower case", "Authorization", "bearer " + valid, 200},
		{"valid, own header", "X-Api-Key", valid, 200},
		{"cut off", "Authorization", "Bearer " + valid[:len(valid)-1], 401},
		{"prefix only", "Authorization", "Bearer " + k.Prefix, 401},
		{"not ours", "Authorization", "Bearer abc", 401},
		{"not ours, own header", "X-Api-Key", "abc", 401},
		{"expired", "Authorization", "Bearer " + short, 401},
		{"revoked", "Authorization", "Bearer " + revokedKey, 401},
		{"a proxy's basic authentication", "Authorization", "Basic Zm9vOmJhcg==", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := x.guest()
			c.header.Set(row.header, row.value)
			if a := c.do("GET", sessionPath, nil); a.status != row.status {
				t.Errorf("status %d, want %d: %s", a.status, row.status, a.body)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	root := x.person("Ann", RoleAdmin)
	_, key := x.key(root.ID, ScopeModsWrite)
	x.web.Handle("GET /plain", Guard(ScopeModsWrite, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, From(r.Context()).Name)
	})))
	if a := x.guest().do("GET", "/plain", nil); a.status != 401 || strings.Contains(a.body, "Ann") {
		t.Errorf("guest: %d %s", a.status, a.body)
	}
	if a := x.withKey(key).do("GET", "/plain", nil); a.status != 200 || a.body != "Ann" {
		t.Errorf("key: %d %s", a.status, a.body)
	}
	// Outside of our own API a foreign token may belong to another protocol.
	if a := x.withKey("MB-foreign").do("GET", "/plain", nil); a.status != 401 {
		t.Errorf("foreign key: %d", a.status)
	}
}

// TestDocument reads the OpenAPI document as a program would.
func TestDocument(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	huma.Register(x.web.API(), huma.Operation{OperationID: "later", Method: "GET", Path: "/api/v1/later"},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	raw, err := x.web.API().OpenAPI().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			SecuritySchemes map[string]struct{ Type, In, Name, Scheme string }
		}
		Paths map[string]map[string]struct {
			Security  []map[string][]string
			Responses map[string]any
			Summary   string
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	schemes := doc.Components.SecuritySchemes
	if schemes["session"].Name != "qm_session" || schemes["bearer"].Scheme != "bearer" || schemes["apiKey"].Name != "X-API-Key" {
		t.Errorf("schemes %+v", schemes)
	}
	audit := doc.Paths["/api/v1/audit"]["get"]
	if len(audit.Security) != 3 || !slices.Equal(audit.Security[0]["session"], []string{"admin"}) ||
		audit.Responses["401"] == nil || audit.Responses["403"] == nil || audit.Summary == "" {
		t.Errorf("audit %+v", audit)
	}
	if open := doc.Paths["/api/v1/session"]["get"]; len(open.Security) != 0 {
		t.Errorf("session %+v", open)
	}
}

func TestEventsScope(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.person("Ann", RoleAdmin)
	mod := x.person("Mo", RoleModerator)
	bob := x.person("Bob", RolePlayer)
	hears := func(c *client, scope string) bool {
		r := request(t, "GET", "/api/v1/events", nil)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: CookieName, Value: c.cookie})
		}
		known, err := x.s.identify(r)
		if err != nil {
			t.Fatal(err)
		}
		return x.s.mayHear(known, scope)
	}
	mo := x.signIn("Mo")
	for _, row := range []struct {
		c     *client
		scope string
		want  bool
	}{
		{x.guest(), "staff", false}, {x.signIn("Bob"), "staff", false}, {mo, "staff", true}, {x.signIn("Ann"), "staff", true},
		{mo, ScopeAdmin, false}, {x.signIn("Ann"), ScopeAdmin, true}, {x.guest(), ScopeModsRead, false},
		{x.signIn("Bob"), OwnScope(ScopeDemosRead, bob.ID), true}, {x.signIn("Bob"), OwnScope(ScopeDemosRead, mod.ID), false},
		{x.signIn("Bob"), OwnScope(ScopeAdmin, bob.ID), false}, {x.signIn("Bob"), OwnScope(ScopeDemosRead, 0), false}, {x.guest(), OwnScope(ScopeDemosRead, 0), false},
		{x.signIn("Bob"), "staff " + OwnScope(ScopeDemosRead, bob.ID), true}, {x.signIn("Bob"), "staff " + ScopeAdmin, false}, {mo, ScopeAdmin + " staff", true},
		{x.signIn("Ann"), "", false}, {x.signIn("Ann"), "@", false},
	} {
		if got := hears(row.c, row.scope); got != row.want {
			t.Errorf("%s hears %s: %v", row.c.name(), row.scope, got)
		}
	}
	// A stream that is open already falls silent with the role.
	r := request(t, "GET", "/api/v1/events", nil)
	r.AddCookie(&http.Cookie{Name: CookieName, Value: mo.cookie})
	open, err := x.s.identify(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.s.Revoke(context.Background(), mod.ID, RoleModerator); err != nil {
		t.Fatal(err)
	}
	if x.s.mayHear(open, "staff") {
		t.Error("the stream still carries staff events")
	}
}

// The page is told whether it has anything to show of recordings.
func TestSessionTellsOfRecordings(t *testing.T) {
	for _, taken := range []bool{false, true} {
		s := New(Options{DB: dbtest.SQLite(t), Demos: taken})
		if out, err := s.getSession(context.Background(), nil); err != nil || out.Body.Demos != taken {
			t.Errorf("%t: %+v, %v", taken, out, err)
		}
		if out := s.opened(source{}, Opened{}); out.Body.Demos != taken {
			t.Errorf("%t: a new session says %+v", taken, out.Body)
		}
	}
}
