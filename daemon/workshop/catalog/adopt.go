package catalog

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Adopted is what another catalogue knew of an item of which a version is
// here.
type Adopted struct {
	Details                    // nil slices leave what is known
	Version              int64 // that is here, Unix seconds
	Incomplete           bool  // some of the details are not known
	Source               string
	Downloads            int64
	AddedAt, DeliveredAt time.Time            // zero: unknown
	PictureTimes         map[string]time.Time // by address: when it was last changed there
}

// AdoptedGame is what another catalogue knew of a game.
type AdoptedGame struct {
	Game
	Downloads int64
}

// Hour and Day are counters of another catalogue. Hour.At lies in the hour;
// Day.Day is "YYYY-MM-DD".
type (
	Hour struct {
		At    time.Time
		Type  string
		Count int64
	}
	Day struct {
		Day, Type string
		Count     int64
	}
	// Timing says how long something took that began at At.
	Timing struct {
		At   time.Time
		Type string
		MS   int64
	}
)

// Adopt takes over what another catalogue counted and knew, in one
// transaction. Counters never go down: of ours and theirs the larger stays, so
// that adopting the same again changes nothing.
func (s *Service) Adopt(ctx context.Context, games []AdoptedGame, items []Adopted) error {
	err := s.store.db.Write(ctx, func(tx *db.Tx) error {
		for _, g := range games {
			if err := adoptGame(ctx, tx, g); err != nil {
				return err
			}
		}
		for _, a := range items {
			if err := adoptItem(ctx, tx, a); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// AdoptGenres takes over genres, also those that no game has. Names that are
// known here stay.
func (s *Service) AdoptGenres(ctx context.Context, genres []Genre) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		for _, g := range genres {
			if g.ID <= 0 || clean(g.Name) == "" {
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_catalog_genre (id, name) VALUES ($1, $2)
				ON CONFLICT (id) DO NOTHING`, g.ID, clean(g.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func adoptGame(ctx context.Context, tx *db.Tx, g AdoptedGame) error {
	if err := putGame(ctx, tx, g.Game); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE workshop_catalog_game SET downloads = CASE WHEN downloads < $2 THEN $2 ELSE downloads END,
			created_at = CASE WHEN CAST($3 AS BIGINT) > 0 AND $3 < created_at THEN $3 ELSE created_at END, updated_at = $4
		WHERE id = $1`, g.ID, g.Downloads, db.Micros(g.CreatedAt), db.Micros(tx.Now))
	return err
}

// adoptItem writes an item. What we know of a newer version stays.
func adoptItem(ctx context.Context, tx *db.Tx, a Adopted) error {
	if err := addRecord(ctx, tx, a.ID, a.Source); err != nil {
		return err
	}
	var version int64
	if err := tx.QueryRow(ctx, `SELECT complete_version FROM workshop_catalog_mod WHERE item = $1`, a.ID).Scan(&version); err != nil {
		return err
	}
	if version < a.Version {
		if err := putMetadata(ctx, tx, metadata{Details: a.Details, Complete: !a.Incomplete, Version: a.Version}); err != nil {
			return err
		}
		for url, at := range a.PictureTimes {
			if at.IsZero() {
				continue
			}
			if _, err := tx.Exec(ctx, `UPDATE workshop_catalog_resource SET changed_at = $3 WHERE item = $1 AND url = $2`,
				a.ID, clean(url), db.Micros(at)); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET downloads = CASE WHEN downloads < $2 THEN $2 ELSE downloads END,
			delivered_at = CASE WHEN delivered_at < $3 THEN $3 ELSE delivered_at END,
			added_at = CASE WHEN CAST($4 AS BIGINT) > 0 AND $4 < added_at THEN $4 ELSE added_at END, updated_at = $5
		WHERE item = $1`, a.ID, a.Downloads, db.Micros(a.DeliveredAt), db.Micros(a.AddedAt), db.Micros(tx.Now))
	return err
}

// AdoptCounters takes over counters and timings, in one transaction. Of our
// count and theirs for the same hour or day the larger stays.
func (s *Service) AdoptCounters(ctx context.Context, hours []Hour, days []Day, timings []Timing) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		for _, h := range hours {
			at := bucketOf(h.At, s.zone).at
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_statistic_hour (at, type, count) VALUES ($1, $2, $3)
				ON CONFLICT (at, type) DO UPDATE SET count = excluded.count
				WHERE workshop_statistic_hour.count < excluded.count`, at, clean(h.Type), h.Count); err != nil {
				return err
			}
		}
		for _, d := range days {
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_statistic_day (day, type, count) VALUES ($1, $2, $3)
				ON CONFLICT (day, type) DO UPDATE SET count = excluded.count
				WHERE workshop_statistic_day.count < excluded.count`, d.Day, clean(d.Type), d.Count); err != nil {
				return err
			}
		}
		for _, t := range timings {
			if _, err := tx.Exec(ctx, `INSERT INTO workshop_timing (at, type, ms)
				SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
				WHERE NOT EXISTS (SELECT 1 FROM workshop_timing WHERE at = $1 AND type = $2 AND ms = $3)`,
				db.Micros(t.At), clean(t.Type), t.MS); err != nil {
				return err
			}
		}
		return nil
	})
}

// PruneTimings forgets all but the newest timings of each type.
func (s *Service) PruneTimings(ctx context.Context) error {
	return s.store.pruneTimings(ctx, keepTimings)
}
