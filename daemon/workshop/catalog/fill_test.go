package catalog

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/community"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	steamstore "github.com/quartermasterd/quartermaster/daemon/steam/store"
)

// filling is a catalogue before a store and a community site on loopback. The
// filler works when the test says so.
type filling struct {
	*listing
	steam *steamtest.Steam
	asked *asked
}

// asked is a library that counts the questions to Steam.
type asked struct {
	*warehouse
	mu     sync.Mutex
	n      map[int64]int
	now    int
	atOnce int
}

func (a *asked) Describe(ctx context.Context, id int64) (Details, error) {
	a.mu.Lock()
	a.n[id]++
	a.now++
	a.atOnce = max(a.atOnce, a.now)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.now--
	}()
	return a.warehouse.Describe(ctx, id)
}

func (a *asked) times(id int64) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n[id]
}

func newFilling(t testing.TB, d *db.DB, keyed bool) *filling {
	t.Helper()
	return newFillingAt(t, d, keyed, steamtest.New(t), newWarehouse(t), durabletest.NewClock(testNow))
}

func newFillingAt(t testing.TB, d *db.DB, keyed bool, steam *steamtest.Steam, lib *warehouse, clock *durabletest.Clock) *filling {
	t.Helper()
	x := &filling{steam: steam, asked: &asked{warehouse: lib, n: map[int64]int{}}}
	x.listing = emptyListing(t, d, func(o *Options) {
		o.Library, o.Clock, o.Registerer = x.asked, clock, prometheus.NewRegistry()
		o.Games = steamstore.New(steamstore.Options{BaseURL: steam.StoreURL(), Spacing: -1, Now: clock.Now})
		if !keyed {
			o.Pages = community.New(community.Options{BaseURL: steam.CommunityURL(), Spacing: -1, Now: clock.Now})
		}
	})
	x.lib, x.clock = lib, clock
	return x
}

// arrive puts an archive of an item into the library, and what Steam says of
// it, nil if Steam says that there is no such item.
func (x *filling) arrive(id, version int64, d *Details) {
	x.lib.mu.Lock()
	x.lib.stock[id] = Stock{Stored: true, Version: version, Bytes: 9, Source: SourceSteam, AddedAt: testNow}
	if d != nil {
		d.ID, d.Updated = id, version
		x.lib.steam[id] = *d
	}
	x.lib.mu.Unlock()
	if x.isLoaded() {
		x.Changed(id)
	}
}

// work loads the catalogue and has the filler do all that is due.
func (x *filling) work() {
	x.t.Helper()
	if err := x.Load(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	x.filler.sweep()
	for { // PostgreSQL gives a lock back when it notices that a connection is gone
		busy, err := x.filler.work(x.t.Context())
		if err != nil {
			x.t.Fatal(err)
		}
		if !busy {
			break
		}
	}
	x.settle()
}

func (x *filling) expect(target, want string) {
	x.t.Helper()
	w := x.do(http.MethodGet, target)
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || !strings.Contains(got, want) {
		x.t.Errorf("GET %s: %d %s\nwant %s", target, w.Code, got, want)
	}
}

func eachFilling(t *testing.T, keyed bool, test func(t *testing.T, x *filling)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { test(t, newFilling(t, d, keyed)) })
}

var rimWorldApp = steamtest.App{
	ID: rimWorld, Type: "game", Name: "RimWorld", Image: "https://cdn.example/header.jpg", ShortText: "A colony sim.",
	Description: "<h1>About</h1>", Genres: [][2]string{{"28", "Simulation"}, {"2", "Strategy"}},
}

