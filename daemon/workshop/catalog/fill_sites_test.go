package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// TestFill_StoreSilent writes a placeholder and puts it right when the store
// answers.
func TestFill_StoreSilent(t *testing.T) {
	for _, fault := range []steamtest.Fault{steamtest.TooMany, steamtest.HTML, steamtest.Null, steamtest.Reset} {
		t.Run(string(fault), func(t *testing.T) {
			eachFilling(t, true, func(t *testing.T, x *filling) {
				x.steam.PutApp(rimWorldApp)
				x.steam.FailStore(fault, 1)
				x.arrive(7, 100, &Details{App: rimWorld, Name: "A", Description: "x"})
				x.work()
				x.expect("/condition/mod/[7]", `{"7":0}`)
				x.expect("/info/game/294100", `"name":"App 294100","type":"app","logo":""`)
				visits := len(x.steam.StoreVisits())
				x.work()
				if n := len(x.steam.StoreVisits()); n != visits {
					t.Errorf("the store was asked again at once, %d times", n-visits)
				}
				x.clock.Advance(gameRetry)
				x.work()
				x.expect("/info/game/294100", `"name":"RimWorld","type":"game"`)
				x.expect("/list/genres", `"name":"Strategy"`)
			})
		})
	}
}

// TestFill_Counted asks about a game that is only known because a mod of it
// was sent.
func TestFill_Counted(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.steam.PutApp(rimWorldApp)
	g := placeholder(rimWorld)
	x.listing.write(metadata{Details: Details{ID: 7}, Game: &g})
	x.arrive(7, 100, &Details{App: rimWorld, Name: "A", Description: "x"})
	x.work()
	x.expect("/info/game/294100", `"name":"RimWorld","type":"game"`)
	if n := len(x.steam.StoreVisits()); n != 1 {
		t.Errorf("the store was asked %d times", n)
	}
}

// TestFill_GameRefresh asks about a game once a month, and keeps what it has
// when the store fails then.
func TestFill_GameRefresh(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.steam.PutApp(rimWorldApp)
	x.arrive(7, 100, &Details{App: rimWorld, Name: "A", Description: "x"})
	for range 29 {
		x.work()
		x.clock.Advance(24 * time.Hour)
	}
	if n := len(x.steam.StoreVisits()); n != 1 {
		t.Errorf("the store was asked %d times in a month", n)
	}
	x.steam.FailStore(steamtest.ServerError, 1)
	x.clock.Advance(48 * time.Hour)
	x.work()
	x.expect(`/list/games/?genres=[28]`, `"name":"RimWorld"`)
	renamed := rimWorldApp
	renamed.Name, renamed.Genres = "RimWorld 2", nil
	x.steam.PutApp(renamed)
	x.clock.Advance(gameStale)
	x.work()
	x.expect(`/list/games/?genres=[28]`, `"name":"RimWorld 2"`) // genres were not told
	if n := len(x.steam.StoreVisits()); n != 3 {
		t.Errorf("the store was asked %d times", n)
	}
}

// TestFill_Unsold is a game that the store does not describe.
func TestFill_Unsold(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), true)
	x.arrive(7, 100, &Details{App: 42, Name: "A", Description: "x"})
	for range 6 {
		x.work()
		x.clock.Advance(24 * time.Hour)
	}
	x.expect("/info/game/42", `"name":"App 42","type":"app"`)
	if n := len(x.steam.StoreVisits()); n != 1 {
		t.Errorf("the store was asked %d times in a week", n)
	}
}

// TestFill_Pages reads without a key what an item needs from its page.
func TestFill_Pages(t *testing.T) {
	eachFilling(t, false, func(t *testing.T, x *filling) {
		x.steam.Put(
			steamtest.Item{ID: 7, Updated: 100, Title: "A", Children: []uint64{harmony, 5}, Screenshots: []string{"https://i.example/1.jpg"}},
			steamtest.Item{ID: 8, Updated: 100, Title: "B"},
		)
		x.steam.PutApp(rimWorldApp)
		x.arrive(7, 100, &Details{App: rimWorld, Name: "A", Description: "text", Created: 50})
		x.arrive(8, 100, &Details{App: rimWorld, Name: "B", Description: "text"})
		x.arrive(9, 100, &Details{App: rimWorld, Name: "no page", Description: "text"})
		x.work()
		x.expect("/condition/mod/[7,8,9]", `{"7":0,"8":0,"9":0}`)
		x.expect("/info/mod/7?dependencies=true", `"dependencies":[5,2009463077]`)
		x.expect("/info/mod/7", `"description":"text"`)
		x.expect("/list/resources_mods/7", `"url":"https://i.example/1.jpg"`)
		if n := len(x.steam.CommunityVisits()); n != 3 {
			t.Errorf("%d pages were read for 3 items", n)
		}
		x.work()
		x.clock.Advance(24 * time.Hour)
		x.work()
		if n := len(x.steam.CommunityVisits()); n != 3 {
			t.Errorf("%d pages were read for 3 versions", n)
		}
		// A new version whose page cannot be read keeps what is known.
		x.steam.FailCommunity(steamtest.Rebuilt, 1)
		x.arrive(7, 200, &Details{App: rimWorld, Name: "A", Description: "text"})
		x.work()
		if r := x.shelf.record(7); !r.Complete || !cmp.Equal(r.Dependencies, []int64{5, harmony}) || r.Attempts != 1 || !r.RetryAt.After(x.clock.Now()) {
			t.Errorf("record %+v", r)
		}
		// When it can, what vanished is gone.
		x.steam.Put(steamtest.Item{ID: 7, Updated: 200, Title: "A"})
		x.clock.Advance(pageRetry)
		x.work()
		if r := x.shelf.record(7); len(r.Dependencies) != 0 || r.Attempts != 0 || !r.RetryAt.IsZero() || !r.Complete {
			t.Errorf("record %+v", r)
		}
		x.expect("/list/resources_mods/7", `"database_size":0`)
	})
}

// TestFill_PagesGivenUp stops reading a page that is never understood.
func TestFill_PagesGivenUp(t *testing.T) {
	x := newFilling(t, dbtest.SQLite(t), false)
	x.steam.Put(steamtest.Item{ID: 7, Updated: 100, Title: "A"})
	x.steam.FailCommunity(steamtest.Rebuilt, -1)
	x.arrive(7, 100, &Details{App: ns2, Name: "A", Description: "x"})
	for range 40 {
		x.work()
		x.clock.Advance(6 * time.Hour)
	}
	if n := len(x.steam.CommunityVisits()); n != pageAttempts {
		t.Errorf("the page was read %d times, want %d", n, pageAttempts)
	}
	var codes []string
	for _, p := range x.Problems() {
		codes = append(codes, p.Code)
	}
	if !cmp.Equal(codes, []string{"pages_unavailable"}) && !cmp.Equal(codes, []string{"store_unavailable", "pages_unavailable"}) {
		t.Errorf("problems %v", codes)
	}
}
