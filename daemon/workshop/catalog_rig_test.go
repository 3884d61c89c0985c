package workshop

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
	steamstore "github.com/quartermasterd/quartermaster/daemon/steam/store"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

// gate lets nobody through while it is shut.
type gate struct {
	mu   sync.Mutex
	open chan struct{}
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) lift() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// barrier is a source that has nothing, and says so only when its gate is open.
type barrier struct{ *gate }

func (b barrier) Name() string { return "barrier" }

func (b barrier) Fetch(ctx context.Context, _ Want, _ Sink) (Got, error) {
	if err := b.pass(ctx); err != nil {
		return Got{}, err
	}
	return Got{}, fault.New(fault.NotFound, "not here")
}

// slowStore is the Steam store behind a gate.
type slowStore struct {
	catalog.Games
	*gate
}

func (s slowStore) App(ctx context.Context, id uint32) (steamstore.App, error) {
	if err := s.pass(ctx); err != nil {
		return steamstore.App{}, err
	}
	return s.Games.App(ctx, id)
}

// catalogServer is a library before fakes of everything, behind a listener.
type catalogServer struct {
	*rig
	t     *testing.T
	steam *steamtest.Steam
	fake  *steamtest.SteamCMD
	wait  *gate // before the sources
	store *gate // before the store
	base  string
}

func newCatalogServer(t *testing.T, d *db.DB) *catalogServer {
	t.Helper()
	x := &catalogServer{t: t, steam: steamtest.New(t), wait: newGate(), store: newGate()}
	r := newCmdRig(t, d, t.TempDir(), func(o *Options) {
		o.Config.Apps = nil
	})
	x.rig, x.fake = r.rig, r.fake
	client := webapi.New(webapi.Options{BaseURL: x.steam.URL()})
	x.Service.steam = client
	x.Service.details = NewDetails(client, x.clock, x.Service.log, x.learn)
	x.Service.sources = []Source{
		barrier{x.wait},
		NewSteamURL(SteamURLOptions{APIURL: x.steam.URL(), Lookup: x.details.Lookup, Clock: x.clock, Log: x.Service.log}),
		x.Service.steamcmd,
	}
	var err error
	x.catalog, err = catalog.New(catalog.Options{
		Config: x.config.Catalog, DB: d, Library: x.shelf, Log: x.options.Log, Clock: x.clock, Admit: x.face.admit,
		Games: slowStore{steamstore.New(steamstore.Options{BaseURL: x.steam.StoreURL(), Spacing: -1}), x.store},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := web.New(web.Options{Limits: config.Limits{
		MaxConns: 2000, MaxConnsPerIP: 2000, PerIPRPS: 1e6, Exempt: []string{"127.0.0.0/8"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	accounts.New(accounts.Options{DB: d, DataDir: t.TempDir()}).Register(srv)
	x.Register(srv)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(x.log)
		}
	})
	x.base = ts.URL
	x.start()
	return x
}

// publish puts a version of an item on Steam.
func (x *catalogServer) publish(id uint64, title string, version int64) {
	x.t.Helper()
	x.steam.Put(steamtest.Item{ID: id, App: 294100, UGC: true, Manifest: uint64(version), Title: title, Updated: version, Size: 26, Tags: []string{"Mod", "1.5"}})
	if err := x.fake.Put(id, fakecmd.Item{App: 294100, Updated: version}); err != nil {
		x.t.Fatal(err)
	}
}

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (x *catalogServer) get(path string) reply {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, x.base+path, http.NoBody)
	if err != nil {
		x.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, body}
}

// expect compares a JSON answer byte for byte.
func (x *catalogServer) expect(path string, status int, body string) {
	x.t.Helper()
	got := x.get(path)
	if got.status != status || string(got.body) != body || got.header.Get("Content-Type") != "application/json" {
		x.t.Errorf("GET %s: %d %s %q, want %d %s", path, got.status, got.body, got.header.Get("Content-Type"), status, body)
	}
}

// counters returns what the statistics say of today, this question included.
func (x *catalogServer) counters() map[string]int64 {
	x.t.Helper()
	var rows []struct {
		Type  string
		Count int64
	}
	if err := json.Unmarshal(x.get("/statistics/day").body, &rows); err != nil {
		x.t.Fatal(err)
	}
	all := map[string]int64{}
	for _, r := range rows {
		all[r.Type] += r.Count
	}
	return all
}

// complete waits until the catalogue knows everything of an item. Our own API
// moves no counter of the clients.
func (x *catalogServer) complete(id uint64) {
	x.t.Helper()
	within(x.t, 20*time.Second, "condition 0", func() bool {
		got := x.get("/api/v1/catalog/mods/" + strconv.FormatUint(id, 10))
		var mod struct{ Condition *int }
		if err := json.Unmarshal(got.body, &mod); err != nil {
			x.t.Fatalf("%v: %s", err, got.body)
		}
		return mod.Condition != nil && *mod.Condition == 0
	})
}

// arrived waits until a version is served.
func (x *catalogServer) arrived(id uint64, version int64) {
	x.t.Helper()
	within(x.t, 20*time.Second, "the version", func() bool {
		st := x.shelf.Stock(int64(id))
		return st.Version == version && !st.Fetching && !st.Queued
	})
}

// outdate makes what Steam said older than a minute.
func (s *Service) outdate() {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	for id, e := range s.shelf.told.entries {
		told := e.Value.(*lruEntry[ItemID, toldItem]).value
		told.at = told.at.Add(-freshFor)
		s.shelf.told.put(id, told)
	}
}
