package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

const reportColumns = "session_id, target, reason, account_id, checked, handled_at, handled_by, created_at"

// scanReport reads a row of reportColumns.
func scanReport(row scanner) (r Report, err error) {
	var session, reason string
	var target, handled, created int64
	err = row.Scan(&session, &target, &reason, &r.Account, &r.Checked, &handled, &r.HandledBy, &created)
	r.Session, r.Target, r.Reason = SessionID(session), steam.ID(uint64(target)), Reason(reason)
	r.HandledAt, r.CreatedAt = db.Time(handled), db.Time(created)
	return r, err
}

// putReport adds a report or replaces what the same session said of the same
// target.
func (st store) putReport(ctx context.Context, r Report) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO demos_report (session_id, target, reason, account_id, checked, created_at) VALUES ($1, $2, $3, $4, $5, $6) "+
			"ON CONFLICT (session_id, target) DO UPDATE SET reason = excluded.reason, account_id = excluded.account_id, "+
			"checked = excluded.checked, created_at = excluded.created_at, handled_at = 0, handled_by = 0",
			string(r.Session), int64(r.Target), string(r.Reason), r.Account, r.Checked, db.Micros(r.CreatedAt))
		return err
	})
}

// unchecked returns targets of reports since a moment that Steam was not
// asked about.
func (st store) unchecked(ctx context.Context, since time.Time, limit int) (ids []steam.ID, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		ids = nil
		rows, err := tx.Query(ctx, "SELECT DISTINCT target FROM demos_report WHERE NOT checked AND created_at >= $1 LIMIT $2", db.Micros(since), limit)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // the transaction reports it
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, steam.ID(uint64(id)))
		}
		return rows.Err()
	})
	return ids, err
}

// targetChecked notes what Steam said of a target: reports of accounts that
// do not exist are removed.
func (st store) targetChecked(ctx context.Context, id steam.ID, exists bool) error {
	query := "UPDATE demos_report SET checked = TRUE WHERE target = $1 AND NOT checked"
	if !exists {
		query = "DELETE FROM demos_report WHERE target = $1 AND NOT checked"
	}
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, int64(id))
		return err
	})
}
