package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// deletable selects recordings that may go: finished, stored, without
// detections, shown to nobody by a link that is valid at $1, and not being
// worked on then.
const deletable = "NOT active AND owner = '' AND NOT pruned AND size > 0 " +
	"AND NOT EXISTS (SELECT 1 FROM demos_analysis a WHERE a.session_id = demos_session.id) " +
	"AND NOT EXISTS (SELECT 1 FROM demos_detection d WHERE d.session_id = demos_session.id) " +
	"AND NOT EXISTS (SELECT 1 FROM demos_evidence e WHERE e.session_id = demos_session.id AND (e.expires_at = 0 OR e.expires_at > $1)) " +
	"AND NOT EXISTS (SELECT 1 FROM demos_lease l WHERE l.session_id = demos_session.id AND l.until > $1)"

// unflagged excepts what people pointed at.
const unflagged = " AND NOT EXISTS (SELECT 1 FROM demos_report r WHERE r.session_id = demos_session.id) " +
	"AND NOT EXISTS (SELECT 1 FROM demos_review v WHERE v.session_id = demos_session.id AND v.verdict = 'confirmed')"

func (r Rules) deletable() string {
	if r.KeepFlagged {
		return deletable + unflagged
	}
	return deletable
}

const maxCandidates = 10_000 // of one run

// candidates returns what the rules allow to be deleted, first what should go
// first: what was looked at and found clean, then the oldest. before bounds
// the age when it is not zero.
func (st store) candidates(ctx context.Context, r Rules, now, before time.Time) (all []Removal, err error) {
	if before.IsZero() {
		before = now.Add(time.Hour)
	}
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all = nil
		rows, err := tx.Query(ctx, "SELECT id, size, created_at, ingested FROM demos_session WHERE "+r.deletable()+
			" AND created_at < $2 ORDER BY ingested DESC, created_at, id LIMIT $3", db.Micros(now), db.Micros(before), maxCandidates)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		for rows.Next() {
			var c Removal
			var created int64
			if err := rows.Scan(&c.ID, &c.Size, &created, &c.ingested); err != nil {
				return err
			}
			c.created = db.Time(created)
			all = append(all, c)
		}
		return rows.Err()
	})
	return all, err
}

// prune marks a recording as deleted if the rules still allow it, and notes it
// in the same transaction; fault.NotFound when they do not any more.
func (st store) prune(ctx context.Context, r Rules, id SessionID, now time.Time, audit func(tx *db.Tx) error) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE demos_session SET pruned = TRUE, updated_at = $1 WHERE id = $2 AND "+r.deletable(), db.Micros(now), string(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "The recording is to be kept")
		}
		return audit(tx)
	})
}

// rules returns the rules that were set on the page; fault.NotFound when none
// were.
func (st store) rules(ctx context.Context) (r Rules, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		var age, updated int64
		err := tx.QueryRow(ctx, "SELECT max_bytes, max_age, keep_flagged, max_prune_ratio, updated_at FROM demos_retention WHERE id = 1").
			Scan(&r.MaxBytes, &age, &r.KeepFlagged, &r.MaxPruneRatio, &updated)
		r.MaxAge, r.UpdatedAt = time.Duration(age)*time.Microsecond, db.Time(updated)
		return err
	})
	return r, err
}

// setRules stores the rules, or with nil removes them.
func (st store) setRules(ctx context.Context, r *Rules, now time.Time, audit func(tx *db.Tx) error) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM demos_retention"); err != nil {
			return err
		}
		if r != nil {
			if _, err := tx.Exec(ctx, "INSERT INTO demos_retention (id, max_bytes, max_age, keep_flagged, max_prune_ratio, updated_at) VALUES (1, $1, $2, $3, $4, $5)",
				r.MaxBytes, r.MaxAge.Microseconds(), r.KeepFlagged, r.MaxPruneRatio, db.Micros(now)); err != nil {
				return err
			}
		}
		return audit(tx)
	})
}

