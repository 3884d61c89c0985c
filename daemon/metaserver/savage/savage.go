// Package savage reads the database of a Savage metaserver, a file of SQLite.
// The file is never written, and never opened as a database where it lies:
// what is read is a copy.
package savage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Head is the revision of the tables that is read, the last there was
// (alembic_version.version_num).
const Head = "3cdbabb28a81"

// Bounds of what is read.
const (
	maxFile = 8 << 30   // bytes
	maxRows = 1_000_000 // of one table
)

// tables are the columns that each table must have.
var tables = map[string][]string{
	"user":         {"id", "username", "display_name", "key", "salt", "created", "verified_email", "deleted", "deleted_reason", "last_online"},
	"emailtoken":   {"user_id"},
	"clan":         {"id", "tag", "name", "icon", "created", "deleted"},
	"userclanlink": {"clan_id", "user_id", "rank", "invited", "joined", "deleted", "deleted_reason"},
	"server": {"id", "key", "salt", "host_name", "port", "display_name", "description", "game_type", "current_player_count", "current_map",
		"max_player_count", "created", "updated", "deleted", "deleted_reason", "user_id"},
	"userstats": {"user_id", "server_id", "first_seen", "last_seen", "matches_played_field", "matches_played_command", "matches_won_field",
		"matches_won_command", "skill_rating"},
	"skin":         {"id", "description", "kind", "unit", "model_path"},
	"userskinlink": {"skin_id", "user_id"},
	"clanskinlink": {"skin_id", "clan_id"},
}

// Database is a copy of such a database. It is for one goroutine.
type Database struct {
	from string // the original, for messages
	dir  string
	db   *sql.DB
	most int64 // rows of one table
}

// Open copies the database in the file at path, with the log of changes that
// SQLite may keep beside it, to a folder below temp, and opens the copy. The
// error is fault.NotFound when there is no such file, fault.Unavailable when it
// was written to meanwhile, and fault.Invalid when it is no such database, is
// damaged, or has the tables of an older version. The caller calls Close.
func Open(ctx context.Context, path, temp string) (_ *Database, err error) {
	d := &Database{from: path, most: maxRows}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	before, err := look(path)
	if err != nil {
		return nil, err
	}
	if d.dir, err = os.MkdirTemp(temp, "metaserver-*"); err != nil {
		return nil, err
	}
	file := filepath.Join(d.dir, "metaserver.db")
	for _, suffix := range suffixes {
		if err := copyFile(ctx, path+suffix, file+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	after, err := look(path)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(before, after) {
		return nil, fault.New(fault.Unavailable, "%s is being written to", path).WithHint("stop the old metaserver and try again")
	}
	if d.db, err = sql.Open("sqlite", file); err != nil {
		return nil, err
	}
	d.db.SetMaxOpenConns(1)
	return d, d.check(ctx)
}

// suffixes are of the files that one database lies in: the tables, and the
// changes that are not in them yet or that may have to be undone.
var suffixes = [...]string{"", "-wal", "-journal"}

// state is how a file was found.
type state struct {
	size     int64
	modified time.Time
}

// look returns the states of the files of a database.
func look(path string) ([]state, error) {
	all := make([]state, len(suffixes))
	for i, suffix := range suffixes {
		info, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			if suffix == "" {
				return nil, fault.New(fault.NotFound, "There is no file %s", path)
			}
			continue
		}
		switch {
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fault.New(fault.Invalid, "%s is no file", path+suffix).WithHint("name the file metaserver.db")
		case info.Size() > maxFile:
			return nil, fault.New(fault.TooLarge, "%s has more than %d GiB", path+suffix, maxFile>>30)
		}
		all[i] = state{info.Size(), info.ModTime()}
	}
	return all, nil
}

// Close removes the copy.
func (d *Database) Close() error {
	var errs []error
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}

// damaged is the error for what SQLite cannot read.
func (d *Database) damaged(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Invalid, "%s is no sound SQLite database", d.from).
		WithHint("stop the old metaserver, keep the files beside it, or take a backup of it")
}

// check makes sure that everything can be read.
func (d *Database) check(ctx context.Context) error {
	var verdict string
	err := d.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = errors.New(verdict)
	}
	if err != nil {
		return d.damaged(err)
	}
	foreign := fault.New(fault.Invalid, "%s is no database of a Savage metaserver", d.from)
	columns, err := d.columns(ctx, "alembic_version")
	if err != nil {
		return err
	}
	if !slices.Contains(columns, "version_num") {
		return foreign.WithHint("it has no table alembic_version")
	}
	var version string
	err = d.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(CAST(version_num AS TEXT)), '') FROM alembic_version").Scan(&version)
	if err != nil {
		return d.damaged(err)
	}
	if version != Head {
		return fault.New(fault.Invalid, "%s has the tables of version %q; %s is what can be taken over", d.from, version, Head).
			WithHint("bring it to the last version with the old metaserver: alembic upgrade head")
	}
	for table, want := range tables {
		have, err := d.columns(ctx, table)
		if err != nil {
			return err
		}
		for _, column := range want {
			if !slices.Contains(have, column) {
				return foreign.WithHint("its table %s has no column %s", table, column)
			}
		}
	}
	return nil
}

// columns returns the names of the columns of a table, none when there is no
// such table.
func (d *Database) columns(ctx context.Context, table string) (all []string, err error) {
	return all, d.each(ctx, `SELECT name FROM pragma_table_info('`+table+`')`, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		all = append(all, name)
		return err
	})
}

// each calls fn with every row of a query.
func (d *Database) each(ctx context.Context, query string, fn func(scan func(...any) error) error) (err error) {
	rows, err := d.db.QueryContext(ctx, query)
	if err != nil {
		return d.damaged(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return d.damaged(err)
	}
	return nil
}

// Counts are how many rows there are by table. fault.TooLarge when there are
// more than a million in one.
func (d *Database) Counts(ctx context.Context) (map[string]int64, error) {
	counts := make(map[string]int64, len(tables))
	for table := range tables {
		var n int64
		if err := d.db.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %q", table)).Scan(&n); err != nil {
			return nil, d.damaged(err)
		}
		if n > d.most {
			return nil, fault.New(fault.TooLarge, "The table %s of %s has %d rows; at most %d are taken over", table, d.from, n, d.most)
		}
		counts[table] = n
	}
	return counts, nil
}

// copyFile copies a file.
func copyFile(ctx context.Context, from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, reader{ctx, src})
	return errors.Join(err, dst.Close())
}

// reader stops when its context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
