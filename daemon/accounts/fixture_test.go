package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// logged collects what a service logs.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// site is a service with its routes on a server. Its hashes are cheap.
type site struct {
	t     *testing.T
	db    *db.DB
	s     *Service
	web   *web.Server
	clock *clock
	log   *logged
	dir   string
}

func newSite(t *testing.T, d *db.DB) *site { return newSiteWith(t, d, "") }

func newSiteWith(t *testing.T, d *db.DB, publicURL string, changes ...func(*Options)) *site {
	t.Helper()
	x := &site{t: t, db: d, clock: newClock(), log: &logged{}, dir: t.TempDir()}
	log := slog.New(slog.NewTextHandler(x.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := config.Limits{LoginPerMinute: 20, PerIPRPS: 1e6, Exempt: []string{"10.0.0.0/8"}}
	o := Options{DB: d, Log: log, Now: x.clock.Now, Limits: limits, DataDir: x.dir, PublicURL: publicURL}
	for _, change := range changes {
		change(&o)
	}
	x.s = New(o)
	cheapen(x.s)
	var err error
	x.web, err = web.New(web.Options{
		HTTP: config.HTTP{PublicURL: publicURL}, Limits: limits, Log: log, Now: x.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	x.s.Register(x.web)
	x.s.RegisterProvision(x.web)
	return x
}

// cheapen makes hashes take microseconds.
func cheapen(s *Service) {
	s.hasher.cost = argon{memory: 8, time: 1, threads: 1}
	s.hasher.dummy = encodePHC(s.hasher.cost, make([]byte, saltLen), make([]byte, hashLen))
}

const testPassword = "correct battery staple"

// person makes an account with testPassword.
func (x *site) person(name string, role Role) Account {
	x.t.Helper()
	a, err := x.s.Create(context.Background(), name, testPassword, role)
	if err != nil {
		x.t.Fatal(err)
	}
	return a
}

// key makes an API key.
func (x *site) key(account int64, scopes ...string) (APIKey, string) {
	x.t.Helper()
	k, secret, err := x.s.CreateKey(context.Background(), NewKey{AccountID: account, Scopes: scopes})
	if err != nil {
		x.t.Fatal(err)
	}
	return k, secret
}

// client is a browser or a program. The zero values of its fields are what a
// guest sends.
type client struct {
	site   *site
	cookie string
	csrf   string
	key    string
	ip     string
	header http.Header
}

func (x *site) guest() *client { return &client{site: x, header: http.Header{}} }

func (x *site) withKey(key string) *client {
	c := x.guest()
	c.key = key
	return c
}

// signIn is the browser of somebody who has just signed in, from an address
// without a limit.
func (x *site) signIn(name string) *client {
	x.t.Helper()
	c := x.guest()
	c.ip = "10.1.2.3:99"
	a := c.do(http.MethodPost, sessionPath, map[string]string{"name": name, "password": testPassword})
	if a.status != http.StatusOK {
		x.t.Fatalf("sign in as %s: %d %s", name, a.status, a.body)
	}
	return c
}

type answer struct {
	status int
	body   string
	header http.Header
}

func (a answer) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// do sends a request and keeps the cookie and the CSRF token it gets.
func (c *client) do(method, path string, body any) answer {
	c.site.t.Helper()
	r := request(c.site.t, method, path, body)
	if c.ip != "" {
		r.RemoteAddr = c.ip
	}
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: CookieName, Value: c.cookie})
	}
	if c.csrf != "" {
		r.Header.Set(CSRFHeader, c.csrf)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	a := c.site.serve(r)
	for _, cookie := range (&http.Response{Header: a.header}).Cookies() {
		if cookie.Name == CookieName {
			c.cookie = cookie.Value
		}
	}
	var who WhoAmI
	if a.status == http.StatusOK && json.Unmarshal([]byte(a.body), &who) == nil && who.CSRF != "" {
		c.csrf = who.CSRF
	}
	return a
}

func request(t *testing.T, method, path string, body any) *http.Request {
	t.Helper()
	if body == nil {
		return httptest.NewRequest(method, path, nil)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (x *site) serve(r *http.Request) answer {
	w := httptest.NewRecorder()
	x.web.ServeHTTP(w, r)
	return answer{status: w.Code, body: w.Body.String(), header: w.Header()}
}

// name returns who the client is for the server, "" for a guest.
func (c *client) name() string {
	c.site.t.Helper()
	var who WhoAmI
	c.do(http.MethodGet, sessionPath, nil).json(c.site.t, &who)
	if who.Account == nil {
		return ""
	}
	return who.Account.Name
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("got error %v, want kind %v", err, kind)
	}
}

func (x *site) attempt(name, password string) Attempt {
	return Attempt{Name: name, Password: password, IP: netip.MustParseAddr("10.9.9.9")}
}

// auditActions returns the actions of the audit record, the oldest first.
func (x *site) auditActions() []string {
	x.t.Helper()
	all, _, err := x.s.AuditLog(context.Background(), "", "", 1000)
	if err != nil {
		x.t.Fatal(err)
	}
	actions := make([]string, len(all))
	for i, e := range all {
		actions[len(all)-1-i] = e.Action
	}
	return actions
}

func joined(list []string) string { return strings.Join(list, " ") }
