package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

func cold() cell {
	return cell{
		name: "cold", about: "start to the first good answer; the daemon has a database of 100 MB",
		subjects: []string{"caddy", "nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			return b.fresh(ctx, subject, func(p *process) (map[string]float64, error) {
				return map[string]float64{firstAnswer: float64(p.ready.Microseconds()) / 1000}, nil
			})
		},
		goals: []goal{most(firstAnswer, "caddy", 1)},
	}
}

func idle() cell {
	return cell{
		name: "idle", about: "memory (PSS) two seconds after the start; the daemon has a database of 100 MB",
		subjects: []string{"caddy", "nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			return b.fresh(ctx, subject, func(p *process) (map[string]float64, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(2 * time.Second): // what we measure is rest
				}
				_, pss, err := usage(p.cmd.Process.Pid)
				return map[string]float64{idlePSS: pss}, err
			})
		},
		goals: []goal{most(idlePSS, "caddy", 0.6)},
	}
}

// fresh starts a server that is alone, looks at it and stops it: a second one
// of its kind would share its memory with it.
func (b *bench) fresh(ctx context.Context, subject string, look func(p *process) (map[string]float64, error)) (sample, error) {
	b.stopServers()
	dir := filepath.Join(b.dir, "fresh-"+subject)
	if subject == "daemon" {
		if err := b.fill(ctx, dir); err != nil {
			return sample{}, err
		}
	}
	p, err := b.start(ctx, subject, dir)
	if err != nil {
		return sample{}, err
	}
	defer p.stop()
	values, err := look(p)
	if err != nil {
		return sample{}, err
	}
	cpu, pss, err := usage(p.cmd.Process.Pid)
	return sample{Values: values, CPU: cpu, PSS: pss}, err
}

// fill gives the daemon below dir a database of 100 MB, once.
func (b *bench) fill(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	p, err := b.start(ctx, "daemon", dir) // makes its tables
	if err != nil {
		return err
	}
	p.stop()
	d, err := db.Open(ctx, db.Options{Dir: filepath.Join(dir, "data")})
	if err != nil {
		return err
	}
	const rows, size = 1000, 100_000
	err = d.Write(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TABLE bench_fill (id INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT"); err != nil {
			return err
		}
		for id := range rows {
			if _, err := tx.Exec(ctx, "INSERT INTO bench_fill (id, content) VALUES ($1, $2)", id, noise(size)); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, d.Close())
}
