package accounts

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestSteamSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		back := b.toSteam(steamPath + "?to=" + url.QueryEscape("/app/mods?q=map"))
		if !strings.HasPrefix(back, ourSite+"/api/v1/session/steam/return?") {
			t.Fatal(back)
		}
		a := b.open(back)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/app/mods?q=map" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", a.status, a.header, a.body)
		}
		who := b.whoAmI()
		if who.Account == nil || who.Account.Name != "Rabscuttle" || who.Account.SteamID != gabe || !who.SteamSignIn || who.Via != ViaSession {
			t.Fatalf("%+v %+v", who, who.Account)
		}
		if !strings.Contains(b.open(sessionPath).body, `"steam_id":"76561197960287930"`) {
			t.Error(b.open(sessionPath).body)
		}
		first := b.cookies[CookieName].Value
		x.provider.As(uint64(gabe))
		b.open(b.toSteam(steamPath))
		if again := b.whoAmI(); again.Account.ID != who.Account.ID || b.cookies[CookieName].Value == first {
			t.Errorf("%+v", again.Account)
		}
		x.provider.As(uint64(robin))
		other := x.browser()
		if other.open(other.toSteam(steamPath)); other.name() != "Robin" || b.name() != "Rabscuttle" {
			t.Errorf("%s and %s", other.name(), b.name())
		}
		if got := joined(x.auditActions()); got != "account.create steam.link session.create session.create account.create steam.link session.create" {
			t.Error(got)
		}
		// There is no password to guess.
		for _, password := range []string{"", testPassword} {
			if a := x.guest().do("POST", sessionPath, map[string]string{"name": "Robin", "password": password}); a.status != 401 {
				t.Errorf("password %q: %d", password, a.status)
			}
		}
	})
}

// A page that is not ours is never led to.
func TestOwnPage(t *testing.T) {
	for to, want := range map[string]string{
		"/app": "/app", "/app/": "/app/", "/app/mods?q=a%20b": "/app/mods?q=a%20b", "/app?x=1": "/app?x=1",
		"": "-", "/": "-", "/apple": "-", "//evil.example": "-", "https://evil.example/app/": "-", `/app/\evil`: "-",
		`/app\..`: "-", "/app/\r\nSet-Cookie: a=b": "-", "/app/ x": "-", "/app/ж": "-", "/app/#x": "-", "/app/" + strings.Repeat("x", 1000): "-",
	} {
		if got := ownPage(to, "-"); got != want {
			t.Errorf("%q: %q", to, got)
		}
	}
}

// forgeries are the ways to come back with something else than what Steam sent,
// by name. Each changes the address that a browser comes back to.
func forgeries(now time.Time) map[string]func(*testing.T, string) string {
	id := "https://steamcommunity.com/openid/id/"
	set := func(name, value string) func(*testing.T, string) string {
		return func(t *testing.T, back string) string { return changed(t, back, name, value) }
	}
	both := func(value string) func(*testing.T, string) string {
		return func(t *testing.T, back string) string {
			return changed(t, changed(t, back, "openid.claimed_id", value), "openid.identity", value)
		}
	}
	const fields = "op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"
	return map[string]func(*testing.T, string) string{
		"return_to another host":     set("openid.return_to", "https://evil.example/api/v1/session/steam/return?state=x"),
		"return_to another path":     set("openid.return_to", ourSite+"/provision_handler?state=x"),
		"return_to without state":    set("openid.return_to", ourSite+"/api/v1/session/steam/return"),
		"another state":              set("state", "abc.DEF.ghi"),
		"no state":                   set("state", ""),
		"another page":               set("to", "/app/other"),
		"linking instead":            set("link", "true"),
		"claimed_id not signed":      set("openid.signed", strings.Replace(fields, "claimed_id,", "", 1)),
		"claimed_id over http":       both("http://steamcommunity.com/openid/id/76561197960287930"),
		"claimed_id of a look-alike": both("https://steamcommunity.com.evil.example/openid/id/76561197960287930"),
		"claimed_id of another":      both(id + "76561197960287931"),
		"another op_endpoint":        set("openid.op_endpoint", "https://evil.example/openid/login"),
		"old nonce":                  set("openid.response_nonce", now.Add(-6*time.Minute).Format("2006-01-02T15:04:05Z")+"x"),
		"is_valid in a field":        set("openid.sig", "x\nis_valid:true\n"),
		"another signature":          set("openid.sig", "AAAA"),
		"doubled parameter": func(_ *testing.T, back string) string {
			return back + "&openid.claimed_id=" + url.QueryEscape(id+"76561197960287931")
		},
		"another mode": set("openid.mode", "checkid_setup"),
	}
}

func TestSteamSignInCannotBeForged(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		for name, forge := range forgeries(x.clock.Now()) {
			t.Run(name, func(t *testing.T) {
				b := x.browser()
				back := b.toSteam(steamPath + "?to=/app/mods")
				a := b.open(forge(t, back))
				if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/app/") || b.name() != "" {
					t.Fatalf("%s is signed in: %d %v", b.name(), a.status, a.header)
				}
				if b.cookies[CookieName] != nil {
					t.Error("a session was opened")
				}
			})
		}
	})
}

