package accounts

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// pruneBatch is how many accounts one transaction removes.
const pruneBatch = 100

// pruneUnverified removes accounts whose address was not proved in time, so
// that nobody holds names and addresses who has no claim to them.
func (s *Service) pruneUnverified(ctx context.Context) error {
	if s.unverifiedFor <= 0 {
		return nil
	}
	before, removed := s.now().Add(-s.unverifiedFor), 0
	for last := int64(0); ; {
		var ids []int64
		err := s.db.Write(ctx, func(tx *db.Tx) (err error) {
			if ids, err = unverified(ctx, tx, before, last, pruneBatch); err != nil {
				return err
			}
			for _, id := range ids {
				err := s.leave(ctx, tx, id)
				if fault.Is(err, fault.Conflict) {
					continue // it owns something after all
				}
				if err != nil {
					return err
				}
				if err := deleteAccount(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.persons.drop(ids...)
		if removed += len(ids); len(ids) < pruneBatch {
			break
		}
		last = ids[len(ids)-1]
	}
	if removed > 0 {
		s.cache.clear()
		s.log.Info("accounts were removed whose address was never proved", slog.Int("accounts", removed))
	}
	return nil
}

// unverified returns accounts with an unproved address that were made before a
// time, and that have nothing else to show: no role, no Steam account, no
// closing by a moderator.
func unverified(ctx context.Context, tx *db.Tx, before time.Time, after int64, n int) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT a.id FROM accounts_email e JOIN accounts_account a ON a.id = e.account_id
		WHERE e.verified_at = 0 AND a.created_at < $1 AND a.closed_at = 0 AND a.id > $2
		AND NOT EXISTS (SELECT 1 FROM accounts_role r WHERE r.account_id = a.id)
		AND NOT EXISTS (SELECT 1 FROM accounts_steam t WHERE t.account_id = a.id)
		ORDER BY a.id LIMIT $3`, db.Micros(before), after, n)
	return collect(rows, err, func(r *sql.Rows, id *int64) error { return r.Scan(id) })
}
