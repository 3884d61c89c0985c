package serverlist

import (
	"context"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const (
	pollEvery   = 2 * time.Second // for what other processes changed
	pollOverlap = 5 * time.Second
	clocksApart = 30 * time.Second // more than clocks of machines differ
	loadEvery   = time.Minute
	recordEvery = time.Minute
)

// Load reads the list from the database. It is called before requests are
// served.
func (s *Service) Load(ctx context.Context) error {
	rows, err := s.store.changed(ctx, s.now().Add(-s.options.Window-loadEvery))
	if err != nil {
		return err
	}
	s.board.load(rows)
	return nil
}

// Refresh shows at once what was changed elsewhere.
func (s *Service) Refresh(ctx context.Context) error {
	s.mu.Lock()
	clear(s.known)
	s.mu.Unlock()
	return s.poll(ctx)
}

// poll shows what other processes changed.
func (s *Service) poll(ctx context.Context) error {
	overlap := pollOverlap
	if s.store.db.Kind() == db.Postgres {
		overlap = clocksApart
	}
	rows, err := s.store.changed(ctx, s.now().Add(-overlap))
	if err != nil {
		return err
	}
	s.board.put(rows...)
	for i := range rows {
		if rows[i].State == StateClosed || rows[i].State == StateDeleted {
			s.forget(rows[i].ID)
		}
	}
	return nil
}

// Run follows what other processes change and keeps the totals, until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var loaded, recorded time.Time
	for {
		begun := time.Now()
		step, do := "servers that other processes changed could not be read", s.poll
		if begun.Sub(loaded) >= loadEvery {
			do, loaded = s.Load, begun
		}
		s.try(ctx, step, do)
		if begun.Sub(recorded) >= recordEvery {
			recorded = begun
			s.try(ctx, "the totals of the server list could not be stored", s.record)
		}
		s.publish()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// try does a step of Run, which is done again soon.
func (s *Service) try(ctx context.Context, problem string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn(problem, slog.Any("error", err))
	}
}

// publish tells open pages when the totals have changed.
func (s *Service) publish() {
	if s.options.Hub == nil {
		return
	}
	if t := s.Totals(); t != s.published {
		s.published = t
		s.options.Hub.Publish(web.Event{Topic: "serverlist.totals", Data: totalsView(t)})
	}
}
