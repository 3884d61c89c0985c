package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

const (
	manyMods = 100_000
	fewMods  = 1_000
	// logGrowth is by how much more a logarithm grows from few to many.
	logGrowth = 5.0 / 3

	counts     = "counts/s"
	catalogFew = "catalog-of-1000"
)

// catalogServers are the servers of a catalogue, by subject.
func catalogServers(subject string) (mods int, floor, ok bool) {
	switch subject {
	case "catalog":
		return manyMods, false, true
	case "catalog-floor":
		return manyMods, true, true
	case catalogFew:
		return fewMods, false, true
	}
	return 0, false, false
}

// catalog is the catalogue alone, with its own listener and database.
func (b *bench) catalog(ctx context.Context, mods int, floor bool, address string) (*exec.Cmd, error) {
	path, err := b.program(ctx, "catalog", "./bench/catalog")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, fmt.Sprint("catalog-data-", mods))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if out, err := exec.CommandContext(ctx, path, "-fill", strconv.Itoa(mods), dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("fill the catalogue: %w\n%s", err, out)
		}
	}
	return exec.Command(path, "-mods", strconv.Itoa(mods), "-floor="+strconv.FormatBool(floor), address, dir), nil
}

// catalogCell asks for several addresses in turn.
func catalogCell(name, about string, rate float64, addresses []string) cell {
	return cell{
		name: name, about: about, subjects: []string{"floor", "few", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			server := map[string]string{"daemon": "catalog", "floor": "catalog-floor", "few": catalogFew}[subject]
			s, err := loaded(ctx, b, server, func(p *process) (loadResult, error) { return b.wrkEach(ctx, 32, p.url, addresses) })
			return keep(s, err, perSecond, p99, perRequest)
		},
		goals: []goal{
			least(perSecond, "", rate), most(p99, "", 20),
			{Metric: perRequest, Peer: "few", AtMost: true, Target: logGrowth, Comment: "1 000 mods; as log n grows"},
			least(perSecond, "floor", 0.3),
		},
	}
}

func catalogList() cell {
	var addresses []string
	for i, sort := range []string{"iDOWNLOADS", "NAME", "iDATE_UPDATE", "SIZE", "iDATE_REQUEST", "DATE_CREATION"} {
		for page := range 5 {
			addresses = append(addresses, fmt.Sprintf("/list/mods/?games=%%5B%d%%5D&tags=%%5B%d%%5D&dependencies=true&sort=%s&page=%d",
				294_100+(i+page)%20, 1+(i*5+page)%7, sort, page%2))
		}
	}
	return catalogCell("catalog-list", "a list of mods, filtered by game and tag and sorted, of 100 000; 32 connections, wrk", 1000, addresses)
}

func catalogCondition() cell {
	var addresses []string
	for i := range 20 {
		ids := make([]string, 50)
		for k := range ids {
			ids[k] = strconv.Itoa(1000 + (i*50+k*7)%fewMods)
		}
		addresses = append(addresses, "/condition/mod/%5B"+strings.Join(ids, "%2C")+"%5D")
	}
	return catalogCell("catalog-condition", "the state of 50 mods of 100 000; 32 connections, wrk", 8000, addresses)
}

// wrkEach is wrk with several addresses in turn.
func (b *bench) wrkEach(ctx context.Context, conns int, url string, addresses []string) (loadResult, error) {
	var script strings.Builder
	script.WriteString("local paths = {\n")
	for _, a := range addresses {
		fmt.Fprintf(&script, "%q,\n", a)
	}
	script.WriteString("}\nlocal i = 0\nrequest = function()\n  i = i % #paths + 1\n  return wrk.format(nil, paths[i])\nend\n")
	file := filepath.Join(b.dir, "addresses.lua")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		return loadResult{}, err
	}
	return b.wrk(ctx, conns, url, "-s", file)
}

// catalogCount counts downloads, at 32 callers; the figure holds once all are
// in the database.
func catalogCount() cell {
	return cell{
		name: "catalog-count", about: "32 callers count downloads until all are in the database; a bare loop commits each",
		subjects: []string{"floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			dir, err := os.MkdirTemp(b.dir, "count-")
			if err != nil {
				return sample{}, err
			}
			if subject == "daemon" {
				return countThrough(ctx, b.settings.duration, dir)
			}
			if _, err := b.store(ctx, "daemon"); err != nil { // see store
				return sample{}, err
			}
			return countBare(ctx, b.settings.duration, dir)
		},
		goals: []goal{least(counts, "floor", 10)},
	}
}

// count calls one in 32 goroutines for a while, then all.
func count(ctx context.Context, d time.Duration, one func() error, all func() error) (sample, error) {
	before, err := ownCPU()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	var n, failed atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for time.Since(start) < d && ctx.Err() == nil {
				if one() != nil {
					failed.Add(1)
				} else {
					n.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if err := all(); err != nil {
		return sample{}, err
	}
	took := time.Since(start).Seconds()
	after, err := ownCPU()
	return sample{Values: map[string]float64{counts: float64(n.Load()) / took}, Errors: int(failed.Load()), CPU: after - before}, err
}

// noMods is a library without mods.
type noMods struct{ catalog.Library }

func (noMods) Each(func(int64, catalog.Stock)) {}

func (noMods) Stock(int64) catalog.Stock { return catalog.Stock{} }

func (noMods) Details(int64) (catalog.Details, bool) { return catalog.Details{App: 4920}, true }

func countThrough(ctx context.Context, d time.Duration, dir string) (_ sample, err error) {
	store, err := db.Open(ctx, db.Options{Dir: dir})
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s, err := catalog.New(catalog.Options{Config: config.Default().Workshop.Catalog, DB: store, Library: noMods{}})
	if err != nil {
		return sample{}, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.Run(running) }()
	var next atomic.Int64
	return count(ctx, d, func() error {
		s.Delivered(1+next.Add(1)%1000, "ns2")
		return nil
	}, func() error { stop(); return <-done }) // Run writes what is left
}

func countBare(ctx context.Context, d time.Duration, dir string) (_ sample, err error) {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "bare.db")+
		"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	if _, err := pool.ExecContext(ctx, "CREATE TABLE counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT"); err != nil {
		return sample{}, err
	}
	var next atomic.Int64
	return count(ctx, d, func() error {
		_, err := pool.ExecContext(ctx, "INSERT INTO counter (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1", next.Add(1)%1000)
		return err
	}, func() error { return nil })
}
