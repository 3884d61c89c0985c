package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	fileName = "quartermaster.db"
	lockName = "quartermaster.lock"
	readers  = 4
)

// The settings stand in the address of the database, since only there do
// they reach every connection of a pool. The driver runs busy_timeout first,
// so that the others wait for locks, and the rest in alphabetical order: each
// may stand there only once.
var (
	commonPragmas = []string{"busy_timeout(5000)", "trusted_schema(0)", "temp_store(MEMORY)"}
	writerPragmas = append([]string{"foreign_keys(1)"}, writingPragmas...)
	readerPragmas = append([]string{"foreign_keys(1)", "query_only(1)", "cache_size(-8000)"}, commonPragmas...)
	// Migrations rebuild tables, which SQLite wants done without checking
	// references; they are checked together at the end.
	migratePragmas = append([]string{"foreign_keys(0)"}, writingPragmas...)
	writingPragmas = append([]string{
		"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16000)", "journal_size_limit(67108864)",
	}, commonPragmas...)
)

// harden sets the two switches that the SQLite library has per process. Both
// are idempotent; locking falls back by itself where the kernel cannot.
var harden = sync.OnceValue(func() error {
	sqlite.StrictPragmas(true)
	if runtime.GOOS != "linux" {
		return nil
	}
	_, err := sqlite.OFDLocking(true)
	if errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return nil
	}
	return err
})

// dsn writes the address of the file at path in SQLite's URI form.
func dsn(path string, pragmas []string, more ...string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // C:/… on Windows
	}
	q := url.Values{"_pragma": pragmas, "_dqs": {"0"}, "_defensive": {"1"}, "_error_rc": {"1"}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// None of the modes makes a missing file: a database that was taken away
// must not come back empty.
func writerDSN(path string) string {
	return dsn(path, writerPragmas, "mode", "rw", "_txlock", "immediate")
}
func readerDSN(path string) string { return dsn(path, readerPragmas, "mode", "ro") }
func migrateDSN(path string) string {
	return dsn(path, migratePragmas, "mode", "rw", "_txlock", "immediate")
}

// pool opens a pool of up to n connections that are kept.
func pool(dsn string, n int) (*sql.DB, error) {
	p, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	p.SetMaxOpenConns(n)
	p.SetMaxIdleConns(n)
	return p, nil
}

func (d *DB) openSQLite(ctx context.Context, migrations fs.FS) error {
	if err := harden(); err != nil {
		return err
	}
	var err error
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	if err := durable.MkdirAll(durable.Disk, d.dir, 0o750); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The data directory %s cannot be made", d.dir)
	}
	alone, err := d.enter(ctx)
	if err != nil {
		return err
	}
	if alone {
		d.alone = d.now()
		if d.unclean, err = checkFiles(d.Path()); err != nil {
			return err
		}
	}
	if err := makeFile(d.Path()); err != nil {
		return err
	}
	if d.write, err = pool(writerDSN(d.Path()), 1); err != nil {
		return err
	}
	if d.unclean {
		if err := d.checkAfterCrash(ctx); err != nil {
			return err
		}
	}
	if err := d.migrateSQLite(ctx, migrations, alone); err != nil {
		return err
	}
	if alone {
		if err := d.share(ctx); err != nil {
			return err
		}
		// While the lock changed hands a newer program may have had it.
		if err := d.migrateSQLite(ctx, migrations, false); err != nil {
			return err
		}
	}
	return d.startSQLite()
}

// startSQLite opens what runs beside others.
func (d *DB) startSQLite() error {
	var err error
	// Preparing a statement takes a connection of its own while the reader
	// that needs it holds another, so one more than there are readers.
	if d.read, err = pool(readerDSN(d.Path()), readers+1); err != nil {
		return err
	}
	d.turns = make(chan struct{}, readers)
	d.readers = newStatements(d.read.PrepareContext)
	d.writer = newWriter(d.write, d.now)
	return nil
}

// enter takes the lock file: alone when nobody else has the database open,
// else beside them, once nobody migrates it any more.
func (d *DB) enter(ctx context.Context) (alone bool, err error) {
	path := filepath.Join(d.dir, lockName)
	d.inUse, err = durable.TryLock(path, true)
	if !errors.Is(err, durable.ErrLocked) {
		return err == nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	d.inUse, err = durable.Lock(ctx, path, false)
	if errors.Is(err, durable.ErrLocked) {
		err = fault.Wrap(err, fault.Unavailable, "Another process is upgrading the database").
			WithHint("Wait until it has ended, then try again.")
	}
	return false, err
}

// share gives up being alone.
func (d *DB) share(ctx context.Context) error {
	if err := d.inUse.Unlock(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var err error
	d.inUse, err = durable.Lock(ctx, filepath.Join(d.dir, lockName), false)
	return err
}

// makeFile makes an empty database that only its owner can read; SQLite
// gives its other files the same mode.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The database %s cannot be made", path)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return durable.Disk.SyncDir(filepath.Dir(path))
}

func (d *DB) closeSQLite() error {
	var err error
	if d.writer != nil {
		err = d.writer.close()
	}
	// The writer's pool is the last: closing the last connection that may
	// write moves the log into the database and removes it.
	err = errors.Join(err, d.readers.close(), closePools(d.read, d.write))
	if d.inUse != nil {
		err = errors.Join(err, d.inUse.Unlock())
	}
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}
