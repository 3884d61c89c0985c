package db

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// LastID returns the highest number that a table has, or may have had, in its
// column id, which gives itself numbers. Until the transaction ends nobody
// else gives any on PostgreSQL, as on SQLite. table is part of the program,
// never of what somebody typed.
func (d *DB) LastID(ctx context.Context, tx *Tx, table string) (last int64, err error) {
	if d.kind == Postgres {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+table+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return 0, err
		}
		err = tx.QueryRow(ctx, "SELECT GREATEST(COALESCE(pg_sequence_last_value(pg_get_serial_sequence('"+table+"', 'id')::regclass), 0),"+
			" COALESCE((SELECT MAX(id) FROM "+table+"), 0))").Scan(&last)
		return last, err
	}
	err = tx.QueryRow(ctx, "SELECT seq FROM sqlite_sequence WHERE name = $1", table).Scan(&last)
	if fault.Is(err, fault.NotFound) {
		return 0, nil // there never was a row
	}
	return last, err
}

// ReserveIDs has a table, of which LastID was asked in the same transaction,
// give numbers above n from now on, if it would not anyway. On PostgreSQL that
// stays so when the transaction fails; only numbers are lost then.
func (d *DB) ReserveIDs(ctx context.Context, tx *Tx, table string, n int64) error {
	last, err := d.LastID(ctx, tx, table)
	if err != nil || max(last, n) < 1 {
		return err
	}
	n = max(last, n)
	if d.kind == Postgres {
		var set int64
		return tx.QueryRow(ctx, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), $1)", n).Scan(&set)
	}
	changed, err := tx.Exec(ctx, "UPDATE sqlite_sequence SET seq = $1 WHERE name = $2", n, table)
	if err != nil || changed > 0 {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", table, n)
	return err
}
