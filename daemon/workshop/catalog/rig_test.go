package catalog

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
)

// The moment at which tests begin, and two more of recorded
// answers.
var (
	testNow       = time.Date(2026, 11, 20, 8, 34, 11, 155_080_000, time.UTC)
	harmonyServed = time.Date(2026, 11, 20, 8, 34, 10, 101_512_000, time.UTC)
)

const (
	harmony  = 2009463077
	hugsLib  = 818773962
	allowed  = 735106432
	waiting  = 1111111111
	foreign  = 4920000001
	rimWorld = 294100
	ns2      = 4920

	harmonyCreated = 1583056800 // 2020-03-01 10:00:00
	harmonyUpdated = 1712827267 // 2024-04-11 09:21:07
)

// listing is a catalogue with five mods of two games.
type listing struct {
	*Service
	t     testing.TB
	lib   *warehouse
	clock *durabletest.Clock
}

// eachListing runs a test on both databases.
func eachListing(t *testing.T, change func(*Options), test func(t *testing.T, x *listing)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newListing(t, d, change)) })
}

// oneListing is for tests of what is independent of the database.
func oneListing(t testing.TB, change func(*Options)) *listing {
	t.Helper()
	return newListing(t, dbtest.SQLite(t), change)
}

func newListing(t testing.TB, d *db.DB, change func(*Options)) *listing {
	t.Helper()
	x := emptyListing(t, d, change)
	x.fill()
	if err := x.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

func emptyListing(t testing.TB, d *db.DB, change func(*Options)) *listing {
	t.Helper()
	x := &listing{t: t, lib: newWarehouse(t), clock: durabletest.NewClock(testNow)}
	o := Options{Config: config.Default().Workshop.Catalog, DB: d, Library: x.lib, Clock: x.clock}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	x.Service = s
	return x
}

// fill writes the mods as the rest of the daemon would have.
func (x *listing) fill() {
	stored := func(id int64, d Details, archive int64) {
		d.ID = id
		x.lib.stock[id] = Stock{Stored: true, Version: d.Updated, Bytes: archive, Source: SourceSteam, AddedAt: testNow.Add(-time.Hour)}
		x.lib.details[id] = d
	}
	rim := &Game{
		ID: rimWorld, Name: "RimWorld", Type: "game", Logo: "https://cdn.example/header.jpg", ShortDescription: "A colony sim.",
		Description: "<p>HTML…</p>", Genres: []Genre{{28, "Simulation"}, {2, "Strategy"}},
	}
	stored(harmony, Details{
		App: rimWorld, Name: "Harmony", Description: "[b]Library[/b]…", Size: 2154312, Created: harmonyCreated, Updated: harmonyUpdated,
		Tags: []string{"Mod", "1.5"}, Dependencies: []int64{}, Logo: "https://images.example/a.jpg",
		Screenshots: []string{"https://images.example/b.jpg", "https://images.example/c.jpg"},
	}, 700_000)
	stored(hugsLib, Details{
		App: rimWorld, Name: "HugsLib", Size: 1000, Created: harmonyCreated + 1, Updated: harmonyUpdated - 1,
		Tags: []string{"Mod"}, Dependencies: []int64{harmony},
	}, 300)
	stored(allowed, Details{App: rimWorld, Name: "Allow Tool", Size: 500, Created: harmonyCreated + 2, Updated: harmonyUpdated - 2}, 200)
	stored(foreign, Details{App: ns2, Name: "ПРИВЕТ_100% ns2", Size: 70, Created: harmonyCreated + 3, Updated: harmonyUpdated + 3, Tags: []string{"Must be run on Server"}}, 50)
	x.lib.stock[waiting] = Stock{Queued: true, Source: SourceSteam, AddedAt: testNow.Add(-time.Minute)}
	x.lib.details[waiting] = Details{ID: waiting, App: rimWorld, Name: "harmony two", Size: 9, Created: harmonyCreated, Updated: harmonyUpdated}

	x.write(metadata{Details: x.lib.details[harmony], Game: rim, Complete: true, Version: harmonyUpdated})
	x.write(metadata{Details: x.lib.details[hugsLib], Complete: true, Version: harmonyUpdated - 1})
	x.write(metadata{Details: x.lib.details[foreign], Game: &Game{ID: ns2, Name: "App 4920", Type: "app", Placeholder: true}, Complete: true})
	x.exec(`UPDATE workshop_catalog_mod SET downloads = 42, delivered_at = $2 WHERE item = $1`, harmony, db.Micros(harmonyServed))
	x.exec(`UPDATE workshop_catalog_mod SET downloads = 7 WHERE item = $1`, hugsLib)
	x.exec(`UPDATE workshop_catalog_game SET downloads = 49, created_at = $2 WHERE id = $1`, rimWorld, db.Micros(testNow.Add(-13440*time.Microsecond)))
	x.exec(`UPDATE workshop_catalog_resource SET changed_at = $1`, db.Micros(testNow))
}

func (x *listing) write(m metadata) {
	x.t.Helper()
	err := x.store.db.Write(x.t.Context(), func(tx *db.Tx) error { return putMetadata(x.t.Context(), tx, m) })
	if err != nil {
		x.t.Fatal(err)
	}
}

func (x *listing) exec(query string, args ...any) {
	x.t.Helper()
	err := x.store.db.Write(x.t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(x.t.Context(), query, args...); return err })
	if err != nil {
		x.t.Fatal(err)
	}
}

