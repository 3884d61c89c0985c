package workshop

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// budgetKept is how many days of counts stay in the database.
const budgetKept = 30

// Budget bounds the Steam Web API calls of a UTC day over all processes that
// share the database. It implements webapi.Budget and is safe for concurrent
// use.
type Budget struct {
	db    *db.DB
	daily int
}

// NewBudget returns a Budget of that many calls a day; 0 allows none.
func NewBudget(d *db.DB, daily int) *Budget { return &Budget{db: d, daily: daily} }

// Take counts one call. It returns webapi.ErrBudget, and counts nothing, when
// the day's calls are used up.
func (b *Budget) Take(ctx context.Context) error {
	taken := false
	err := b.db.Write(ctx, func(tx *db.Tx) error {
		day := unixDay(tx.Now)
		if _, err := tx.Exec(ctx, `DELETE FROM workshop_steam_call WHERE day < $1`, day-budgetKept); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO workshop_steam_call (day, calls) VALUES ($1, 0) ON CONFLICT (day) DO NOTHING`, day); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE workshop_steam_call SET calls = calls + 1 WHERE day = $1 AND calls < $2`, day, b.daily)
		taken = n == 1
		return err
	})
	if err != nil {
		return err
	}
	if !taken {
		return webapi.ErrBudget
	}
	return nil
}

// Used returns today's calls so far.
func (b *Budget) Used(ctx context.Context) (calls int64, err error) {
	err = b.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT calls FROM workshop_steam_call WHERE day = $1`, unixDay(tx.Now)).Scan(&calls)
	})
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return calls, err
}

// unixDay is the number of UTC days since 1970-01-01.
func unixDay(t time.Time) int64 { return t.Unix() / 86400 }
