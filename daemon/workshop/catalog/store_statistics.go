package catalog

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// hourKey and dayKey name a counter.
type (
	hourKey struct {
		at   int64 // begin of the hour, Unix microseconds
		kind string
	}
	dayKey struct{ day, kind string }
)

// timing is how long one thing took.
type timing struct {
	at   time.Time // when it began
	kind string
	ms   int64
}

// delivery is what was sent of an item.
type delivery struct {
	downloads int64
	at        time.Time // the last time
	game      int64     // 0: unknown
}

// batch is what was counted and is not in the database yet.
type batch struct {
	hours      map[hourKey]int64
	days       map[dayKey]int64
	timings    []timing
	deliveries map[int64]delivery
}

func newBatch() *batch {
	return &batch{hours: map[hourKey]int64{}, days: map[dayKey]int64{}, deliveries: map[int64]delivery{}}
}

func (b *batch) empty() bool {
	return len(b.hours) == 0 && len(b.days) == 0 && len(b.timings) == 0 && len(b.deliveries) == 0
}

// putBatch adds b to the counters, all of it or nothing.
func (s store) putBatch(ctx context.Context, b *batch) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		for k, n := range b.hours {
			if err := addHour(ctx, tx, k, n); err != nil {
				return err
			}
		}
		for k, n := range b.days {
			if err := addDay(ctx, tx, k, n); err != nil {
				return err
			}
		}
		for _, t := range b.timings {
			if err := addTiming(ctx, tx, t); err != nil {
				return err
			}
		}
		for item, d := range b.deliveries {
			if err := addDelivery(ctx, tx, item, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func addHour(ctx context.Context, tx *db.Tx, k hourKey, n int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO workshop_statistic_hour (at, type, count) VALUES ($1, $2, $3)
		ON CONFLICT (at, type) DO UPDATE SET count = workshop_statistic_hour.count + excluded.count`, k.at, k.kind, n)
	return err
}

func addDay(ctx context.Context, tx *db.Tx, k dayKey, n int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO workshop_statistic_day (day, type, count) VALUES ($1, $2, $3)
		ON CONFLICT (day, type) DO UPDATE SET count = workshop_statistic_day.count + excluded.count`, k.day, k.kind, n)
	return err
}

func addTiming(ctx context.Context, tx *db.Tx, t timing) error {
	_, err := tx.Exec(ctx, `INSERT INTO workshop_timing (at, type, ms) VALUES ($1, $2, $3)`, db.Micros(t.at), t.kind, t.ms)
	return err
}

// addDelivery counts downloads of an item and of its game.
func addDelivery(ctx context.Context, tx *db.Tx, item int64, d delivery) error {
	if err := addRecord(ctx, tx, item, SourceSteam); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE workshop_catalog_mod SET downloads = downloads + $2, updated_at = $4,
			delivered_at = CASE WHEN delivered_at < $3 THEN $3 ELSE delivered_at END
		WHERE item = $1`, item, d.downloads, db.Micros(d.at), db.Micros(tx.Now)); err != nil {
		return err
	}
	if d.game == 0 {
		return nil
	}
	if err := putGame(ctx, tx, placeholder(d.game)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE workshop_catalog_game SET downloads = downloads + $2, updated_at = $3 WHERE id = $1`,
		d.game, d.downloads, db.Micros(tx.Now))
	return err
}

// pruneTimings keeps the newest of each type.
func (s store) pruneTimings(ctx context.Context, keep int) error {
	return s.db.Write(ctx, func(tx *db.Tx) error {
		var kinds []string
		rows, err := tx.Query(ctx, `SELECT DISTINCT type FROM workshop_timing`)
		err = db.EachRow(rows, err, func() error {
			var kind string
			err := rows.Scan(&kind)
			kinds = append(kinds, kind)
			return err
		})
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			if _, err := tx.Exec(ctx, `DELETE FROM workshop_timing WHERE type = $1 AND id NOT IN (
				SELECT id FROM workshop_timing WHERE type = $1 ORDER BY at DESC, id DESC LIMIT $2)`, kind, keep); err != nil {
				return err
			}
		}
		return nil
	})
}

// hours calls fn with the counters of hours that begin in [from, to).
func (s store) hours(ctx context.Context, from, to time.Time, fn func(hourKey, int64)) error {
	return s.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT at, type, count FROM workshop_statistic_hour WHERE at >= $1 AND at < $2`,
			db.Micros(from), db.Micros(to))
		return db.EachRow(rows, err, func() error {
			var k hourKey
			var n int64
			err := rows.Scan(&k.at, &k.kind, &n)
			if err == nil {
				fn(k, n)
			}
			return err
		})
	})
}

// days calls fn with the counters of the days from first to last.
func (s store) days(ctx context.Context, first, last string, fn func(dayKey, int64)) error {
	return s.db.Read(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(ctx, `SELECT day, type, count FROM workshop_statistic_day WHERE day >= $1 AND day <= $2`, first, last)
		return db.EachRow(rows, err, func() error {
			var k dayKey
			var n int64
			err := rows.Scan(&k.day, &k.kind, &n)
			if err == nil {
				fn(k, n)
			}
			return err
		})
	})
}

// distinctDays returns the days that have a counter of any of the kinds.
func (s store) distinctDays(ctx context.Context, kinds []string) (days map[string]bool, err error) {
	args := make([]any, len(kinds))
	for i, k := range kinds {
		args[i] = k
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		days = map[string]bool{}
		rows, err := tx.Query(ctx, `SELECT DISTINCT day FROM workshop_statistic_day WHERE type IN (`+db.In(1, len(kinds))+`)`, args...)
		return db.EachRow(rows, err, func() error {
			var day string
			err := rows.Scan(&day)
			days[day] = true
			return err
		})
	})
	return days, err
}

// total returns the sum of the counters of the kinds over all days.
func (s store) total(ctx context.Context, kinds []string) (sum int64, err error) {
	args := make([]any, len(kinds))
	for i, k := range kinds {
		args[i] = k
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM workshop_statistic_day
			WHERE type IN (`+db.In(1, len(kinds))+`)`, args...).Scan(&sum)
	})
	return sum, err
}

// newestTimings returns at most n timings of the kinds, the newest first.
func (s store) newestTimings(ctx context.Context, n int, kinds ...string) (list []timing, err error) {
	args := []any{n}
	for _, k := range kinds {
		args = append(args, k)
	}
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = nil
		rows, err := tx.Query(ctx, `SELECT at, type, ms FROM workshop_timing WHERE type IN (`+db.In(2, len(kinds))+`)
			ORDER BY at DESC, id DESC LIMIT $1`, args...)
		return db.EachRow(rows, err, func() error {
			var t timing
			var at int64
			err := rows.Scan(&at, &t.kind, &t.ms)
			t.at = db.Time(at)
			list = append(list, t)
			return err
		})
	})
	return list, err
}
