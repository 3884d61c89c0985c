package db

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"
)

// A lease on SQLite outlives a killed owner by this long at most, and not at
// all when the next process finds itself alone.
const (
	leaseTime  = 30 * time.Second
	leaseRenew = leaseTime / 3
)

// unlockFor bounds how long a release waits for PostgreSQL.
const unlockFor = time.Second

// Lock takes the lock name if nobody holds it, in this process or another
// that uses the same database; ok is false when somebody does. release gives
// it back and may be called more than once; Close gives back what is left.
// The lock of a process that was killed ends at once on PostgreSQL; on SQLite
// after half a minute, or as soon as a process opens the database that no
// other has open. A lock keeps work from being done twice at a time
// and is no proof against it: what must never happen twice needs a row that
// says so.
func (d *DB) Lock(ctx context.Context, name string) (release func(), ok bool, err error) {
	if d.kind == Postgres {
		return d.lockPostgres(ctx, name)
	}
	return d.lockSQLite(ctx, name)
}

func (d *DB) lockPostgres(ctx context.Context, name string) (func(), bool, error) {
	h := fnv.New64a()
	h.Write([]byte("quartermaster/" + name)) // a hash does not fail
	key := int64(h.Sum64())
	conn, err := d.locks.Conn(ctx)
	if err != nil {
		return nil, false, mapError(err)
	}
	// The lock belongs to the connection and ends with it.
	drop := func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }
	var ok bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", key).Scan(&ok); err != nil || !ok {
		drop()
		return nil, false, mapError(err)
	}
	return d.holds.add(func() {
		// PostgreSQL notices the end of a connection when it gets to it; who
		// asks right after the release must find the lock free.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockFor)
		defer cancel()
		_, _ = conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", key) // without an answer, the end of the connection does it
		drop()
	}), true, nil
}

func (d *DB) lockSQLite(ctx context.Context, name string) (func(), bool, error) {
	owner := rand.Text()
	var ok bool
	err := d.Write(ctx, func(tx *Tx) error {
		over := Micros(tx.Now)
		if !d.alone.IsZero() { // renewed before we were alone: its owner is gone
			over = max(over, Micros(d.alone.Add(leaseTime))-1)
		}
		n, err := tx.Exec(ctx, `INSERT INTO db_lock (name, owner, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET owner = $2, until = $3 WHERE db_lock.until <= $4`,
			name, owner, Micros(tx.Now.Add(leaseTime)), over)
		ok = n == 1
		return err
	})
	if err != nil || !ok {
		return nil, false, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.holdLease(ctx, name, owner)
	}()
	return d.holds.add(func() {
		cancel()
		<-ended
	}), true, nil
}

// holds are the locks this process has, so that Close can give them back.
type holds struct {
	mu      sync.Mutex
	next    int
	release map[int]func()
}

// add returns release in a form that runs once and is forgotten then.
func (h *holds) add(release func()) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.release == nil {
		h.release = make(map[int]func())
	}
	key := h.next
	h.next++
	once := sync.OnceFunc(func() {
		release()
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.release, key)
	})
	h.release[key] = once
	return once
}

func (h *holds) releaseAll() {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.release))
	h.mu.Unlock()
	for _, release := range all {
		release()
	}
}

// holdLease renews the lease until ctx ends, then gives it back.
func (d *DB) holdLease(ctx context.Context, name, owner string) {
	tick := time.NewTicker(leaseRenew)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			err := d.Write(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, "UPDATE db_lock SET until = $1 WHERE name = $2 AND owner = $3",
					Micros(tx.Now.Add(leaseTime)), name, owner)
				return err
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				d.log.Warn("a lock could not be renewed", "lock", name, "err", err)
			}
		case <-ctx.Done():
			ctx := context.WithoutCancel(ctx)
			err := d.Write(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, "DELETE FROM db_lock WHERE name = $1 AND owner = $2", name, owner)
				return err
			})
			if err != nil {
				d.log.Warn("a lock could not be given back; it runs out by itself", "lock", name, "err", err)
			}
			return
		case <-d.closed:
			return // taken while the database was being closed; it runs out
		}
	}
}
