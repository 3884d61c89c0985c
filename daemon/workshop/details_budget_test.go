package workshop

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

func TestR10_Budget(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		clock := &offsetClock{}
		o.Now = clock.Now
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		used := func(want int64) {
			t.Helper()
			if got, err := NewBudget(d, 10).Used(t.Context()); err != nil || got != want {
				t.Errorf("used %d, %v; want %d", got, err, want)
			}
		}
		used(0)
		// Two replicas ask at the same time; together they get ten.
		var wg sync.WaitGroup
		results := make(chan error, 24)
		for range 2 {
			b := NewBudget(d, 10)
			for range 12 {
				wg.Go(func() { results <- b.Take(t.Context()) })
			}
		}
		wg.Wait()
		close(results)
		taken := 0
		for err := range results {
			switch {
			case err == nil:
				taken++
			case !errors.Is(err, webapi.ErrBudget):
				t.Error(err)
			}
		}
		if taken != 10 {
			t.Errorf("%d calls were allowed, want 10", taken)
		}
		used(10)
		clock.advance(24 * time.Hour)
		used(0)
		if err := NewBudget(d, 10).Take(t.Context()); err != nil {
			t.Errorf("the next day: %v", err)
		}
		if err := NewBudget(d, 0).Take(t.Context()); !errors.Is(err, webapi.ErrBudget) {
			t.Errorf("a budget of none: %v", err)
		}
		used(1)
		clock.advance(40 * 24 * time.Hour)
		if err := NewBudget(d, 10).Take(t.Context()); err != nil {
			t.Error(err)
		}
		var rows int
		err = d.Read(t.Context(), func(tx *db.Tx) error {
			return tx.QueryRow(t.Context(), `SELECT COUNT(*) FROM workshop_steam_call`).Scan(&rows)
		})
		if err != nil || rows != 1 {
			t.Errorf("%d days are kept, %v; want 1", rows, err)
		}
	})
}
