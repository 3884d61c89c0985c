package accounts

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	gabe     = steam.ID(76561197960287930)
	robin    = steam.ID(76561197960287931)
	ourSite  = "https://demos.example.org"
	ourRealm = "https://demos.example.org/"
)

// steamSite is a site beside a Steam.
type steamSite struct {
	*site
	provider *steamtest.OpenID
	api      *steamtest.Steam
}

func newSteamSite(t *testing.T, d *db.DB, changes ...func(*Options)) *steamSite {
	t.Helper()
	x := &steamSite{provider: steamtest.NewOpenID(t), api: steamtest.New(t)}
	x.api.PutPlayers(
		steamtest.Player{ID: uint64(gabe), Persona: "Rabscuttle", SetUp: true},
		steamtest.Player{ID: uint64(robin), Persona: "Robin", SetUp: true},
	)
	x.site = newSiteWith(t, d, ourSite, append([]func(*Options){func(o *Options) {
		o.OpenID = &openid.Client{Endpoint: x.provider.Endpoint(), Now: o.Now}
		o.People = webapi.New(webapi.Options{BaseURL: x.api.URL(), Key: "steam-key", Now: o.Now})
	}}, changes...)...)
	x.provider.Clock(x.clock.Now)
	return x
}

// browser keeps every cookie, as browsers do.
type browser struct {
	x       *steamSite
	cookies map[string]*http.Cookie
	ip      string
}

func (x *steamSite) browser() *browser {
	return &browser{x: x, cookies: map[string]*http.Cookie{}, ip: "10.1.2.3:99"}
}

// open asks for an address, with or without our origin before it.
func (b *browser) open(address string) answer {
	b.x.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://demos.example.org"+strings.TrimPrefix(address, ourSite), nil)
	r.RemoteAddr = b.ip
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	a := b.x.serve(r)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.cookies[c.Name] = c
	}
	return a
}

// toSteam begins at path and returns the address that Steam sends it back to.
func (b *browser) toSteam(path string) string {
	b.x.t.Helper()
	a := b.open(path)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), b.x.provider.Endpoint()+"?") {
		b.x.t.Fatalf("%s: %d to %s: %s", path, a.status, a.header.Get("Location"), a.body)
	}
	back, err := b.x.provider.SignIn(a.header.Get("Location"))
	if err != nil {
		b.x.t.Fatal(err)
	}
	return back
}

// whoAmI is what the page learns.
func (b *browser) whoAmI() (who WhoAmI) {
	b.x.t.Helper()
	b.open(sessionPath).json(b.x.t, &who)
	return who
}

func (b *browser) name() string {
	b.x.t.Helper()
	if who := b.whoAmI(); who.Account != nil {
		return who.Account.Name
	}
	return ""
}

// changed returns an address with one parameter replaced; "" removes it.
func changed(t *testing.T, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Set(name, value); value == "" {
		q.Del(name)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

var keyOnPage = regexp.MustCompile(`^<!DOCTYPE html><html.*<div><span>Successfully authenticated! ` +
	`Your API key is '(MB-[A-Za-z0-9_-]{43})' (Your old key was invalidated!)? Do not lose this as the client needs it!</span>`)

// provision gets a key as a player does.
func (b *browser) provision() (callback, key string, replaced bool) {
	b.x.t.Helper()
	callback = b.toSteam("/provision")
	key, replaced = b.shownKey(callback)
	return callback, key, replaced
}

func (b *browser) shownKey(callback string) (key string, replaced bool) {
	b.x.t.Helper()
	a := b.open(callback)
	m := keyOnPage.FindStringSubmatch(a.body)
	if a.status != http.StatusOK || m == nil {
		b.x.t.Fatalf("%d %s", a.status, a.body)
	}
	return m[1], m[2] != ""
}

// holder returns whom a key for recordings stands for, 0 when for nobody.
func (x *steamSite) holder(key string) steam.ID {
	x.t.Helper()
	_, id, err := x.s.ByDemosKey(context.Background(), key)
	if err != nil {
		return 0
	}
	return id
}