// An assertion is for one browser, one purpose, our site, and a short time.
func TestSteamSignInIsForOneBrowser(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		t.Run("another browser", func(t *testing.T) {
			attacker, victim := x.browser(), x.browser()
			victim.toSteam(steamPath)
			if victim.open(attacker.toSteam(steamPath)); victim.name() != "" {
				t.Error("the victim acts for the attacker")
			}
			if x.browser().open(attacker.toSteam(steamPath)).header.Get("Set-Cookie") != "" {
				t.Error("a browser that did not ask is signed in")
			}
		})
		t.Run("another site's assertion", func(t *testing.T) {
			b := x.browser()
			back := b.toSteam(steamPath) // the state is good, and theirs to see
			evil := strings.Replace(strings.SplitN(back, "&openid", 2)[0], ourSite, "https://evil.example", 1)
			theirs, err := x.provider.SignIn(x.s.openid.URL(evil, "https://evil.example/"))
			if err != nil {
				t.Fatal(err)
			}
			if a := b.open(strings.Replace(theirs, "https://evil.example", ourSite, 1)); b.name() != "" {
				t.Errorf("accepted: %v", a.header)
			}
		})
		t.Run("an assertion for provisioning", func(t *testing.T) {
			b := x.browser()
			back := b.toSteam("/provision")
			if b.open(steamReturnPath + "?" + strings.SplitN(back, "?", 2)[1]); b.name() != "" {
				t.Error("accepted")
			}
		})
		t.Run("too late", func(t *testing.T) {
			b := x.browser()
			login := b.open(steamPath).header.Get("Location")
			x.clock.add(errandTime)
			back, err := x.provider.SignIn(login)
			if err != nil {
				t.Fatal(err)
			}
			if a := b.open(back); a.header.Get("Location") != "/app/signin?steam=failed" || b.name() != "" {
				t.Errorf("%v", a.header)
			}
		})
	})
}

// A sign-in counts once, also when Steam would confirm it again, in another
// process, and after a restart.
func TestSteamSignInCountsOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		back := b.toSteam(steamPath)
		if b.open(back); b.name() == "" {
			t.Fatal("not signed in")
		}
		x.provider.Answer("ns:http://specs.openid.net/auth/2.0\nis_valid:true\n", 0)
		replay := func(what string, s *steamSite) {
			t.Helper()
			again := &browser{x: s, cookies: map[string]*http.Cookie{errandCookie: b.cookies[errandCookie]}, ip: b.ip}
			if a := again.open(back); again.name() != "" || a.header.Get("Location") != "/app/signin?steam=failed" {
				t.Errorf("%s: %d %v", what, a.status, a.header)
			}
		}
		replay("at once", x)
		restarted := &steamSite{provider: x.provider, api: x.api}
		restarted.site = newSiteWith(t, d, ourSite, func(o *Options) { o.OpenID, o.Now = x.s.openid, x.clock.Now })
		replay("after a restart", restarted)
		x.clock.add(4 * time.Minute)
		if err := x.s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		replay("minutes later", x)
		// Another nonce in the same errand: the state counts once as well.
		x.provider.Answer("", 0)
		replay("a second assertion", x)
		x.clock.add(errandTime)
		if err := x.s.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(context.Background(), `SELECT COUNT(*) FROM accounts_openid_nonce`).Scan(&left)
		}); err != nil || left != 0 {
			t.Errorf("%d nonces are kept for ever, %v", left, err)
		}
	})
}

func TestSteamSignInFailures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		back := b.toSteam(steamPath + "?to=/app/mods")
		x.provider.Answer("", 500)
		if a := b.open(back); a.header.Get("Location") != "/app/signin?steam=away&to=%2Fapp%2Fmods" {
			t.Errorf("%v", a.header)
		}
		x.provider.Answer("", 0)
		if a := b.open(changed(t, back, "openid.mode", "cancel")); a.header.Get("Location") != "/app/signin?steam=cancelled&to=%2Fapp%2Fmods" {
			t.Errorf("%v", a.header)
		}
		if b.open(back); b.name() != "Rabscuttle" {
			t.Error("a failed try spoilt the errand")
		}
	})
}

