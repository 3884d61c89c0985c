// Package dbtest runs a test on every database that the daemon supports.
//
// SQLite is always there. PostgreSQL is the server that the environment
// variable QUARTERMASTER_TEST_POSTGRES names, a URL whose user may create
// databases, or a throw-away cluster that the test binary starts for itself
// from the binaries Debian installs. Each test gets a database of its own,
// with all tables and no rows.
package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// serverEnv names a PostgreSQL server to use instead of a private cluster.
const serverEnv = "QUARTERMASTER_TEST_POSTGRES"

// Each runs test as a subtest on SQLite and on PostgreSQL, each time with an
// empty database that is closed and removed afterwards. Without PostgreSQL
// that half is skipped, or fails when CI=true.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// EachOptions is Each for tests that open the database themselves, several
// times or with a clock of their own: o names an empty one.
func EachOptions(t *testing.T, test func(t *testing.T, o db.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, db.Options{Dir: sqliteDir(t)}) })
	t.Run("postgres", func(t *testing.T) { test(t, db.Options{URL: PostgresURL(t), Dir: t.TempDir()}) })
}

// SQLite returns an empty SQLite database.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{Dir: sqliteDir(t)})
}

// Postgres returns an empty PostgreSQL database.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{URL: PostgresURL(t), Dir: t.TempDir()})
}

func open(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return d
}

// once keeps what every test of the binary shares.
var once struct {
	sqlite   func() ([]byte, error)
	postgres func() (server, error)
	init     sync.Once
}

func shared() {
	once.init.Do(func() {
		once.sqlite = sync.OnceValues(sqliteTemplate)
		once.postgres = sync.OnceValues(postgresTemplate)
	})
}

// sqliteTemplate returns the bytes of a database with all tables.
func sqliteTemplate() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "qm-sqlite-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := db.Open(context.Background(), db.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(d.Path())
}

// sqliteDir returns a folder with a database that has all tables.
func sqliteDir(t testing.TB) string {
	t.Helper()
	shared()
	content, err := once.sqlite()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "quartermaster.db"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// server is a PostgreSQL server with a database to copy from.
type server struct {
	url      *url.URL
	template string
}

func (s server) database(name string) string {
	u := *s.url
	u.Path = "/" + name
	return u.String()
}

var errNoPostgres = errors.New("PostgreSQL is not installed")

// postgresTemplate finds or starts a server and makes a database with all
// tables there.
func postgresTemplate() (server, error) {
	address := os.Getenv(serverEnv)
	if address == "" {
		var err error
		if address, err = startCluster(); err != nil {
			return server{}, err
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return server{}, fmt.Errorf("%s is no URL: %w", serverEnv, err)
	}
	s := server{url: u, template: newName("template")}
	if err := s.sweep(time.Now().Add(-maxAge)); err != nil {
		return server{}, err
	}
	if err := s.exec("CREATE DATABASE " + s.template); err != nil {
		return server{}, err
	}
	d, err := db.Open(context.Background(), db.Options{URL: s.database(s.template)})
	if err != nil {
		return server{}, err
	}
	return s, d.Close()
}

// A server that is shared keeps the template of every test binary, and the
// databases of those that were killed, until later tests find them this old.
const maxAge = 3 * time.Hour

const namePrefix = "qm_test_"

// newName returns a name that tests running beside this one do not use. It
// tells when it was made.
func newName(what string) string {
	return strings.ToLower(fmt.Sprintf("%s%d_%s_%s", namePrefix, time.Now().Unix(), what, rand.Text()[:12]))
}

// madeBefore reports whether newName made name before t.
func madeBefore(name string, t time.Time) bool {
	rest, ours := strings.CutPrefix(name, namePrefix)
	made, _, found := strings.Cut(rest, "_")
	seconds, err := strconv.ParseInt(made, 10, 64)
	return ours && found && err == nil && seconds < t.Unix()
}

// sweep drops the databases that tests left behind before t.
func (s server) sweep(t time.Time) (err error) {
	pool, err := sql.Open("pgx", s.url.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	rows, err := pool.Query("SELECT datname FROM pg_database")
	if err != nil {
		return err
	}
	var old []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		if madeBefore(name, t) {
			old = append(old, name)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range old {
		// Another test binary may drop it at the same moment.
		if _, err := pool.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

func (s server) exec(query string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	pool, err := sql.Open("pgx", s.url.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	_, err = pool.ExecContext(ctx, query)
	return err
}

// PostgresURL returns the address of an empty PostgreSQL database with all
// tables, which is dropped at the end of the test.
func PostgresURL(t testing.TB) string {
	t.Helper()
	shared()
	s, err := once.postgres()
	if errors.Is(err, errNoPostgres) && os.Getenv("CI") != "true" {
		t.Skipf("LEFT OUT: %v. Nothing here is tested on PostgreSQL. Install Debian's postgresql or set %s.", err, serverEnv)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := newName("db")
	if err := s.exec("CREATE DATABASE " + name + " TEMPLATE " + s.template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return s.database(name)
}
