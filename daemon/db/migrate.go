package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

//go:embed migrations
var migrationFiles embed.FS

const keepBackups = 5

// plan compares the steps a program knows with those a database has seen.
type plan struct {
	known   []int64 // ascending
	applied []int64 // ascending; nil when the database is new
}

func (p plan) newest() int64  { return last(p.known) }
func (p plan) current() int64 { return last(p.applied) }

func last(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}

// due reports whether a known step has not been applied.
func (p plan) due() bool {
	for _, v := range p.known {
		if _, found := slices.BinarySearch(p.applied, v); !found {
			return true
		}
	}
	return false
}

// refuse returns an error when the database is ahead of the program.
func (p plan) refuse() error {
	if p.current() <= p.newest() {
		return nil
	}
	return fault.New(fault.Conflict, "The database has version %d, this program knows only versions up to %d",
		p.current(), p.newest()).
		WithHint("Start the newer quartermaster that wrote it, or restore the copy in the backups folder that was made before the upgrade from version %d or older.", p.newest())
}

// versions lists the numbers of the migrations in dir of fsys.
func versions(fsys fs.FS) ([]int64, error) {
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	var known []int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		known = append(known, v)
	}
	slices.Sort(known)
	return known, nil
}

// readPlan asks the database without the migration library, which takes many
// times as long: nearly always there is nothing to do. exists says how to
// find out whether the library's table is there.
func readPlan(ctx context.Context, pool *sql.DB, fsys fs.FS, exists string) (plan, error) {
	known, err := versions(fsys)
	if err != nil {
		return plan{}, err
	}
	p := plan{known: known}
	var there bool
	if err := pool.QueryRowContext(ctx, exists).Scan(&there); err != nil || !there {
		return p, err
	}
	rows, err := pool.QueryContext(ctx,
		"SELECT version_id FROM goose_db_version WHERE is_applied AND version_id > 0 ORDER BY version_id")
	if err != nil {
		return p, err
	}
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return p, errors.Join(err, rows.Close())
		}
		p.applied = append(p.applied, v)
	}
	return p, errors.Join(rows.Err(), rows.Close())
}

// migrateSQLite brings the tables up to date. It does so only alone: a
// running program must not find its tables changed.
func (d *DB) migrateSQLite(ctx context.Context, migrations fs.FS, alone bool) error {
	fsys, err := fs.Sub(migrations, path.Join("migrations", SQLite))
	if err != nil {
		return err
	}
	p, err := readPlan(ctx, d.write, fsys,
		"SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version')")
	if err != nil {
		return err
	}
	if err := p.refuse(); err != nil || !p.due() {
		return err
	}
	if !alone {
		return fault.New(fault.Conflict, "The database must be upgraded from version %d to %d, but another quartermaster is using it",
			p.current(), p.newest()).WithHint("Stop the service, then start the new program.")
	}
	if err := d.backupBefore(ctx, p); err != nil {
		return fault.Wrap(err, fault.KindOf(mapError(err)), "The copy of the database before the upgrade cannot be made").
			WithHint("Check the free space of %s.", filepath.Join(d.dir, backupDir))
	}
	// The copy is made, so the rest may drop and rebuild.
	steps, err := pool(migrateDSN(d.Path()), 1)
	if err != nil {
		return err
	}
	err = d.up(ctx, goose.DialectSQLite3, steps, fsys, p)
	if err == nil {
		err = checkReferences(ctx, steps)
	}
	return errors.Join(err, steps.Close())
}

// backupBefore copies a database that holds anything, and drops the oldest
// copies.
func (d *DB) backupBefore(ctx context.Context, p plan) error {
	var tables int
	if err := d.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return nil
	}
	dir := filepath.Join(d.dir, backupDir)
	if err := durable.MkdirAll(durable.Disk, dir, 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("pre-migrate-%d-%s.db", p.current(), d.now().UTC().Format("20060102T150405.000Z"))
	if err := d.vacuumInto(ctx, d.write, filepath.Join(dir, name)); err != nil {
		return err
	}
	d.log.Info("database copied before its upgrade", "file", filepath.Join(dir, name), "version", p.current())
	return d.pruneBackups(dir)
}

// pruneBackups keeps the newest copies that were made before upgrades.
func (d *DB) pruneBackups(dir string) error {
	entries, err := durable.Disk.ReadDir(dir)
	if err != nil {
		return err
	}
	type copyOf struct {
		name string
		made string
	}
	var copies []copyOf
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), "pre-migrate-")
		_, made, dated := strings.Cut(rest, "-")
		if ours && dated && strings.HasSuffix(made, ".db") {
			copies = append(copies, copyOf{e.Name(), made})
		}
	}
	slices.SortFunc(copies, func(a, b copyOf) int { return strings.Compare(b.made, a.made) })
	for _, c := range copies[min(keepBackups, len(copies)):] {
		if err := durable.Disk.Remove(filepath.Join(dir, c.name)); err != nil {
			return err
		}
	}
	return nil
}

// migratePostgres brings the tables up to date under a lock of the server,
// so that replicas that start together do it once.
func (d *DB) migratePostgres(ctx context.Context, migrations fs.FS) error {
	fsys, err := fs.Sub(migrations, path.Join("migrations", Postgres))
	if err != nil {
		return err
	}
	p, err := readPlan(ctx, d.write, fsys, "SELECT to_regclass('goose_db_version') IS NOT NULL")
	if err != nil {
		return err
	}
	if err := p.refuse(); err != nil || !p.due() {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	return d.up(ctx, goose.DialectPostgres, d.write, fsys, p, goose.WithSessionLocker(locker))
}

// up applies what is due, each step in a transaction of its own.
func (d *DB) up(ctx context.Context, dialect goose.Dialect, pool *sql.DB, fsys fs.FS, p plan, more ...goose.ProviderOption) error {
	options := append(more, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	provider, err := goose.NewProvider(dialect, pool, fsys, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	began := time.Now()
	done, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("upgrade database from version %d: %w", p.current(), err)
	}
	d.logUp(p, len(done), time.Since(began))
	return nil
}

// logUp says what became of the tables. Another program may have made them
// while this one waited for the lock.
func (d *DB) logUp(p plan, steps int, took time.Duration) {
	switch {
	case steps == 0:
	case p.current() == 0:
		d.log.Info("database created", "version", p.newest(), "took", took)
	default:
		d.log.Info("database upgraded", "from", p.current(), "to", p.newest(), "steps", steps, "took", took)
	}
}

// checkReferences finds rows whose references a migration has broken.
func checkReferences(ctx context.Context, pool *sql.DB) error {
	var table, parent string
	var row, key sql.NullInt64
	err := pool.QueryRowContext(ctx, "PRAGMA foreign_key_check").Scan(&table, &row, &parent, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("after the upgrade row %d of %s refers to a row of %s that does not exist", row.Int64, table, parent)
}
