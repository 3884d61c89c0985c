package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

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

func TestNoRowIsNotFoundAndNoFailure(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		err := d.Write(ctx, func(tx *db.Tx) error {
			var id int64
			err := tx.QueryRow(ctx, "SELECT id FROM item WHERE id = $1", 7).Scan(&id)
			if !fault.Is(err, fault.NotFound) || !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("Scan = %v, want not found", err)
			}
			return insert(tx, 7)
		})
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]int64{7}, ids(t, d)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

func TestFailedStatementFailsTheTransaction(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			first := insert(tx, 1)
			if second := insert(tx, 2); !errors.Is(second, first) {
				t.Errorf("statement after a failed one: %v, want %v", second, first)
			}
			return nil // hides it
		})
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("Write = %v, want conflict", err)
		}
		if got := ids(t, d); got != nil {
			t.Errorf("rows %v, want none", got)
		}
	})
}

func TestTxIsUnusableAfterItsEnd(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		var kept *db.Tx
		keep := func(tx *db.Tx) error { kept = tx; return nil }
		for name, begin := range map[string]func(context.Context, func(*db.Tx) error) error{"read": d.Read, "write": d.Write} {
			if err := begin(ctx, keep); err != nil {
				t.Fatal(err)
			}
			if _, err := kept.Exec(ctx, "SELECT 1"); err == nil {
				t.Errorf("%s: Exec works", name)
			}
			if _, err := kept.Query(ctx, "SELECT 1"); err == nil {
				t.Errorf("%s: Query works", name)
			}
			var one int
			if err := kept.QueryRow(ctx, "SELECT 1").Scan(&one); err == nil {
				t.Errorf("%s: QueryRow works", name)
			}
		}
	})
}

func TestReadCannotWrite(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		if err := d.Read(ctx, func(tx *db.Tx) error { return insert(tx, 1) }); err == nil {
			t.Error("no error")
		}
		if got := ids(t, d); got != nil {
			t.Errorf("rows %v, want none", got)
		}
	})
}

func TestReadSeesOneState(t *testing.T) {
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		count := func(tx *db.Tx) (n int) {
			if err := tx.QueryRow(ctx, "SELECT count(*) FROM item").Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		}
		err := d.Read(ctx, func(tx *db.Tx) error {
			before := count(tx)
			write(t, d, "INSERT INTO item (id, name) VALUES (1, 'one')")
			if after := count(tx); after != before {
				t.Errorf("counted %d, then %d", before, after)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{1}, ids(t, d)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// One text may be asked again while its rows are open, and rows may be left
// open at the end: a prepared statement must not notice. PostgreSQL's
// protocol carries one answer at a time, so this is for SQLite only.
func TestRowsOfOneTextDoNotMeet(t *testing.T) {
	d := dbtest.SQLite(t)
	makeTable(t, d)
	for id := range int64(3) {
		if err := d.Write(ctx, func(tx *db.Tx) error { return insert(tx, id) }); err != nil {
			t.Fatal(err)
		}
	}
	const query = "SELECT id FROM item WHERE id >= $1 ORDER BY id"
	overlap := func(tx *db.Tx) error {
		a, b := tx.QueryRow(ctx, query, 1), tx.QueryRow(ctx, query, 2)
		var ida, idb int64
		if err := errors.Join(b.Scan(&idb), a.Scan(&ida)); err != nil || ida != 1 || idb != 2 {
			t.Errorf("ids %d and %d, %v", ida, idb, err)
		}
		rows, err := tx.Query(ctx, query, 0)
		if err != nil || !rows.Next() {
			t.Errorf("no first row: %v", err)
		}
		return nil // with the rows open
	}
	for range 3 {
		if err := errors.Join(d.Write(ctx, overlap), d.Read(ctx, overlap)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, d, "DELETE FROM item")
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

func TestOneTimePerTransaction(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		now := time.Date(2026, 2, 3, 4, 5, 6, 789000, time.UTC)
		o.Now = func() time.Time { now = now.Add(time.Second); return now }
		d, err := db.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var a, b time.Time
		if err := d.Write(ctx, func(tx *db.Tx) error { a = tx.Now; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := d.Read(ctx, func(tx *db.Tx) error { b = tx.Now; return nil }); err != nil {
			t.Fatal(err)
		}
		if !b.After(a) || a.Year() != 2026 {
			t.Errorf("times %v and %v", a, b)
		}
	})
}

func TestTimes(t *testing.T) {
	tests := []struct {
		time   time.Time
		micros int64
	}{
		{time.Time{}, 0},
		{time.Date(2012, 9, 29, 21, 41, 10, 123456000, time.UTC), 1348954870123456},
		{time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), -1},
	}
	for _, tt := range tests {
		if got := db.Micros(tt.time); got != tt.micros {
			t.Errorf("Micros(%v) = %d, want %d", tt.time, got, tt.micros)
		}
		if got := db.Time(tt.micros); got != tt.time {
			t.Errorf("Time(%d) = %v, want %v", tt.micros, got, tt.time)
		}
	}
}

func TestIn(t *testing.T) {
	tests := []struct {
		start, n int
		want     string
	}{
		{1, 0, "NULL"}, {1, 1, "$1"}, {3, 3, "$3,$4,$5"}, {9, 2, "$9,$10"}, {1, -1, "NULL"},
	}
	for _, tt := range tests {
		if got := db.In(tt.start, tt.n); got != tt.want {
			t.Errorf("In(%d, %d) = %q, want %q", tt.start, tt.n, got, tt.want)
		}
	}
	eachWithTable(t, func(t *testing.T, d *db.DB) {
		var n int
		err := d.Read(ctx, func(tx *db.Tx) error {
			return tx.QueryRow(ctx, "SELECT count(*) FROM item WHERE id IN ("+db.In(1, 0)+")").Scan(&n)
		})
		if err != nil || n != 0 {
			t.Errorf("count %d, %v", n, err)
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
