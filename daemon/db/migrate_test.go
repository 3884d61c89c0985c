package db

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// steps makes migrations for SQLite from their SQL.
func steps(up ...string) fs.FS {
	m := fstest.MapFS{}
	for i, text := range up {
		name := fmt.Sprintf("migrations/sqlite/%05d_step.sql", i+1)
		m[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n")}
	}
	return m
}

func openSteps(t *testing.T, dir string, m fs.FS) (*DB, error) {
	t.Helper()
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d, err := open(ctx, Options{Dir: dir, Now: func() time.Time { clock = clock.Add(time.Second); return clock }}, m)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d, nil
}

func mustOpenSteps(t *testing.T, dir string, m fs.FS) *DB {
	t.Helper()
	d, err := openSteps(t, dir, m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func backups(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, backupDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	stepA = "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER) STRICT; INSERT INTO a VALUES (1, 1);"
	stepB = "CREATE TABLE b (id INTEGER PRIMARY KEY) STRICT; INSERT INTO b SELECT b FROM a;"
)

func TestUpgradeCopiesTheDatabaseFirst(t *testing.T) {
	dir := t.TempDir()
	if err := mustOpenSteps(t, dir, steps(stepA)).Close(); err != nil {
		t.Fatal(err)
	}
	if got := backups(t, dir); got != nil {
		t.Errorf("an empty database was copied: %v", got)
	}
	d := mustOpenSteps(t, dir, steps(stepA, stepB))
	mustExec(t, d, "INSERT INTO b VALUES (2)")
	got := backups(t, dir)
	if len(got) != 1 || !strings.HasPrefix(filepath.Base(got[0]), "pre-migrate-1-20260102T0304") {
		t.Fatalf("copies %v", got)
	}
	old, err := sql.Open("sqlite", readerDSN(got[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var n, b int
	err = old.QueryRow("SELECT count(*), (SELECT count(*) FROM sqlite_master WHERE name = 'b') FROM a").Scan(&n, &b)
	if err != nil || n != 1 || b != 0 {
		t.Errorf("the copy has %d rows of a and %d tables b, %v", n, b, err)
	}
}

func TestUpToDateDatabaseIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := mustOpenSteps(t, dir, steps(stepA, stepB)).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := backups(t, dir); got != nil {
		t.Errorf("copies %v", got)
	}
}

// The first start makes a database and upgrades nothing.
func TestNewDatabaseIsNotAnUpgrade(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		steps fs.FS
		want  string // in the log, "" for nothing
	}{
		{steps(stepA), `level=INFO msg="database created" version=1`},
		{steps(stepA), ""},
		{steps(stepA, stepB), `level=INFO msg="database upgraded" from=1 to=2 steps=1`},
	} {
		var log bytes.Buffer
		d, err := open(ctx, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}, tt.steps)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "database created") || strings.Contains(line, "database upgraded") {
				lines++
			}
		}
		if want := min(len(tt.want), 1); lines != want || !strings.Contains(log.String(), tt.want) {
			t.Errorf("logged %q, want %q", &log, tt.want)
		}
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := mustOpenSteps(t, dir, steps(stepA, stepB)).Close(); err != nil {
		t.Fatal(err)
	}
	_, err := openSteps(t, dir, steps(stepA))
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "up to 1") || fault.Hint(err) == "" {
		t.Errorf("Open = %v, want conflict that names versions 2 and 1, with a hint", err)
	}
	mustOpenSteps(t, dir, steps(stepA, stepB)) // as it was
}

func TestR22_FailingStepLeavesTheOldTables(t *testing.T) {
	tests := []struct{ name, step string }{
		{"syntax", "CREATE TABLE c (id INTEGER PRIMARY KEY) STRICT; CREATE OF;"},
		{"constraint", "CREATE TABLE c (id INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES (1, 1);"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := mustOpenSteps(t, dir, steps(stepA)).Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := openSteps(t, dir, steps(stepA, tt.step)); err == nil {
				t.Fatal("no error")
			}
			d := mustOpenSteps(t, dir, steps(stepA))
			var n int
			err := d.Read(ctx, func(tx *Tx) error {
				return tx.QueryRow(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'c'").Scan(&n)
			})
			if err != nil || n != 0 {
				t.Errorf("table c is there %d times, %v", n, err)
			}
		})
	}
}

func TestUpgradeThatBreaksReferencesFails(t *testing.T) {
	dir := t.TempDir()
	_, err := openSteps(t, dir, steps(
		"CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (p INTEGER REFERENCES p (id)) STRICT;",
		"INSERT INTO c VALUES (7);"))
	if err == nil || !strings.Contains(err.Error(), "refers to a row of p") {
		t.Errorf("Open = %v", err)
	}
}

// A rebuild drops a table that others refer to and makes it again.
func TestUpgradeMayRebuildTables(t *testing.T) {
	dir := t.TempDir()
	d := mustOpenSteps(t, dir, steps(
		`CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (p INTEGER REFERENCES p (id) ON DELETE CASCADE) STRICT;
		 INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);`,
		`CREATE TABLE p2 (id INTEGER PRIMARY KEY, more TEXT) STRICT; INSERT INTO p2 (id) SELECT id FROM p;
		 DROP TABLE p; ALTER TABLE p2 RENAME TO p;`))
	var n int
	err := d.Read(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, "SELECT count(*) FROM c JOIN p ON p.id = c.p").Scan(&n) })
	if err != nil || n != 1 {
		t.Errorf("%d rows kept, %v", n, err)
	}
}

func TestUpgradeWaitsForNobodyElse(t *testing.T) {
	dir := t.TempDir()
	old := mustOpenSteps(t, dir, steps(stepA))
	_, err := openSteps(t, dir, steps(stepA, stepB))
	if !fault.Is(err, fault.Conflict) || fault.Hint(err) == "" {
		t.Errorf("Open beside the old program = %v, want conflict with a hint", err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpenSteps(t, dir, steps(stepA, stepB))
}

func TestCopiesBeforeUpgradesAreBounded(t *testing.T) {
	dir := t.TempDir()
	var up []string
	for i := range keepBackups + 3 {
		up = append(up, fmt.Sprintf("CREATE TABLE t%d (id INTEGER PRIMARY KEY) STRICT;", i))
		d, err := open(ctx, Options{Dir: dir, Now: func() time.Time { return time.Unix(int64(1e9+i*60), 0) }}, steps(up...))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, backupDir, "mine.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := backups(t, dir)
	if len(got) != keepBackups+1 {
		t.Errorf("copies %v, want %d", got, keepBackups)
	}
	for _, name := range got {
		if strings.Contains(name, "pre-migrate-1-") {
			t.Errorf("the oldest copy was kept: %v", got)
		}
	}
}

func TestBackup(t *testing.T) {
	d := openRows(t)
	mustExec(t, d, "INSERT INTO row (id) VALUES (1), (2)")
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := d.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if n := countRows(t, openTest(t, dir)); n != 2 {
		t.Errorf("%d rows in the copy, want 2", n)
	}
	if err := d.Backup(ctx, path); !fault.Is(err, fault.Conflict) {
		t.Errorf("Backup over a file = %v, want conflict", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.Backup(cancelled, filepath.Join(dir, "other.db")); err == nil {
		t.Error("Backup of a cancelled caller succeeded")
	}
	if err := d.Backup(ctx, filepath.Join(dir, "absent", "x.db")); err == nil {
		t.Error("Backup into an absent folder succeeded")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp*"))
	if err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
