package accounts

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

func TestProvisionRedirect(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		for _, path := range []string{"/provision", "/provision/", "//provision", "/provision?x=1"} {
			b := x.browser()
			a := b.open(path)
			u, err := url.Parse(a.header.Get("Location"))
			if err != nil || a.status != http.StatusSeeOther || a.header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%s: %d %v %v", path, a.status, a.header, err)
			}
			q := u.Query()
			for name, want := range map[string]string{
				"openid.ns": "http://specs.openid.net/auth/2.0", "openid.mode": "checkid_setup", "openid.realm": ourRealm,
				"openid.identity":   "http://specs.openid.net/auth/2.0/identifier_select",
				"openid.claimed_id": "http://specs.openid.net/auth/2.0/identifier_select",
			} {
				if q.Get(name) != want {
					t.Errorf("%s is %q", name, q.Get(name))
				}
			}
			if !strings.HasPrefix(q.Get("openid.return_to"), ourSite+"/provision_handler?state=") {
				t.Errorf("return_to %q", q.Get("openid.return_to"))
			}
			c := b.cookies[errandCookie]
			if c == nil || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || strings.Contains(u.String(), c.Value) {
				t.Errorf("cookie %+v", c)
			}
		}
		for method, want := range map[string]int{"POST": 405, "HEAD": 405, "OPTIONS": 204} {
			if a := x.serve(httptest.NewRequest(method, "/provision", nil)); a.status != want || a.header.Get("Allow") == "" {
				t.Errorf("%s: %d %s", method, a.status, a.body)
			}
		}
	})
}

func TestProvision(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		callback, key, replaced := b.provision()
		if replaced || x.holder(key) != gabe {
			t.Fatalf("key of %d, replaced %v", x.holder(key), replaced)
		}
		page := b.open(callback)
		if page.header.Get("Cache-Control") != "no-store" || page.header.Get("Content-Type") != "text/html; charset=utf-8" ||
			!strings.Contains(page.body, "not your Steam Web API key") {
			t.Errorf("%v %s", page.header, page.body)
		}
		// The page loaded again shows the same key, without asking Steam.
		asked := x.provider.Confirms()
		if again, replaced := b.shownKey(callback); again != key || replaced || x.provider.Confirms() != asked {
			t.Errorf("reload: %s, %v, %d questions", again, replaced, x.provider.Confirms()-asked)
		}
		// Nobody else sees it, and not for ever.
		if a := x.browser().open(callback); strings.Contains(a.body, key) || !strings.Contains(a.body, "Could not log you in!") {
			t.Errorf("another browser: %s", a.body)
		}
		// A new key ends the old one at once; the account stays.
		before, err := x.s.Account(t.Context(), "[U:1:22202]")
		if err != nil || before.Name != "Rabscuttle" {
			t.Fatalf("%+v, %v", before, err)
		}
		second, newKey, replaced := b.provision()
		if !replaced || newKey == key || x.holder(key) != 0 || x.holder(newKey) != gabe {
			t.Errorf("the old key is of %d, the new one of %d, replaced %v", x.holder(key), x.holder(newKey), replaced)
		}
		if after, err := x.s.Account(t.Context(), "STEAM_0:0:11101"); err != nil || after.ID != before.ID {
			t.Errorf("%+v, %v", after, err)
		}
		if a := b.open(callback); strings.Contains(a.body, "MB-") || a.status != 200 {
			t.Errorf("the first address shows %s", a.body)
		}
		x.clock.add(reloadTime)
		if a := b.open(second); strings.Contains(a.body, "MB-") {
			t.Errorf("still shown: %s", a.body)
		}
		if x.holder(newKey) != gabe {
			t.Error("the key ended with the page")
		}
		if got := joined(x.auditActions()); got != "account.create steam.link key.create key.create" {
			t.Error(got)
		}
		if strings.Contains(x.log.String(), key) || strings.Contains(x.log.String(), b.cookies[errandCookie].Value) {
			t.Error("a secret is in the log")
		}
	})
}

// A restart forgets what was shown and nothing else.
func TestProvisionAfterARestart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		callback, key, _ := b.provision()
		x.s.reloads = newReloads(x.clock.Now)
		if a := b.open(callback); !strings.Contains(a.body, textNoLogin) || x.holder(key) != gabe {
			t.Errorf("%s, key of %d", a.body, x.holder(key))
		}
	})
}

