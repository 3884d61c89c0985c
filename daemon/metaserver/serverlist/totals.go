package serverlist

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Totals are how many servers are listed, and how many players are on them.
type Totals struct {
	Servers int64
	Players int64
}

// Point is the most there was in five minutes.
type Point struct {
	At time.Time // when they began
	Totals
}

const (
	slotLength = 5 * time.Minute
	keepTotals = 25 * time.Hour
	// believable bounds what one server adds to the totals.
	believable = 1024
)

// Totals returns how many servers and players there are now.
func (s *Service) Totals() Totals { return s.List().totals() }

func (p *Page) totals() Totals {
	t := Totals{Servers: int64(len(p.servers))}
	for i := range p.servers {
		t.Players += min(p.servers[i].Players, believable)
	}
	return t
}

// History returns the totals of the time since, the oldest first. Times in
// which the daemon did not run are left out.
func (s *Service) History(ctx context.Context, since time.Time) (all []Point, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		all = []Point{}
		rows, err := tx.Query(ctx, "SELECT slot, servers, players FROM serverlist_total WHERE slot >= $1 ORDER BY slot", slotOf(since))
		return db.EachRow(rows, err, func() error {
			var slot int64
			var p Point
			err := rows.Scan(&slot, &p.Servers, &p.Players)
			p.At = time.Unix(slot*int64(slotLength/time.Second), 0).UTC()
			all = append(all, p)
			return err
		})
	})
	return all, err
}

func slotOf(t time.Time) int64 { return t.Unix() / int64(slotLength/time.Second) }

// record stores the totals of now, and forgets old ones and bans that are
// over.
func (s *Service) record(ctx context.Context) error {
	now, t := s.now(), s.Totals()
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO serverlist_total (slot, servers, players) VALUES ($1, $2, $3)
			ON CONFLICT (slot) DO UPDATE SET
			servers = CASE WHEN excluded.servers > serverlist_total.servers THEN excluded.servers ELSE serverlist_total.servers END,
			players = CASE WHEN excluded.players > serverlist_total.players THEN excluded.players ELSE serverlist_total.players END`,
			slotOf(now), t.Servers, t.Players); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM serverlist_total WHERE slot < $1 OR slot > $2", slotOf(now.Add(-keepTotals)), slotOf(now)+1); err != nil {
			return err
		}
		return pruneBans(ctx, tx, now)
	})
}
