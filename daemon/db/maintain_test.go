package db

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestUpkeepEmptiesTheLog(t *testing.T) {
	d := openRows(t)
	mustExec(t, d, "INSERT INTO row (body) VALUES (zeroblob(100000))")
	if d.walSize() == 0 {
		t.Fatal("there is no log to empty")
	}
	now := time.Now()
	d.now = func() time.Time { return now }
	u := upkeep{checkpointed: now, optimized: now}
	if err := d.maintain(ctx, &u); err != nil || d.walSize() == 0 {
		t.Errorf("before it is due: %v, log of %d bytes", err, d.walSize())
	}
	now = now.Add(checkpointEvery)
	if err := d.maintain(ctx, &u); err != nil || d.walSize() != 0 || !u.checkpointed.Equal(now) {
		t.Errorf("after an hour: %v, log of %d bytes", err, d.walSize())
	}
	now = now.Add(optimizeEvery)
	if err := d.maintain(ctx, &u); err != nil || !u.optimized.Equal(now) {
		t.Errorf("after a day: %v", err)
	}
}

// A reader that takes long only puts the work off.
func TestUpkeepGivesWayToReaders(t *testing.T) {
	d := openRows(t)
	err := d.Read(ctx, func(tx *Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM row").Scan(&n); err != nil {
			return err
		}
		mustExec(t, d, "INSERT INTO row (id) VALUES (1)")
		return d.checkpoint(ctx)
	})
	if err != nil {
		t.Error(err)
	}
	mustExec(t, d, "INSERT INTO row (id) VALUES (2)")
}

func TestRunEndsWithItsContext(t *testing.T) {
	d := openRows(t)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A large database that turns out damaged is not written to any more.
func TestR5_DamageFoundWhileRunning(t *testing.T) {
	d := openRows(t)
	mustExec(t, d, "INSERT INTO row (body) VALUES (zeroblob(100000)), (zeroblob(100000))")
	d.checkBeside(ctx)
	if err := d.Ping(ctx); err != nil {
		t.Fatalf("a whole database: %v", err)
	}
	if err := d.checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(d.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(4096); at < info.Size(); at += 4096 {
		if _, err := f.WriteAt(make([]byte, 64), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d.checkBeside(ctx)
	if err := d.Ping(ctx); err == nil {
		t.Error("Ping of a damaged database succeeds")
	}
	if err := d.Write(ctx, func(*Tx) error { return nil }); err == nil {
		t.Error("a write to a damaged database was acknowledged")
	}
}