func TestFill_WithKey(t *testing.T) {
	eachFilling(t, true, func(t *testing.T, x *filling) {
		x.steam.PutApp(rimWorldApp)
		const shared = "https://images.example/shared.jpg"
		x.arrive(harmony, harmonyUpdated, &Details{
			App: rimWorld, Name: "Harmony", Description: "[b]Library[/b]\nmore", Size: 2154312, Created: harmonyCreated,
			Tags: []string{"Mod", "1.5", "Моды 模组"}, Dependencies: []int64{}, Logo: shared,
			Screenshots: []string{"https://images.example/b.jpg"},
		})
		x.arrive(hugsLib, 1_700_000_000, &Details{
			App: rimWorld, Name: "HugsLib", Tags: []string{"Mod"}, Dependencies: []int64{harmony, 5}, Logo: shared, Screenshots: []string{},
		})
		if err := x.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.expect(fmt.Sprintf("/condition/mod/[%d,%d]", harmony, hugsLib), fmt.Sprintf(`"%d":1`, harmony))
		x.work()
		x.expect(fmt.Sprintf("/condition/mod/[%d]", harmony), fmt.Sprintf(`{"%d":0}`, harmony))
		x.expect(fmt.Sprintf("/info/mod/%d", harmony), `"description":"[b]Library[/b]\nmore"`)
		x.expect(fmt.Sprintf("/info/mod/%d", harmony), `"date_creation":"2020-03-01 10:00:00","date_update":"2024-04-11 09:21:07"`)
		x.expect(fmt.Sprintf("/info/mod/%d?dependencies=true", hugsLib), fmt.Sprintf(`"dependencies":[5,%d],"dependencies_count":2`, harmony))
		x.expect(fmt.Sprintf("/list/tags/%d", rimWorld), `"name":"Моды 模组"`)
		x.expect(fmt.Sprintf("/info/game/%d", rimWorld), `"name":"RimWorld","type":"game","logo":"https://cdn.example/header.jpg","short_description":"A colony sim.","description":"<h1>About</h1>"`)
		x.expect("/list/genres", `"name":"Simulation"`)
		x.expect(`/list/games/?genres=[28,2]`, `"database_size":1`)
		for _, id := range []int64{harmony, hugsLib} { // one picture of two mods is two resources
			x.expect(fmt.Sprintf(`/list/resources_mods/%d?types_resources=["logo"]`, id), `"url":"`+shared+`"`)
		}
		if n := len(x.steam.StoreVisits()); n != 1 {
			t.Errorf("the store was asked %d times for one game", n)
		}
		if n := len(x.steam.CommunityVisits()); n != 0 {
			t.Errorf("%d pages were read with a key", n)
		}

		// A third mod of the game leaves it and its genres alone.
		x.arrive(allowed, 1_700_000_001, &Details{App: rimWorld, Name: "Allow Tool", Description: "x"})
		x.work()
		x.expect(`/list/games/?genres=[28,2]`, `"mods_count":3`)
		if n := len(x.steam.StoreVisits()); n != 1 {
			t.Errorf("the store was asked %d times for one game", n)
		}
		// Nothing is due any more.
		before := x.asked.times(harmony)
		x.work()
		if got := x.asked.times(harmony); got != before || before != 1 {
			t.Errorf("Steam was asked %d times about one version", got)
		}
	})
}

// TestFill_ToldAndNotTold prunes what vanished when Steam says so, and keeps
// what it does not mention.
func TestFill_ToldAndNotTold(t *testing.T) {
	eachFilling(t, true, func(t *testing.T, x *filling) {
		x.arrive(7, 100, &Details{
			App: ns2, Name: "A", Description: "text", Created: 50, Tags: []string{"Map", "Old"}, Dependencies: []int64{1, 2},
			Logo: "https://i.example/l.jpg", Screenshots: []string{"https://i.example/1.jpg", "https://i.example/2.jpg"},
		})
		x.work()
		x.arrive(7, 200, &Details{App: ns2, Name: "B", Description: "text"})
		x.work()
		rest := func() (tags []string, needs []int64, pictures []string) {
			r := x.shelf.record(7)
			for _, tag := range x.shelf.tagNames(r.Tags) {
				tags = append(tags, tag.Name)
			}
			_, list, err := x.store.resources(t.Context(), []int64{7}, nil, 10, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				pictures = append(pictures, p.Type+" "+p.URL)
			}
			return tags, r.Dependencies, pictures
		}
		tags, needs, pictures := rest()
		if !cmp.Equal(tags, []string{"Map", "Old"}) || !cmp.Equal(needs, []int64{1, 2}) || len(pictures) != 3 {
			t.Errorf("what was not told is gone: %v %v %v", tags, needs, pictures)
		}
		x.arrive(7, 300, &Details{
			App: ns2, Name: "B", Tags: []string{"Map"}, Dependencies: []int64{}, Logo: "https://i.example/new.jpg", Screenshots: []string{"https://i.example/2.jpg"},
		})
		x.work()
		tags, needs, pictures = rest()
		if !cmp.Equal(tags, []string{"Map"}) || len(needs) != 0 ||
			!cmp.Equal(pictures, []string{"logo https://i.example/new.jpg", "screenshot https://i.example/2.jpg"}) {
			t.Errorf("what vanished is still there: %v %v %v", tags, needs, pictures)
		}
		if r := x.shelf.record(7); !r.Complete || r.CompleteVersion != 300 {
			t.Errorf("record %+v", r)
		}
	})
}

// TestFill_News writes what Steam said anyway of an item that is complete,
// once, and asks nothing.
func TestFill_News(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.arrive(7, 100, &Details{App: ns2, Name: "A", Description: "old"})
	x.work()
	written := func() time.Time { return x.shelf.record(7).UpdatedAt }
	before := written()
	x.Changed(7)
	x.work()
	if !written().Equal(before) {
		t.Error("it was written again without news")
	}
	x.lib.mu.Lock()
	d := x.lib.details[7]
	d.Description, d.Tags = "new", []string{"Map"}
	x.lib.details[7] = d
	x.lib.mu.Unlock()
	x.Changed(7)
	x.work()
	x.expect("/info/mod/7", `"description":"new"`)
	if r := x.shelf.record(7); len(r.Tags) != 1 || !r.Complete || x.asked.times(7) != 1 {
		t.Errorf("record %+v after %d questions", r, x.asked.times(7))
	}
}

