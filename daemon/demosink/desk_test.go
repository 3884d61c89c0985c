package demosink

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/steam"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// actors are who asks, in the order of tables.
var actors = []string{"guest", "owner", "player", "analyst", "moderator", "admin"}

// desk serves a sink to real accounts, one for each of the actors.
type desk struct {
	t        *testing.T
	r        *rig
	srv      *web.Server
	http     *httptest.Server
	accounts map[string]accounts.Account
	keys     map[string]string // for the API
	game     map[string]string // for clients
	others   []string          // paths that are not ours
}

// paths are those that something was registered for, described or not: the
// server counts requests for each.
func (x *desk) paths() []string {
	x.t.Helper()
	families, err := x.srv.Registerer().(prometheus.Gatherer).Gather()
	if err != nil {
		x.t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		if f.GetName() != "quartermaster_http_request_duration_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			all = append(all, m.GetLabel()[0].GetValue())
		}
	}
	return all
}

// linked is the directory of real accounts.
type linked struct{ accounts *accounts.Service }

func (l linked) ByKey(ctx context.Context, key string) (Caller, error) {
	p, id, err := l.accounts.ByDemosKey(ctx, key)
	return Caller{p.AccountID, id, p.May(accounts.ScopeDemosAnalyse), p.May(accounts.ScopeDemosModerate), p.May(accounts.ScopeAdmin)}, err
}

func newDesk(t *testing.T, d *db.DB) *desk {
	t.Helper()
	acc := accounts.New(accounts.Options{DB: d, DataDir: t.TempDir()})
	x := &desk{t: t, accounts: map[string]accounts.Account{}, keys: map[string]string{}, game: map[string]string{}}
	var err error
	if x.srv, err = web.New(web.Options{Limits: config.Limits{PerIPRPS: 1e6}}); err != nil {
		t.Fatal(err)
	}
	x.r = newRig(t, d, func(o *Options) {
		o.Accounts, o.Names, o.Audit, o.Hub = linked{acc}, acc.Names, acc.Audit, x.srv.Events()
	})
	acc.Register(x.srv)
	x.others = x.paths()
	x.r.Register(x.srv)
	x.http = httptest.NewServer(x.srv)
	t.Cleanup(x.http.Close)
	ctx := context.Background()
	for i, name := range actors[1:] {
		a, err := acc.AccountForSteam(ctx, aliceID+steam.ID(1000*i), name)
		if err != nil {
			t.Fatal(err)
		}
		if role, err := accounts.ParseRole(name); err == nil {
			if err := acc.Grant(ctx, a.ID, role); err != nil {
				t.Fatal(err)
			}
		}
		x.accounts[name] = a
		for kind, keys := range map[string]map[string]string{accounts.KindAPI: x.keys, accounts.KindDemos: x.game} {
			if _, keys[name], err = acc.CreateKey(ctx, accounts.NewKey{AccountID: a.ID, Kind: kind}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return x
}

// recording adds one of the owner, with its bytes.
func (x *desk) recording(id string, change func(*Session)) {
	s := closedSession(id)
	s.Account, s.SteamID = x.accounts["owner"].ID, x.accounts["owner"].SteamID
	if change != nil {
		change(&s)
	}
	x.r.add(s, []byte("0123456789"))
}

// ask sends a request in somebody's name.
func (x *desk) ask(who, method, path, body string) (int, http.Header, string) {
	x.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	if !strings.HasPrefix(path, "/api/") && who != "guest" {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		path += sign + "api_key=" + url.QueryEscape(x.game[who])
	}
	req, err := http.NewRequest(method, x.http.URL+path, content)
	if err != nil {
		x.t.Fatal(err)
	}
	if strings.HasPrefix(path, "/api/") && who != "guest" {
		req.Header.Set("X-API-Key", x.keys[who])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// get reads an answer of JSON.
func (x *desk) get(who, path string, into any) {
	x.t.Helper()
	status, _, text := x.ask(who, "GET", path, "")
	if status != 200 {
		x.t.Fatalf("%s %s: %d %s", who, path, status, text)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		x.t.Fatalf("%s: %v in %s", path, err, text)
	}
}

// wantStatus asks and compares.
func (x *desk) wantStatus(who, method, path, body string, want int) {
	x.t.Helper()
	if status, _, text := x.ask(who, method, path, body); status != want {
		x.t.Errorf("%s %s as %s: %d %s, want %d", method, path, who, status, text, want)
	}
}