// forced returns the negative ratio of the configuration that did its work; 0
// when none did.
func (st store) forced(ctx context.Context) (ratio float64, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT COALESCE(MIN(ratio), 0.0) FROM demos_forced_ratio").Scan(&ratio)
	})
	return ratio, err
}

// setForced notes it; 0 forgets it.
func (st store) setForced(ctx context.Context, ratio float64) error {
	if before, err := st.forced(ctx); err != nil || before == ratio {
		return err
	}
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM demos_forced_ratio")
		if err == nil && ratio != 0 {
			_, err = tx.Exec(ctx, "INSERT INTO demos_forced_ratio (ratio) VALUES ($1)", ratio)
		}
		return err
	})
}

// bytes sums up what is stored.
func (st store) bytes(ctx context.Context) (n int64, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM demos_session WHERE NOT pruned").Scan(&n)
	})
	return n, err
}

// standing tells whether a recording has a row, and whether it was pruned.
func (st store) standing(ctx context.Context, id SessionID) (known, pruned bool, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT pruned FROM demos_session WHERE id = $1", string(id)).Scan(&pruned)
	})
	if fault.Is(err, fault.NotFound) {
		return false, false, nil
	}
	return err == nil, pruned, err
}

// countKept counts the recordings that are not pruned.
func (st store) countKept(ctx context.Context) (n int64, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM demos_session WHERE NOT pruned").Scan(&n)
	})
	return n, err
}

// usage sums up what is stored, by source.
func (st store) usage(ctx context.Context, u *Usage, r Rules, now time.Time) error {
	return st.db.Read(ctx, func(tx *db.Tx) error {
		u.Sources = []SourceUsage{}
		rows, err := tx.Query(ctx, "SELECT source, count(*), CAST(COALESCE(sum(size), 0) AS BIGINT), CAST(COALESCE(sum(CASE WHEN pruned THEN 1 ELSE 0 END), 0) AS BIGINT), "+
			"CAST(COALESCE(sum(CASE WHEN pruned THEN size ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(sum(CASE WHEN active THEN 1 ELSE 0 END), 0) AS BIGINT) "+
			"FROM demos_session GROUP BY source ORDER BY source")
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		u.Pruned, u.Live = 0, 0
		for rows.Next() {
			var s SourceUsage
			var pruned, prunedBytes, live int64
			if err := rows.Scan(&s.Source, &s.Recordings, &s.Bytes, &pruned, &prunedBytes, &live); err != nil {
				return err
			}
			s.Recordings, s.Bytes = s.Recordings-pruned-live, s.Bytes-prunedBytes
			u.Pruned, u.Live = u.Pruned+pruned, u.Live+live
			u.Sources = append(u.Sources, s)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT CAST(COALESCE(sum(size), 0) AS BIGINT) FROM demos_session WHERE "+r.deletable(), db.Micros(now)).Scan(&u.Deletable)
	})
}

const dayMicros = 24 * 3600 * 1_000_000

// calendar sums up the recordings by the day, in UTC, on which they began:
// those of one account, or with 0 everybody's.
func (st store) calendar(ctx context.Context, account int64, from, to time.Time) (days []Day, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		days = []Day{}
		rows, err := tx.Query(ctx, "SELECT start_at / $1, count(*), COALESCE(sum(CASE WHEN seconds > 0 THEN seconds WHEN end_at > start_at THEN (end_at - start_at) / 1000000.0 ELSE 0 END), 0), "+
			"CAST(COALESCE(sum(COALESCE(size, received)), 0) AS BIGINT) FROM demos_session WHERE start_at >= $2 AND start_at < $3 AND ($4 = 0 OR account_id = $4) "+
			"GROUP BY 1 ORDER BY 1", int64(dayMicros), db.Micros(from), db.Micros(to), account)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		for rows.Next() {
			var d Day
			var day int64
			var seconds float64
			if err := rows.Scan(&day, &d.Sessions, &seconds, &d.Bytes); err != nil {
				return err
			}
			d.Day, d.Hours = time.Unix(day*24*3600, 0).UTC().Format(time.DateOnly), seconds/3600
			days = append(days, d)
		}
		return rows.Err()
	})
	return days, err
}