// put changes how an item stands and tells it.
func (x *listing) put(id int64, st Stock, d Details) {
	x.lib.mu.Lock()
	x.lib.stock[id], x.lib.details[id] = st, d
	x.lib.mu.Unlock()
	x.Changed(id)
}

func (x *listing) do(method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	x.ServeHTTP(w, r)
	return w
}

// expect compares an answer, byte by byte, and the headers that all have.
func (x *listing) expect(target string, status int, body string) {
	x.t.Helper()
	w := x.do(http.MethodGet, target)
	if w.Code != status || w.Body.String() != body {
		x.t.Errorf("GET %s:\n got %d %s\nwant %d %s", target, w.Code, w.Body, status, body)
	}
	checkHeader(x.t, target, w)
}

func checkHeader(t testing.TB, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":                  "application/json",
		"Access-Control-Allow-Origin":   "*",
		"Access-Control-Expose-Headers": "Content-Type,Content-Disposition",
	} {
		if got := w.Header().Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("GET %s: %s: %q, want %q", target, name, got, want)
		}
	}
}

// ids lists the ids that a list answers with.
func (x *listing) ids(target string) []int64 {
	x.t.Helper()
	total, ids := x.list(target)
	if total != len(ids) {
		x.t.Errorf("GET %s: database_size %d, results %v", target, total, ids)
	}
	return ids
}

func (x *listing) list(target string) (total int, ids []int64) {
	x.t.Helper()
	w := x.do(http.MethodGet, target)
	var body struct {
		Total   int `json:"database_size"`
		Results []struct {
			ID int64 `json:"id"`
		} `json:"results"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK {
		x.t.Fatalf("GET %s: %d %s %v", target, w.Code, w.Body, err)
	}
	ids = []int64{}
	for _, r := range body.Results {
		ids = append(ids, r.ID)
	}
	return body.Total, ids
}

// counters returns everything counted so far.
func (x *listing) counters() map[string]int64 {
	x.t.Helper()
	all := map[string]int64{}
	list, err := x.stats.days(context.Background(), "0000-01-01", "9999-12-31", func(string) bool { return true })
	if err != nil {
		x.t.Fatal(err)
	}
	for _, c := range list {
		all[c.kind] += c.n
	}
	return all
}

func (x *listing) counted(want map[string]int64) {
	x.t.Helper()
	if diff := cmp.Diff(want, x.counters()); diff != "" {
		x.t.Errorf("counters (-want +got):\n%s", diff)
	}
}
