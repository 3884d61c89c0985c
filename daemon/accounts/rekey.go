package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Prepare reads the list of refused mail domains, and makes the keys of all names anew if an upgrade asks for it: the rule
// for what is the same name has become stricter. Of accounts whose names are
// the same now, the oldest keeps the key. The others stay as they are and are
// found by their exact name; nobody new can take either. It is called before
// anything else is done with accounts, by every process; one does the work.
func (s *Service) Prepare(ctx context.Context) error {
	var asked bool
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) { // nearly always there is nothing to do
		asked, err = rekeyAsked(ctx, tx)
		return err
	})
	if loadErr := s.blocklist.load(); loadErr != nil {
		s.log.Warn("the list of refused mail domains could not be read", slog.Any("error", loadErr))
	}
	if err != nil || !asked {
		return err
	}
	var made, alike int
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		due, err := takeRekey(ctx, tx)
		if err != nil || !due {
			return err
		}
		made, alike, err = rekey(ctx, tx)
		return err
	})
	if made > 0 {
		s.log.Info("the names of accounts were compared anew", slog.Int("accounts", made), slog.Int("alike", alike))
	}
	return err
}

type namedRow struct {
	id        int64
	name, key string
}

// rekey returns how many keys are other ones now, and how many of these belong
// to names that an older account has.
func rekey(ctx context.Context, tx *db.Tx) (made, alike int, err error) {
	rows, err := tx.Query(ctx, `SELECT id, name, name_key FROM accounts_account ORDER BY id`)
	all, err := collect(rows, err, func(r *sql.Rows, n *namedRow) error { return r.Scan(&n.id, &n.name, &n.key) })
	if err != nil {
		return 0, 0, err
	}
	taken := make(map[string]bool, len(all))
	var changed []namedRow
	for _, n := range all {
		key := nameKey(n.name)
		if taken[key] {
			// No name begins with #, so nobody can be asked for by it.
			key = fmt.Sprintf("#%d", n.id)
			alike++
		}
		taken[key] = true
		if key != n.key {
			changed = append(changed, namedRow{n.id, n.name, key})
		}
	}
	// Twice, since a key may be another account's until that one has its own.
	for _, n := range changed {
		if err := updateNameKey(ctx, tx, n.id, fmt.Sprintf("##%d", n.id)); err != nil {
			return 0, 0, err
		}
	}
	for _, n := range changed {
		if err := updateNameKey(ctx, tx, n.id, n.key); err != nil {
			return 0, 0, err
		}
	}
	return len(changed), alike, nil
}

func rekeyAsked(ctx context.Context, tx *db.Tx) (bool, error) {
	var n int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM accounts_rekey`).Scan(&n)
	return n > 0, err
}

// takeRekey reports whether the keys are to be made anew, and that they were.
func takeRekey(ctx context.Context, tx *db.Tx) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM accounts_rekey`)
	return n > 0, err
}

func updateNameKey(ctx context.Context, tx *db.Tx, id int64, key string) error {
	_, err := tx.Exec(ctx, `UPDATE accounts_account SET name_key = $1 WHERE id = $2`, key, id)
	return err
}
