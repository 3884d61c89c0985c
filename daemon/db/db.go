// Package db opens the database, SQLite in the data directory or PostgreSQL,
// and runs transactions in it.
//
// A nil error from Write means committed and on stable storage. On SQLite
// the many small writes of many callers share one commit, so that this
// promise costs little; on PostgreSQL each is a serializable transaction of
// its own. One SQL text serves both: parameters are $1, $2, …, times are
// unix microseconds, lists are written with In. DESIGN.md has the reasons.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The kinds of database, as Kind returns them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Options says which database to open.
type Options struct {
	URL string           // "" is SQLite; else postgres://user:password@host/name
	Dir string           // holds quartermaster.db and backups; made when absent
	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	kind    string
	dir     string
	log     *slog.Logger
	now     func() time.Time
	read    *sql.DB
	readers *statements   // nil on PostgreSQL
	turns   chan struct{} // one token per reader at work; nil on PostgreSQL
	write   *sql.DB       // the same pool as read on PostgreSQL
	writer  *writer       // nil on PostgreSQL
	locks   *sql.DB       // connections that hold advisory locks; nil on SQLite
	inUse   *durable.FileLock
	holds   holds
	unclean bool      // SQLite was not closed the last time
	alone   time.Time // when nobody else had the database open; zero if somebody had
	closing sync.Once
	closed  chan struct{}
	closeEr error
	damage  atomic.Pointer[fault.Error]
}

// Open opens the database and brings its tables to the version this program
// knows. A SQLite database that holds anything is copied to
// backups/pre-migrate-<version>-<time>.db first. A database of a newer
// program is refused with fault.Conflict, a damaged one with
// fault.Unavailable, both with a hint.
func Open(ctx context.Context, o Options) (*DB, error) {
	return open(ctx, o, migrationFiles)
}

func open(ctx context.Context, o Options, migrations fs.FS) (*DB, error) {
	d := &DB{dir: o.Dir, log: o.Log, now: o.Now, closed: make(chan struct{})}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	var err error
	switch {
	case o.URL == "":
		d.kind = SQLite
		err = d.openSQLite(ctx, migrations)
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		d.kind = Postgres
		err = d.openPostgres(ctx, o.URL, migrations)
	default:
		return nil, fault.New(fault.Invalid, "database.url is neither empty nor a PostgreSQL address").
			WithHint("Write postgres://user:password@host:5432/name, or leave it empty for SQLite.")
	}
	if err != nil {
		return nil, errors.Join(mapError(err), d.Close())
	}
	return d, nil
}

// Kind returns SQLite or Postgres.
func (d *DB) Kind() string { return d.kind }

// Path returns the file of a SQLite database, "" on PostgreSQL. While the
// database is open no part of the process may open that file: closing it
// again can drop SQLite's locks.
func (d *DB) Path() string {
	if d.kind == Postgres {
		return ""
	}
	return filepath.Join(d.dir, fileName)
}

// Alone returns when this process opened the database, if no other process
// had it open then: whatever was left half done before that moment was left
// by one that is gone. ok is always false on PostgreSQL.
func (d *DB) Alone() (since time.Time, ok bool) { return d.alone, !d.alone.IsZero() }

// Close waits for the writes that were accepted, moves the write-ahead log
// into the database and closes it. Later calls return what the first did.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.holds.releaseAll()
		close(d.closed)
		if d.kind == SQLite {
			d.closeEr = d.closeSQLite()
		} else {
			d.closeEr = closePools(d.read, d.locks)
		}
	})
	return d.closeEr
}

func closePools(pools ...*sql.DB) error {
	var err error
	for _, p := range pools {
		if p != nil {
			err = errors.Join(err, p.Close())
		}
	}
	return err
}

// Ping reports whether the database answers and is not known to be damaged.
func (d *DB) Ping(ctx context.Context) error {
	if damage := d.damage.Load(); damage != nil {
		return damage
	}
	return d.Read(ctx, func(tx *Tx) error {
		var one int
		return tx.QueryRow(ctx, "SELECT 1").Scan(&one)
	})
}

// Read runs fn in a read-only transaction that sees one state of the
// database throughout. An error or panic of fn becomes the error of Read.
func (d *DB) Read(ctx context.Context, fn func(tx *Tx) error) (err error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.kind == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	if d.turns != nil {
		select {
		case d.turns <- struct{}{}:
			defer func() { <-d.turns }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	stx, err := d.read.BeginTx(ctx, opts)
	if err != nil {
		return mapError(err)
	}
	// There is nothing to commit, and a failed rollback only costs the
	// connection, which database/sql then drops by itself.
	defer func() { _ = stx.Rollback() }()
	tx := &Tx{Now: d.now(), run: stx}
	if d.readers != nil {
		tx.prepare = func(ctx context.Context, query string) (*sql.Stmt, error) {
			s, err := d.readers.get(ctx, query)
			if s == nil || err != nil {
				return nil, err
			}
			return stx.StmtContext(ctx, s), nil
		}
	}
	return tx.call(fn)
}

// Write runs fn in a transaction. nil means that what fn did is committed and
// on stable storage; after an error nothing of it is. fn must use no other
// transaction, since on SQLite it would wait for itself, should be short, and
// must have no effect outside tx: it is run again when PostgreSQL rolled it
// back in favour of another. A write that has not begun when ctx ends is not
// run.
func (d *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if damage := d.damage.Load(); damage != nil {
		return damage
	}
	if d.kind == Postgres {
		return d.writePostgres(ctx, fn)
	}
	return d.writer.do(ctx, fn)
}

// call runs fn and ends the transaction's use, whatever fn does.
func (t *Tx) call(fn func(tx *Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
		err = errors.Join(err, t.end())
	}()
	if err := fn(t); err != nil {
		return mapError(err)
	}
	return t.failed
}
