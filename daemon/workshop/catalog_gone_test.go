package workshop

import (
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
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
