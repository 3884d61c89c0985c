package db

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	lookEvery       = time.Minute
	checkpointEvery = time.Hour
	optimizeEvery   = 24 * time.Hour
	walTooLong      = 64 << 20
)

// Run keeps the database in order until ctx ends: it moves the write-ahead
// log into the database and shortens it every hour, or when it has grown
// long, refreshes the statistics of the query planner every day, and looks
// through a large database once after a stop without Close. It returns nil
// when ctx ends. PostgreSQL looks after itself.
func (d *DB) Run(ctx context.Context) error {
	if d.kind == Postgres {
		<-ctx.Done()
		return nil
	}
	if d.unclean {
		d.checkBeside(ctx)
	}
	now := d.now()
	u := upkeep{checkpointed: now, optimized: now}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := d.maintain(ctx, &u); err != nil && ctx.Err() == nil {
				d.log.Warn("upkeep of the database failed; it is tried again", "err", err)
			}
		}
	}
}

// upkeep is when each kind of work was last done.
type upkeep struct{ checkpointed, optimized time.Time }

// maintain does what is due.
func (d *DB) maintain(ctx context.Context, u *upkeep) error {
	now := d.now()
	var err error
	if now.Sub(u.checkpointed) >= checkpointEvery || d.walSize() > walTooLong {
		u.checkpointed = now
		err = d.checkpoint(ctx)
	}
	if now.Sub(u.optimized) >= optimizeEvery {
		u.optimized = now
		err = errors.Join(err, d.aside(func(pool *sql.DB) error {
			_, err := pool.ExecContext(ctx, "PRAGMA optimize")
			return err
		}))
	}
	return mapError(err)
}

// walSize returns 0 when the log cannot be seen; the hourly round comes
// anyway.
func (d *DB) walSize() int64 {
	info, err := os.Stat(d.Path() + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// checkpoint empties the write-ahead log. It gives way quickly: while it
// waits for readers, writers wait for it.
func (d *DB) checkpoint(ctx context.Context) error {
	return d.aside(func(pool *sql.DB) error {
		if _, err := pool.ExecContext(ctx, "PRAGMA busy_timeout = 100"); err != nil {
			return err
		}
		var busy, logged, moved int
		if err := pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved); err != nil {
			return err
		}
		d.log.Debug("write-ahead log moved into the database", "busy", busy != 0, "pages", logged, "moved", moved)
		return nil
	})
}

// checkBeside looks the database through while it is in use. When it is
// damaged nothing more is acknowledged.
func (d *DB) checkBeside(ctx context.Context) {
	began := time.Now()
	err := d.aside(func(pool *sql.DB) error { return quickCheck(ctx, pool) })
	damage, isFault := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		d.log.Info("database looked through after an unclean stop; it is whole", "took", time.Since(began))
	case ctx.Err() != nil:
	case isFault && damage.Hint != "":
		d.damage.Store(damage)
		d.log.Error("the database is damaged; nothing more is written to it", "err", err, "hint", damage.Hint)
	default:
		d.log.Warn("the database could not be looked through after an unclean stop", "err", err)
	}
}
