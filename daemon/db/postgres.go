package db

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	pgConns    = 16
	pgLocks    = 32
	pgAttempts = 10
)

// pgSession is run on every new connection: an acknowledgement means flushed
// to disk even where the server's default says otherwise, and a transaction
// whose program hangs does not hold its locks for ever.
const pgSession = `SELECT set_config('idle_in_transaction_session_timeout', '60s', false),
	CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END`

func (d *DB) openPostgres(ctx context.Context, address string, migrations fs.FS) error {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		// The driver's error may quote the address and the password in it.
		return fault.New(fault.Invalid, "database.url is not a valid PostgreSQL address").
			WithHint("Write postgres://user:password@host:5432/name")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "quartermaster"
	}
	prepare := stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, pgSession)
		return err
	})
	d.read = sql.OpenDB(stdlib.GetConnector(*cfg, prepare))
	d.read.SetMaxOpenConns(pgConns)
	d.read.SetMaxIdleConns(pgConns / 2)
	d.read.SetConnMaxIdleTime(5 * time.Minute)
	d.read.SetConnMaxLifetime(time.Hour)
	d.write = d.read
	d.locks = sql.OpenDB(stdlib.GetConnector(*cfg, prepare))
	d.locks.SetMaxOpenConns(pgLocks)
	d.locks.SetMaxIdleConns(0)
	return d.migratePostgres(ctx, migrations)
}

// writePostgres runs fn in a serializable transaction, again when the server
// rolled it back in favour of another.
func (d *DB) writePostgres(ctx context.Context, fn func(tx *Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := d.writeOnce(ctx, fn)
		if err == nil || !retryable(err) || attempt == pgAttempts {
			return mapError(err)
		}
		pause := time.Millisecond << min(attempt, 6)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.closed:
			return errClosed
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (d *DB) writeOnce(ctx context.Context, fn func(tx *Tx) error) error {
	stx, err := d.write.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return err
	}
	defer func() { _ = stx.Rollback() }() // after a commit it does nothing
	tx := &Tx{Now: d.now(), run: stx}
	err = tx.call(fn)
	if err != nil {
		// What the server said counts, even if fn has put it in other words.
		if tx.failed != nil && retryable(tx.failed) && !retryable(err) {
			err = errors.Join(err, tx.failed)
		}
		return err
	}
	return stx.Commit()
}
