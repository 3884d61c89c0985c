package db

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Every connection of both pools has the settings, not only the first.
func TestPragmasOnEveryConnection(t *testing.T) {
	d := openRows(t)
	common := map[string]string{
		"busy_timeout": "5000", "foreign_keys": "1", "trusted_schema": "0", "temp_store": "2", "journal_mode": "wal",
	}
	tests := []struct {
		name string
		pool func() (*sql.DB, error)
		want map[string]string
	}{
		{"writer", func() (*sql.DB, error) { return pool(writerDSN(d.Path()), readers) },
			map[string]string{"synchronous": "2", "query_only": "0", "cache_size": "-16000", "journal_size_limit": "67108864"}},
		{"reader", func() (*sql.DB, error) { return pool(readerDSN(d.Path()), readers) },
			map[string]string{"query_only": "1", "cache_size": "-8000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.pool()
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for range readers { // all held at once, so each is another
				conn, err := p.Conn(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for _, set := range []map[string]string{common, tt.want} {
					for name, want := range set {
						var got string
						if err := conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&got); err != nil || got != want {
							t.Errorf("%s is %q, %v, want %q", name, got, err, want)
						}
					}
				}
			}
		})
	}
	if n := d.write.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("the writer has up to %d connections", n)
	}
}

// SQLite below 3.51.3 can corrupt a database in WAL mode
// (sqlite.org/wal.html, the WAL-reset bug).
func TestSQLiteVersion(t *testing.T) {
	d := openRows(t)
	var version string
	if err := d.read.QueryRow("SELECT sqlite_version()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	var v [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		t.Fatal(err)
	}
	if slices.Compare(v[:], []int{3, 51, 3}) < 0 {
		t.Errorf("SQLite is %s", version)
	}
}

func TestPathsWithStrangeNames(t *testing.T) {
	for _, name := range []string{"a b", "50%25", "what?", "x#y", "ä", "a+b&c=d;e", "'q'"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, "?") {
			continue
		}
		dir := filepath.Join(t.TempDir(), name)
		d := openTest(t, dir)
		mustExec(t, d, "CREATE TABLE row (id INTEGER PRIMARY KEY) STRICT")
		if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	got := readerDSN("/var/lib/50% more?/q.db")
	const want = "file:///var/lib/50%25%20more%3F/q.db?"
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "mode=ro") {
		t.Errorf("address %q, want it to begin with %q", got, want)
	}
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	d := openRows(t)
	for _, name := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(d.Path() + name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", info.Name(), mode)
		}
	}
}

// The SQLite library is C translated to Go against one version of its C
// library; another version compiles and then misbehaves.
func TestModuleVersionsMatch(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string]string{"modernc.org/sqlite": "v1.60.1", "modernc.org/libc": "v1.77.1"} {
		m := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(module) + ` (\S+)`).FindSubmatch(content)
		if m == nil || string(m[1]) != want {
			t.Errorf("go.mod has %s %q, want %s: sqlite and libc move only together, to the pair sqlite's own go.mod names", module, m, want)
		}
	}
}

func TestCloseEmptiesTheLog(t *testing.T) {
	d := openRows(t)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.Path() + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("write-ahead log: %v", err)
	}
	again := openTest(t, d.dir)
	if again.unclean {
		t.Error("taken for not closed")
	}
}