// Two loads at once make one key.
func TestProvisionTwiceAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		callback := b.toSteam("/provision")
		answers := make([]string, 4)
		var group sync.WaitGroup
		for i := range answers {
			one := &browser{x: x, cookies: map[string]*http.Cookie{errandCookie: b.cookies[errandCookie]}, ip: b.ip}
			group.Go(func() { answers[i] = one.open(callback).body })
		}
		group.Wait()
		for _, body := range answers {
			if m := keyOnPage.FindStringSubmatch(body); m == nil || body != answers[0] || x.holder(m[1]) != gabe {
				t.Errorf("%s\n%s", answers[0], body)
			}
		}
		if n := x.provider.Confirms(); n != 1 {
			t.Errorf("Steam was asked %d times", n)
		}
	})
}

func TestProvisionRefuses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		b := x.browser()
		back := b.toSteam("/provision")
		for _, name := range []string{"openid.assoc_handle", "openid.signed", "openid.sig", "openid.ns"} {
			a := b.open(changed(t, back, name, ""))
			if a.status != 200 || !strings.Contains(a.body, "<span>You aren't supposed to be here!</span>") {
				t.Errorf("without %s: %d %s", name, a.status, a.body)
			}
		}
		if a := b.open("/provision_handler"); !strings.Contains(a.body, "<span>You aren't supposed to be here!</span>") {
			t.Error(a.body)
		}
		if x.provider.Confirms() != 0 {
			t.Error("Steam was asked")
		}
		x.provider.Answer("is_valid:false\n", 0)
		if a := b.open(back); a.status != 200 || !strings.Contains(a.body, "Could not log you in!") {
			t.Errorf("%d %s", a.status, a.body)
		}
		x.provider.Answer("", 503)
		if a := b.open(back); a.status != 200 || !strings.Contains(a.body, "Could not log you in!") || !strings.Contains(a.body, "Steam cannot be reached") {
			t.Errorf("%d %s", a.status, a.body)
		}
		x.provider.Answer("", 0)
		if a := b.open("//provision_handler" + strings.TrimPrefix(back, ourSite+"/provision_handler")); !keyOnPage.MatchString(a.body) {
			t.Errorf("with two slashes: %d %s", a.status, a.body)
		}
	})
}

func TestProvisionLimited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d)
		x.api.PutPlayers(steamtest.Player{ID: uint64(gabe), Persona: "Throwaway"})
		b := x.browser()
		a := b.open(b.toSteam("/provision"))
		if a.status != 200 || a.body != "limited" || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%d %q %v", a.status, a.body, a.header)
		}
		asked := x.api.CallCount()
		x.api.PutPlayers(steamtest.Player{ID: uint64(gabe), SetUp: true})
		if a := b.open(b.toSteam("/provision")); a.body != "limited" || x.api.CallCount() != asked {
			t.Errorf("%q, Steam was asked about a person who is listed", a.body)
		}
		x.provider.As(76561197960287999) // Steam does not know this person
		if a := b.open(b.toSteam("/provision")); a.body != "limited" {
			t.Errorf("%q", a.body)
		}
		if _, err := x.s.Account(t.Context(), gabe.Decimal()); err == nil {
			t.Error("a limited person has an account")
		}
		// When Steam cannot be asked, nobody passes and nobody is listed.
		x.provider.As(uint64(robin))
		x.api.FailAPI(steamtest.ServerError, 1)
		if a := b.open(b.toSteam("/provision")); !strings.Contains(a.body, textNoLogin) {
			t.Errorf("%q", a.body)
		}
		x.clock.add(time.Hour) // the client leaves Steam alone for a while
		if _, key, _ := b.provision(); x.holder(key) != robin {
			t.Error("robin gets no key")
		}
	})
}

// Without an API key of Steam there is nothing to ask.
func TestProvisionWithoutAKeyOfSteam(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d, func(o *Options) { o.People = nil })
		if _, key, _ := x.browser().provision(); x.holder(key) != gabe {
			t.Error("no key")
		}
		if a, err := x.s.Account(t.Context(), gabe.Decimal()); err != nil || a.Name != "player-1" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestSteamSignInIsLimited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSteamSite(t, d, func(o *Options) { o.Limits = config.Limits{LoginPerMinute: 4} })
		b := x.browser()
		b.ip = "203.0.113.7:99"
		b.provision()
		b.provision()
		if a := b.open("/provision"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%d %v", a.status, a.header)
		}
		if a := b.open(steamPath); a.header.Get("Location") != "/app/signin?steam=busy" {
			t.Errorf("%d %v", a.status, a.header)
		}
		if a := b.open("/provision_handler?openid.assoc_handle=a&openid.signed=a&openid.sig=a&openid.ns=a"); a.status != http.StatusTooManyRequests {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// What is switched off is not there.
func TestNoSteamSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		for _, path := range []string{"/provision", "/provision_handler", steamPath, steamReturnPath} {
			if a := x.guest().do("GET", path, nil); a.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}
