package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver of the bare loop

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// commits is a store that acknowledges one row at a time.
type commits interface {
	insert(ctx context.Context, id int64) error
	close()
}

const (
	benchTable  = "CREATE TABLE bench (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL) STRICT"
	benchInsert = "INSERT INTO bench (id, at, name) VALUES ($1, $2, $3)"
)

func storeCommit() cell {
	var next atomic.Int64
	return cell{
		name: "store-commit", about: "32 callers, each row acknowledged when it is synced to disk; through package db, and a bare loop",
		subjects: []string{"floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			store, err := b.store(ctx, subject)
			if err != nil {
				return sample{}, err
			}
			return insertAll(ctx, b.settings.duration, store, &next)
		},
		goals: []goal{least(rowsPerSec, "floor", 0.7)},
	}
}

func (b *bench) store(ctx context.Context, subject string) (s commits, err error) {
	if s := b.rows[subject]; s != nil {
		return s, nil
	}
	if subject != "daemon" { // package db settles how SQLite locks, so it has to be the first to use it
		if _, err := b.store(ctx, "daemon"); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(b.dir, "store-"+subject)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if subject == "daemon" {
		s, err = openPackage(ctx, dir)
	} else {
		s, err = openBare(ctx, filepath.Join(dir, "bare.db"))
	}
	if err == nil {
		b.rows[subject] = s
	}
	return s, err
}

func insertAll(ctx context.Context, d time.Duration, store commits, next *atomic.Int64) (sample, error) {
	const callers = 32
	before, err := ownCPU()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	var rows, failed atomic.Int64
	var first atomic.Value
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for time.Since(start) < d && ctx.Err() == nil {
				if err := store.insert(ctx, next.Add(1)); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
					continue
				}
				rows.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	after, err := ownCPU()
	s := sample{Values: map[string]float64{rowsPerSec: float64(rows.Load()) / took}, Errors: int(failed.Load()), CPU: after - before}
	s.First, _ = first.Load().(string)
	return s, err
}

// throughPackage is the daemon's own store.
type throughPackage struct{ d *db.DB }

func openPackage(ctx context.Context, dir string) (commits, error) {
	d, err := db.Open(ctx, db.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, benchTable)
		return err
	})
	return throughPackage{d}, err
}

func (s throughPackage) insert(ctx context.Context, id int64) error {
	return s.d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, benchInsert, id, db.Micros(tx.Now), "a name")
		return err
	})
}

func (s throughPackage) close() { _ = s.d.Close() } // thrown away

// bareLoop is the least that a group commit can be: one goroutine takes what
// has come, inserts it in one transaction and tells everybody.
type bareLoop struct {
	db   *sql.DB
	rows chan bareRow
	done chan struct{}
}

type bareRow struct {
	id   int64
	done chan<- error
}

func openBare(ctx context.Context, path string) (commits, error) {
	d, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(1)
	if _, err := d.ExecContext(ctx, benchTable); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	s := &bareLoop{db: d, rows: make(chan bareRow, 64), done: make(chan struct{})}
	go s.run(context.WithoutCancel(ctx))
	return s, nil
}

func (s *bareLoop) insert(_ context.Context, id int64) error {
	done := make(chan error, 1)
	s.rows <- bareRow{id, done}
	return <-done
}

func (s *bareLoop) run(ctx context.Context) {
	defer close(s.done)
	for row := range s.rows {
		batch := []bareRow{row}
		for more := true; more; {
			select {
			case row, ok := <-s.rows:
				if more = ok; ok {
					batch = append(batch, row)
				}
			default:
				more = false
			}
		}
		err := s.commit(ctx, batch)
		for _, row := range batch {
			row.done <- err
		}
	}
}

func (s *bareLoop) commit(ctx context.Context, batch []bareRow) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	stmt, err := tx.PrepareContext(ctx, benchInsert)
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	defer stmt.Close()
	for _, row := range batch {
		if _, err := stmt.ExecContext(ctx, row.id, time.Now().UnixMicro(), "a name"); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (s *bareLoop) close() {
	close(s.rows)
	<-s.done
	_ = s.db.Close() // thrown away
}
