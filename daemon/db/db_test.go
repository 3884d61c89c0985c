package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

var ctx = context.Background()

// eachWithTable runs test on every database with a table that has a unique
// name and a reference to itself.
func eachWithTable(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		makeTable(t, d)
		test(t, d)
	})
}

func makeTable(t testing.TB, d *db.DB) {
	t.Helper()
	write(t, d, "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent BIGINT REFERENCES item (id))")
}

func write(t testing.TB, d *db.DB, query string, args ...any) {
	t.Helper()
	err := d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func insert(tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, "INSERT INTO item (id, name) VALUES ($1, $2)", id, fmt.Sprint("item ", id))
	return err
}

// ids returns what the table holds.
func ids(t testing.TB, d *db.DB) []int64 {
	t.Helper()
	var got []int64
	err := d.Read(ctx, func(tx *db.Tx) error {
		got = nil
		rows, err := tx.Query(ctx, "SELECT id FROM item ORDER BY id")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			got = append(got, id)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWriteCommitsOrLeavesNothing(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		boom := errors.New("boom")
		tests := []struct {
			name string
			end  func() error
			want func(error) bool
		}{
			{"nil", func() error { return nil }, func(err error) bool { return err == nil }},
			{"error", func() error { return boom }, func(err error) bool { return errors.Is(err, boom) }},
			{"panic", func() error { panic("at the disco") }, func(err error) bool { return err != nil && strings.Contains(err.Error(), "disco") }},
		}
		var want []int64
		for i, tt := range tests {
			err := d.Write(ctx, func(tx *db.Tx) error {
				if err := insert(tx, int64(i)); err != nil {
					return err
				}
				return tt.end()
			})
			if !tt.want(err) {
				t.Errorf("%s: error %v", tt.name, err)
			}
			if err == nil {
				want = append(want, int64(i))
			}
			if diff := cmp.Diff(want, ids(t, d)); diff != "" {
				t.Errorf("%s: rows (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}

// A test's Fatal inside a transaction ends the goroutine that runs it; the
// database must survive that.
func TestWriteSurvivesGoexit(t *testing.T) {
	d := dbtest.SQLite(t)
	makeTable(t, d)
	err := d.Write(ctx, func(tx *db.Tx) error {
		if err := insert(tx, 1); err != nil {
			return err
		}
		runtime.Goexit()
		return nil
	})
	if err == nil {
		t.Error("no error")
	}
	write(t, d, "INSERT INTO item (id, name) VALUES (2, 'two')")
	if diff := cmp.Diff([]int64{2}, ids(t, d)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		write(t, d, "INSERT INTO item (id, name) VALUES (1, 'one')")
		tests := []struct {
			name  string
			query string
			want  fault.Kind
		}{
			{"primary key", "INSERT INTO item (id, name) VALUES (1, 'other')", fault.Conflict},
			{"unique", "INSERT INTO item (id, name) VALUES (2, 'one')", fault.Conflict},
			{"foreign key", "INSERT INTO item (id, name, parent) VALUES (2, 'two', 99)", fault.Invalid},
			{"not null", "INSERT INTO item (id) VALUES (2)", fault.Internal},
			{"syntax", "INSERT OF item", fault.Internal},
			{"no table", "INSERT INTO nothing (id) VALUES (1)", fault.Internal},
		}
		for _, tt := range tests {
			err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Exec(ctx, tt.query)
				if got := fault.KindOf(err); err == nil || got != tt.want {
					t.Errorf("%s: Exec = %v, of kind %v, want %v", tt.name, err, got, tt.want)
				}
				return err
			})
			if got := fault.KindOf(err); err == nil || got != tt.want {
				t.Errorf("%s: Write = %v, of kind %v, want %v", tt.name, err, got, tt.want)
			}
		}
	})
}

// A cancelled caller gets its error and its write is not run, while those
// beside it are.
func TestWriteNotBegunWhenCancelled(t *testing.T) {
	d := dbtest.SQLite(t)
	makeTable(t, d)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := d.Write(ctx, func(tx *db.Tx) error {
			close(begun)
			<-goOn
			return insert(tx, 1)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	cancelled, cancel := context.WithCancel(ctx)
	failed := make(chan error)
	go func() {
		failed <- d.Write(cancelled, func(tx *db.Tx) error { return insert(tx, 2) })
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want cancelled", err)
	}
	close(goOn)
	wg.Wait()
	write(t, d, "INSERT INTO item (id, name) VALUES (3, 'three')")
	if diff := cmp.Diff([]int64{1, 3}, ids(t, d)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// A write that is cancelled halfway takes nobody else with it.
func TestWriteCancelledHalfway(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		cancelled, cancel := context.WithCancel(ctx)
		err := d.Write(cancelled, func(tx *db.Tx) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			cancel()
			_, err := tx.Exec(cancelled, "INSERT INTO item (id, name) VALUES (2, 'two')")
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Write = %v, want cancelled", err)
		}
		write(t, d, "INSERT INTO item (id, name) VALUES (3, 'three')")
		if diff := cmp.Diff([]int64{3}, ids(t, d)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// Reading, then writing what was read plus one loses no step on either.
func TestIncrementsAreExact(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		write(t, d, "CREATE TABLE counter (n BIGINT NOT NULL)")
		write(t, d, "INSERT INTO counter (n) VALUES (0)")
		const callers, each = 4, 10
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range callers {
			wg.Go(func() {
				for range each {
					err := d.Write(ctx, func(tx *db.Tx) error {
						var n int64
						if err := tx.QueryRow(ctx, "SELECT n FROM counter").Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(ctx, "UPDATE counter SET n = $1", n+1)
						return err
					})
					switch {
					case err == nil:
						mu.Lock()
						done++
						mu.Unlock()
					case !fault.Is(err, fault.Unavailable):
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n int
		err := d.Read(ctx, func(tx *db.Tx) error { return tx.QueryRow(ctx, "SELECT n FROM counter").Scan(&n) })
		if err != nil || n != done || done == 0 {
			t.Errorf("counter is %d after %d acknowledged steps, %v", n, done, err)
		}
		if d.Kind() == db.SQLite && done != callers*each {
			t.Errorf("%d of %d steps acknowledged", done, callers*each)
		}
	})
}

func TestCloseAnswersEverybody(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		d, err := db.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		makeTable(t, d)
		var wg sync.WaitGroup
		var mu sync.Mutex
		acknowledged := 0
		for id := range int64(64) {
			wg.Go(func() {
				err := d.Write(ctx, func(tx *db.Tx) error { return insert(tx, id) })
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					acknowledged++
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := d.Write(ctx, func(tx *db.Tx) error { return insert(tx, 1000) }); err == nil {
			t.Error("a write after Close was acknowledged")
		}
		again, err := db.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if got := len(ids(t, again)); got != acknowledged {
			t.Errorf("%d rows, %d acknowledged", got, acknowledged)
		}
	})
}

func TestOpenRefusesAddresses(t *testing.T) {
	for _, url := range []string{"mysql://root:geheim@localhost/x", "postgres://user:geheim@%zz/x", "postgres://u:geheim@h:port/x"} {
		_, err := db.Open(ctx, db.Options{URL: url, Dir: t.TempDir()})
		if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("Open(%q) = %v, want invalid without the password", url, err)
		}
	}
	_, err := db.Open(ctx, db.Options{URL: "postgres://u:geheim@127.0.0.1:1/x", Dir: t.TempDir()})
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("Open without a server = %v, want unavailable without the password", err)
	}
}
