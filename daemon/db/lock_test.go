package db_test

import (
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

func TestLockExcludesOthers(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		var process [2]*db.DB
		for i := range process {
			d, err := db.Open(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			process[i] = d
		}
		take := func(d *db.DB, name string, want bool) func() {
			t.Helper()
			release, ok, err := d.Lock(ctx, name)
			if err != nil || ok != want || ok != (release != nil) {
				t.Fatalf("Lock(%s) = %v, %v, want %v", name, ok, err, want)
			}
			return release
		}
		release := take(process[0], "scan", true)
		take(process[0], "scan", false)
		take(process[1], "scan", false)
		other := take(process[1], "other", true)
		release()
		release() // does nothing more
		again := take(process[1], "scan", true)
		release()
		take(process[0], "scan", false)
		again()
		other()
		take(process[0], "scan", true)()
	})
}

// A lock that Close finds goes back at once.
func TestCloseGivesLocksBack(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		for range 2 {
			d, err := db.Open(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok, err := d.Lock(ctx, "scan"); err != nil || !ok {
				t.Errorf("Lock = %v, %v", ok, err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The lock of a killed program runs out.
func TestLeaseOfTheDeadEnds(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d, err := db.Open(ctx, db.Options{Dir: dir, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	write(t, d, "INSERT INTO db_lock (name, owner, until) VALUES ('scan', 'the dead', $1)", db.Micros(now.Add(30*time.Second)))
	if _, ok, err := d.Lock(ctx, "scan"); err != nil || ok {
		t.Errorf("Lock = %v, %v before the end", ok, err)
	}
	now = now.Add(30 * time.Second)
	release, ok, err := d.Lock(ctx, "scan")
	if err != nil || !ok {
		t.Fatalf("Lock = %v, %v after the end", ok, err)
	}
	release()
}

// A process that finds itself alone waits for no lease of the dead.
func TestAloneInheritsNoLease(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	open := func() *db.DB {
		t.Helper()
		d, err := db.Open(ctx, db.Options{Dir: dir, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	write(t, d, "INSERT INTO db_lock (name, owner, until) VALUES ('scan', 'the dead', $1)", db.Micros(now.Add(30*time.Second)))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	first := open()
	defer first.Close()
	since, alone := first.Alone()
	if !alone || !since.Equal(now) {
		t.Errorf("Alone = %v, %v, want %v", since, alone, now)
	}
	release, ok, err := first.Lock(ctx, "scan")
	if err != nil || !ok {
		t.Fatalf("Lock = %v, %v, want the lock of the dead", ok, err)
	}
	defer release()
	second := open()
	defer second.Close()
	if _, alone := second.Alone(); alone {
		t.Error("the second process believes itself alone")
	}
	for name, d := range map[string]*db.DB{"first": first, "second": second} {
		if _, ok, err := d.Lock(ctx, "scan"); err != nil || ok {
			t.Errorf("%s: Lock = %v, %v while it is held", name, ok, err)
		}
	}
}
