package db_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

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
