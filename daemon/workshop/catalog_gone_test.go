package workshop

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// TestShelf_GoneKeepsItsName: what Steam has no more is still called what it
// was called, and belongs to its game.
func TestShelf_GoneKeepsItsName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newRigOn(t, d, t.TempDir(), nil)
		r.learn([]DetailsAnswer{{Item: 7, Details: &webapi.FileDetails{ID: 7, Result: 1, AppID: 4920, Updated: 5, Title: "A mod"}}})
		r.learn([]DetailsAnswer{
			{Item: 7, Details: &webapi.FileDetails{ID: 7, Result: webapi.ResultFileNotFound}},
			{Item: 8, Details: &webapi.FileDetails{ID: 8, Result: webapi.ResultFileNotFound}},
		})
		if got, ok := r.shelf.Details(7); !ok || got.Name != "A mod" || got.App != 4920 {
			t.Errorf("an item that is gone: %+v, %v", got, ok)
		}
		if got, ok := r.shelf.Details(8); ok {
			t.Errorf("an item that never was: %+v", got)
		}
	})
}

// Only three results of Steam mean that there is no such item. After any other
// but success nobody knows.
func TestCatalog_SteamsResults(t *testing.T) {
	t.Parallel()
	x := newCatalogServer(t, dbtest.SQLite(t))
	const stored = 500
	x.publish(stored, "stored", 1583056800)
	if got := x.get(fmt.Sprintf("/download/steam/%d", stored)); got.status != 202 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	x.arrived(stored, 1583056800)
	x.complete(stored)

	for _, result := range []int{9, 15, 17, 2, 8, 10, 16, 20} {
		x.steam.Put(steamtest.Item{ID: uint64(100 + result), Result: result})
	}
	ask := func(result int) {
		got := x.get(fmt.Sprintf("/download/steam/%d", 100+result))
		status, want := 503, `{"message":"steam is not reachable","error_id":4}`
		if result == 9 || result == 15 || result == 17 {
			status, want = 404, `{"message":"this mod was not found","error_id":2}`
		}
		if got.status != status || string(got.body) != want {
			t.Errorf("result %d: %d %s", result, got.status, got.body)
		}
		if n, _ := strconv.Atoi(got.header.Get("Retry-After")); (n > 0) != (status == 503) {
			t.Errorf("result %d: Retry-After %q", result, got.header.Get("Retry-After"))
		}
	}
	for range 2 {
		var asking sync.WaitGroup
		for _, result := range []int{9, 15, 17, 2, 8, 10, 16, 20} {
			asking.Go(func() { ask(result) })
		}
		asking.Wait()
	}
	for _, result := range []int{2, 8} {
		x.steam.Put(steamtest.Item{ID: stored, Result: result})
		x.outdate()
		if got := x.get(fmt.Sprintf("/download/steam/%d", stored)); got.status != 200 || got.header.Get("Content-Type") != "application/zip" {
			t.Errorf("result %d, and a copy is here: %d %s", result, got.status, got.body)
		}
	}
	x.steam.Put(steamtest.Item{ID: 184, Result: 84}) // Steam wants fewer calls
	x.expect("/download/steam/184", 503, `{"message":"steam is not reachable","error_id":4}`)
	x.expect("/info/queue/size", 200, "0")
}