func TestLinkSteam(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		ann := x.person("Ann", RoleAnalyst)
		c := x.signIn("Ann")
		b := x.browser()
		if a := b.open(steamPath + "?link=true"); a.header.Get("Location") != "/app/signin?to=%2Fapp%2Faccount" {
			t.Errorf("a guest links: %v", a.header)
		}
		b.cookies[CookieName] = &http.Cookie{Name: CookieName, Value: c.cookie}
		if a := b.open(b.toSteam(steamPath + "?link=true")); a.header.Get("Location") != "/app/account?steam=linked" {
			t.Fatalf("%d %v", a.status, a.header)
		}
		if who := b.whoAmI(); who.Account.SteamID != gabe || who.Account.ID != ann.ID {
			t.Errorf("%+v", who.Account)
		}
		// From now on Steam opens this account.
		if b2 := x.browser(); b2.open(b2.toSteam(steamPath)).status != 303 || b2.name() != "Ann" {
			t.Error("Steam leads elsewhere")
		}
		b.open(b.toSteam(steamPath + "?link=true")) // again: nothing happens
		x.provider.As(uint64(robin))
		if a := b.open(b.toSteam(steamPath + "?link=true")); a.header.Get("Location") != "/app/account?steam=other" {
			t.Errorf("a second Steam account: %v", a.header)
		}
		x.person("Bob", RolePlayer)
		bob := x.browser()
		bob.cookies[CookieName] = &http.Cookie{Name: CookieName, Value: x.signIn("Bob").cookie}
		x.provider.As(uint64(gabe))
		if a := bob.open(bob.toSteam(steamPath + "?link=true")); a.header.Get("Location") != "/app/account?steam=taken" {
			t.Errorf("somebody else's: %v", a.header)
		}
		// An errand that Bob began does not link for Ann.
		x.provider.As(uint64(robin))
		back := bob.toSteam(steamPath + "?link=true")
		bob.cookies[CookieName] = b.cookies[CookieName]
		if a := bob.open(back); a.header.Get("Location") != "/app/account?steam=failed" {
			t.Errorf("another account: %v", a.header)
		}

		_, key, err := x.s.CreateKey(t.Context(), NewKey{AccountID: ann.ID, Kind: KindDemos})
		if err != nil || x.holder(key) != gabe {
			t.Fatal(err)
		}
		path := "/api/v1/accounts/" + text(ann.ID) + "/steam"
		if a := c.do("DELETE", path, nil); a.status != 204 || x.holder(key) != 0 || b.whoAmI().Account.SteamID != 0 {
			t.Errorf("%d %s, key of %d", a.status, a.body, x.holder(key))
		}
		if a := c.do("DELETE", path, nil); a.status != 404 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if got := joined(x.auditActions()); !strings.HasSuffix(got, "key.create steam.unlink") || strings.Count(got, "steam.link ") != 1 {
			t.Error(got)
		}
	})
}

func TestUnlinkKeepsAWayIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		a, err := x.s.AccountFor(t.Context(), gabe.Decimal())
		if err != nil {
			t.Fatal(err)
		}
		wantKind(t, x.s.UnlinkSteam(t.Context(), a.ID), fault.Conflict)
		if err := x.s.SetPassword(t.Context(), a.ID, testPassword, 0); err != nil {
			t.Fatal(err)
		}
		if err := x.s.UnlinkSteam(t.Context(), a.ID); err != nil {
			t.Error(err)
		}
	})
}

// Without http.public_url only the addresses of the machine itself will do.
func TestSteamSignInNeedsAnAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		x.s.public = ""
		for host, want := range map[string]bool{
			"127.0.0.1:27020": true, "localhost": true, "LOCALHOST:27020": true, "[::1]:27020": true, "192.0.2.1": true, "192.0.2.1:80": true,
			"evil.example": false, "192.0.2.2": false, "demos.example.org": false, "localhost.evil.example": false, "": false,
		} {
			r := httptest.NewRequest("GET", "/provision", nil)
			r.Host = host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr("192.0.2.1:80")))
			_, err := x.s.steamBase(r)
			if (err == nil) != want {
				t.Errorf("%q: %v", host, err)
			}
		}
		if a := x.browser().open("/provision"); a.status != http.StatusBadRequest || !strings.Contains(a.body, "http.public_url") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := x.browser().open(steamPath); a.header.Get("Location") != "/app/signin?steam=address" {
			t.Errorf("%d %v", a.status, a.header)
		}
	})
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// Whatever a browser brings back, nothing breaks, and no other site is led to.
func FuzzReturned(f *testing.F) {
	f.Add("state=tot27c.BEG3.x_Wu&to=%2Fapp%2Fmods&link=true", int64(3))
	f.Add("state=...&to=//evil.example", int64(0))
	f.Add("to=/app/\\evil", int64(-1))
	f.Fuzz(func(t *testing.T, raw string, account int64) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		e := resume(ourSite, steamReturnPath, query, account, newToken())
		if u, err := url.Parse(e.returnTo()); err != nil || u.Host != "demos.example.org" || u.Path != steamReturnPath {
			t.Errorf("%q: %v", e.returnTo(), err)
		}
		if page := ownPage(e.to, "/app/"); page != "/app" && !strings.HasPrefix(page, "/app/") && !strings.HasPrefix(page, "/app?") {
			t.Errorf("%q leads to %q", e.to, page)
		}
		if e.account != 0 && query.Get("link") != "true" {
			t.Error("links without being asked to")
		}
	})
}
