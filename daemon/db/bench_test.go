package db_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// BenchmarkWrite32 measures acknowledged one-row writes of 32 callers.
func BenchmarkWrite32(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkWrite(b, dbtest.SQLite(b), 32) })
	b.Run("postgres", func(b *testing.B) { benchmarkWrite(b, dbtest.Postgres(b), 32) })
}

// BenchmarkWrite1 measures them for a caller that is alone.
func BenchmarkWrite1(b *testing.B) { benchmarkWrite(b, dbtest.SQLite(b), 1) }

func benchmarkWrite(b *testing.B, d *db.DB, callers int) {
	ctx := context.Background()
	err := d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE bench (id BIGINT PRIMARY KEY, at BIGINT NOT NULL, name TEXT NOT NULL)")
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for {
				id := next.Add(1)
				if id > int64(b.N) {
					return
				}
				err := d.Write(ctx, func(tx *db.Tx) error {
					_, err := tx.Exec(ctx, "INSERT INTO bench (id, at, name) VALUES ($1, $2, $3)", id, db.Micros(tx.Now), "a name")
					return err
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRead measures point reads on two goroutines.
func BenchmarkRead(b *testing.B) {
	d := dbtest.SQLite(b)
	ctx := context.Background()
	err := d.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TABLE bench (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"); err != nil {
			return err
		}
		for id := range 10000 {
			if _, err := tx.Exec(ctx, "INSERT INTO bench (id, name) VALUES ($1, $2)", id, "a name"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			var name string
			err := d.Read(ctx, func(tx *db.Tx) error {
				return tx.QueryRow(ctx, "SELECT name FROM bench WHERE id = $1", next.Add(7)%10000).Scan(&name)
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkOpen measures opening a database that is up to date.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		d, err := db.Open(context.Background(), db.Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
