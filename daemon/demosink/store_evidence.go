package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const evidenceColumns = "hash, session_id, tick, note, created_by, created_at, expires_at"

func scanEvidence(row scanner) (e Evidence, err error) {
	var created, expires int64
	err = row.Scan(&e.hash, &e.Session, &e.Tick, &e.Note, &e.CreatedBy, &created, &expires)
	e.CreatedAt, e.ExpiresAt = db.Time(created), db.Time(expires)
	return e, err
}

func (st store) evidenceOf(ctx context.Context, id SessionID, now time.Time) (all []Evidence, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		all, err = rowsOf(ctx, tx, scanEvidence, "SELECT "+evidenceColumns+" FROM demos_evidence WHERE session_id = $1 "+
			"AND (expires_at = 0 OR expires_at > $2) ORDER BY created_at DESC, hash LIMIT $3", string(id), db.Micros(now), maxEvidence)
		return err
	})
	return all, err
}

// evidence returns that of a token; fault.NotFound also when it has expired.
func (st store) evidence(ctx context.Context, hash []byte, now time.Time) (e Evidence, err error) {
	err = st.db.Read(ctx, func(tx *db.Tx) error {
		e, err = scanEvidence(tx.QueryRow(ctx, "SELECT "+evidenceColumns+" FROM demos_evidence WHERE hash = $1 AND (expires_at = 0 OR expires_at > $2)",
			hash, db.Micros(now)))
		return err
	})
	return e, err
}

// addEvidence stores evidence unless the recording has too much of it. What
// expired makes room.
func (st store) addEvidence(ctx context.Context, e Evidence, audit func(tx *db.Tx) error) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM demos_evidence WHERE session_id = $1 AND expires_at > 0 AND expires_at <= $2", string(e.Session), db.Micros(e.CreatedAt)); err != nil {
			return err
		}
		var n int64
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_evidence WHERE session_id = $1", string(e.Session)).Scan(&n); err != nil {
			return err
		}
		if n >= maxEvidence {
			return fault.New(fault.Conflict, "There are %d addresses of this recording already", n).WithHint("take some back first")
		}
		var expires int64
		if !e.ExpiresAt.IsZero() {
			expires = db.Micros(e.ExpiresAt)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO demos_evidence ("+evidenceColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7)",
			e.hash, string(e.Session), e.Tick, e.Note, e.CreatedBy, db.Micros(e.CreatedAt), expires); err != nil {
			return err
		}
		return audit(tx)
	})
}

// deleteEvidence removes one of a recording by Evidence.ID; fault.NotFound
// when there is none.
func (st store) deleteEvidence(ctx context.Context, id SessionID, evidence string, audit func(tx *db.Tx) error) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		all, err := rowsOf(ctx, tx, scanEvidence, "SELECT "+evidenceColumns+" FROM demos_evidence WHERE session_id = $1", string(id))
		if err != nil {
			return err
		}
		for _, e := range all {
			if e.ID() != evidence {
				continue
			}
			if _, err := tx.Exec(ctx, "DELETE FROM demos_evidence WHERE hash = $1", e.hash); err != nil {
				return err
			}
			return audit(tx)
		}
		return fault.New(fault.NotFound, "There is no such evidence")
	})
}

// sweepEvidence removes all that has expired.
func (st store) sweepEvidence(ctx context.Context, now time.Time) error {
	return st.db.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM demos_evidence WHERE expires_at > 0 AND expires_at <= $1", db.Micros(now))
		return err
	})
}
