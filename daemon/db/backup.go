package db

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const backupDir = "backups"

// Backup writes a compact copy of a SQLite database to path, which must not
// exist, while reading and writing go on. After nil the copy is whole and on
// stable storage; after an error there is none. PostgreSQL has its own tool
// for that and answers fault.Invalid.
func (d *DB) Backup(ctx context.Context, path string) error {
	if d.kind == Postgres {
		return fault.New(fault.Invalid, "A PostgreSQL database is not copied by quartermaster").
			WithHint("Use pg_dump.")
	}
	return mapError(d.aside(func(pool *sql.DB) error { return d.vacuumInto(ctx, pool, path) }))
}

// aside runs fn with a connection of its own, which may write but is not the
// one that everybody's writes wait for.
func (d *DB) aside(fn func(pool *sql.DB) error) error {
	p, err := pool(writerDSN(d.Path()), 1)
	if err != nil {
		return err
	}
	return errors.Join(fn(p), p.Close())
}

func (d *DB) vacuumInto(ctx context.Context, pool *sql.DB, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fault.New(fault.Conflict, "%s exists already", path))
	}
	// SQLite writes the copy without syncing it.
	temp, err := durable.Disk.CreateTemp(filepath.Dir(path), ".tmp-*.db")
	if err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "VACUUM INTO $1", temp.Name())
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = durable.Disk.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, durable.Disk.Remove(temp.Name()))
	}
	return durable.Disk.SyncDir(filepath.Dir(path))
}
