package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

var ctx = context.Background()

func openTest(t testing.TB, dir string) *DB {
	t.Helper()
	d, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func openRows(t testing.TB) *DB {
	t.Helper()
	d := openTest(t, t.TempDir())
	mustExec(t, d, "CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB) STRICT")
	return d
}

func mustExec(t testing.TB, d *DB, query string) {
	t.Helper()
	err := d.Write(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func addRow(tx *Tx, id int) error {
	_, err := tx.Exec(ctx, "INSERT INTO row (id, body) VALUES ($1, $2)", id, []byte("body"))
	return err
}

func countRows(t testing.TB, d *DB) (n int) {
	t.Helper()
	err := d.Read(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, "SELECT count(*) FROM row").Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// together makes the writer find all the functions waiting at once, so that
// they share a commit, and returns their errors.
func together(t testing.TB, d *DB, fns ...func(tx *Tx) error) []error {
	t.Helper()
	begun, goOn := make(chan struct{}), make(chan struct{})
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	wg.Go(func() {
		err := d.Write(ctx, func(*Tx) error {
			close(begun)
			<-goOn
			return errors.New("only holds the door")
		})
		if err == nil {
			t.Error("the door was not held")
		}
	})
	<-begun
	// Queued in order, without the goroutines of do.
	jobs := make([]*job, len(fns))
	for i, fn := range fns {
		jobs[i] = &job{ctx: ctx, fn: fn, done: make(chan error, 1)}
		d.writer.queue <- jobs[i]
	}
	close(goOn)
	wg.Wait()
	for i, j := range jobs {
		errs[i] = <-j.done
	}
	return errs
}

func TestBatchRollsBackOnlyWhatFailed(t *testing.T) {
	d := openRows(t)
	boom := errors.New("boom")
	errs := together(t, d,
		func(tx *Tx) error { return addRow(tx, 1) },
		func(tx *Tx) error { return errors.Join(addRow(tx, 2), boom) },
		func(tx *Tx) error { return addRow(tx, 1) }, // seen before it is committed
		func(tx *Tx) error { _ = addRow(tx, 3); panic("boom") },
		func(tx *Tx) error { return addRow(tx, 4) },
	)
	if errs[0] != nil || !errors.Is(errs[1], boom) || !fault.Is(errs[2], fault.Conflict) || errs[3] == nil || errs[4] != nil {
		t.Errorf("errors %v", errs)
	}
	if n := countRows(t, d); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

func TestBatchFailsWholeWhenItsCommitFails(t *testing.T) {
	d := openRows(t)
	errs := together(t, d,
		func(tx *Tx) error { return addRow(tx, 1) },
		func(tx *Tx) error { _, err := tx.Exec(ctx, "ROLLBACK"); return err },
	)
	for i, err := range errs {
		if err == nil {
			t.Errorf("write %d was acknowledged", i)
		}
	}
	if n := countRows(t, d); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
	mustExec(t, d, "INSERT INTO row (id) VALUES (9)")
	if n := countRows(t, d); n != 1 {
		t.Errorf("%d rows after the next write, want 1", n)
	}
}

// A full disk fails what shares the commit and nothing after it.
func TestR3_FullDiskIsToldAndPasses(t *testing.T) {
	d := openRows(t)
	var pages int
	err := d.Write(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, "PRAGMA page_count").Scan(&pages) })
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, d, fmt.Sprintf("PRAGMA max_page_count = %d", pages+2))
	errs := together(t, d,
		func(tx *Tx) error { return addRow(tx, 1) },
		func(tx *Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO row (id, body) VALUES (2, zeroblob(1000000))")
			if !fault.Is(err, fault.NoSpace) {
				t.Errorf("Exec = %v, want no space", err)
			}
			_ = addRow(tx, 3) // must not slip through on its own
			return err
		},
	)
	if !fault.Is(errs[1], fault.NoSpace) || fault.Hint(errs[1]) == "" {
		t.Errorf("Write = %v, want no space with a hint", errs[1])
	}
	acknowledged := 0
	if errs[0] == nil {
		acknowledged = 1
	}
	if n := countRows(t, d); n != acknowledged {
		t.Errorf("%d rows, %d acknowledged", n, acknowledged)
	}
	mustExec(t, d, "PRAGMA max_page_count = 1000000")
	mustExec(t, d, "INSERT INTO row (id, body) VALUES (2, zeroblob(1000000))")
}

// A database that was taken away is an error once it must be opened anew,
// never an empty new one.
func TestDatabaseTakenAway(t *testing.T) {
	d := openRows(t)
	if err := os.Rename(d.Path(), d.Path()+".away"); err != nil {
		t.Fatal(err)
	}
	// Spoils the transaction, which costs the writer its connection.
	err := d.Write(ctx, func(tx *Tx) error { _, err := tx.Exec(ctx, "ROLLBACK"); return err })
	if err == nil {
		t.Error("a spoilt transaction was acknowledged")
	}
	err = d.Write(ctx, func(tx *Tx) error { return addRow(tx, 1) })
	if !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
		t.Errorf("Write = %v, want unavailable with a hint", err)
	}
	if _, err := os.Stat(d.Path()); err == nil {
		t.Error("there is a new database")
	}
	if err := os.Rename(d.Path()+".away", d.Path()); err != nil {
		t.Fatal(err)
	}
	mustExec(t, d, "INSERT INTO row (id) VALUES (2)")
	if n := countRows(t, d); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// The bounds of a batch hold under a long queue.
func TestBatchIsBounded(t *testing.T) {
	d := openRows(t)
	longest, size := 0, 0
	fns := make([]func(*Tx) error, 3*batchCount)
	for i := range fns {
		fns[i] = func(tx *Tx) error {
			// Runs on the writer's goroutine, which owns the batch.
			size = len(d.writer.batch)
			longest = max(longest, size)
			return addRow(tx, i)
		}
	}
	for i, err := range together(t, d, fns...) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if longest > batchCount || longest < 2 {
		t.Errorf("longest batch %d, want up to %d", longest, batchCount)
	}
	if n := countRows(t, d); n != len(fns) {
		t.Errorf("%d rows, want %d", n, len(fns))
	}
}

// More texts than are kept prepared work the same.
func TestManyStatements(t *testing.T) {
	d := openRows(t)
	for i := range maxStatements + 10 {
		err := d.Write(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO row (id) VALUES (%d)", i))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var id int
		err = d.Read(ctx, func(tx *Tx) error {
			return tx.QueryRow(ctx, fmt.Sprintf("SELECT id FROM row WHERE id = %d", i)).Scan(&id)
		})
		if err != nil || id != i {
			t.Fatalf("row %d: %d, %v", i, id, err)
		}
	}
	if n := len(d.readers.kept); n > maxStatements {
		t.Errorf("%d statements kept", n)
	}
}