// TestFill_SteamAway asks again later, across a restart too, and not before.
func TestFill_SteamAway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newFilling(t, d, true)
		x.arrive(7, 100, &Details{App: ns2, Name: "A", Description: "x"})
		x.lib.down = fault.New(fault.Unavailable, "Steam cannot be asked at the moment").WithRetryAfter(5 * time.Minute)
		x.work()
		x.expect("/condition/mod/[7]", `{"7":1}`)
		if r := x.shelf.record(7); r.Complete || r.Attempts != 1 || !r.RetryAt.Equal(testNow.Add(5*time.Minute)) {
			t.Errorf("record %+v", r)
		}
		again := newFillingAt(t, d, true, x.steam, x.lib, x.clock)
		again.lib.down = nil
		again.work()
		if n := again.asked.times(7); n != 0 {
			t.Errorf("asked %d times before it was due", n)
		}
		x.clock.Advance(5 * time.Minute)
		again.work()
		again.expect("/condition/mod/[7]", `{"7":0}`)
		if r := again.shelf.record(7); again.asked.times(7) != 1 || r.Attempts != 0 || !r.RetryAt.IsZero() {
			t.Errorf("asked %d times, record %+v", again.asked.times(7), r)
		}
	})
}

// TestFill_Unknown is an item that Steam does not know and never described.
func TestFill_Unknown(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.arrive(0x706d242, 100, nil)
	for range 3 {
		x.work()
		x.clock.Advance(time.Hour)
	}
	x.expect("/info/mod/117887554", `"name":""`)
	x.expect("/condition/mod/[117887554]", `{"117887554":1}`)
	if n := x.asked.times(0x706d242); n != 1 {
		t.Errorf("Steam was asked %d times in three hours", n)
	}
	x.clock.Advance(fillUnknown)
	x.work()
	if n := x.asked.times(0x706d242); n != 2 {
		t.Errorf("Steam was asked %d times after a week", n)
	}
}

// TestFill_Forbidden completes an item of an app that is not fetched from
// what Steam said of it.
func TestFill_Forbidden(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.arrive(7, 100, &Details{App: 42, Name: "Foreign"})
	x.lib.forbidden[7] = true
	x.lib.details[7] = Details{ID: 7, App: 42, Name: "Foreign"}
	x.work()
	x.expect("/condition/mod/[7]", `{"7":0}`)
	x.expect("/info/game/42", `"name":"App 42","type":"app"`)
}

// TestFill_Quiet takes what is known and asks nothing.
func TestFill_Quiet(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.options.Quiet = true
	x.arrive(7, 100, &Details{App: ns2, Name: "A"})
	x.work()
	x.expect("/condition/mod/[7]", `{"7":1}`)
	x.lib.mu.Lock()
	x.lib.details[7] = x.lib.steam[7]
	x.lib.mu.Unlock()
	x.Changed(7)
	x.work()
	x.expect("/condition/mod/[7]", `{"7":0}`)
	if n := x.asked.times(7); n != 0 {
		t.Errorf("Steam was asked %d times", n)
	}
}

// TestFill_Many describes a thousand items in batches.
func TestFill_Many(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.steam.PutApp(rimWorldApp)
	for id := int64(1); id <= 1000; id++ {
		x.arrive(id, 100, &Details{App: rimWorld, Name: fmt.Sprintf("Mod %d", id), Description: "x", Tags: []string{"Mod", fmt.Sprint(id % 7)}})
	}
	x.work()
	x.expect("/list/mods/?page_size=1", `"database_size":1000`)
	if n := x.filler.incomplete(); n != 0 {
		t.Errorf("%d are incomplete", n)
	}
	if x.asked.atOnce > fillBatch || len(x.asked.n) != 1000 || len(x.steam.StoreVisits()) != 1 {
		t.Errorf("%d questions at once, %d items, %d calls to the store", x.asked.atOnce, len(x.asked.n), len(x.steam.StoreVisits()))
	}
}

// TestFill_OneProcess leaves the work to the process that does it.
func TestFill_OneProcess(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newFilling(t, d, true)
		x.arrive(7, 100, &Details{App: ns2, Name: "A", Description: "x"})
		release, ok, err := d.Lock(t.Context(), fillLock)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := x.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		x.filler.sweep()
		if busy, err := x.filler.work(t.Context()); err != nil || !busy || x.asked.times(7) != 0 {
			t.Errorf("beside another process: busy %v, %v, asked %d times", busy, err, x.asked.times(7))
		}
		release()
		x.work()
		x.expect("/condition/mod/[7]", `{"7":0}`)
	})
}
