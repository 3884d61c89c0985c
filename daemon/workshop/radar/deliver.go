package radar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	parallel     = 4           // messages sent at the same time
	idleEvery    = time.Minute // a look for what another process left behind
	claimFor     = time.Minute // longer than sending takes
	firstRetry   = 30 * time.Second
	giveUpAfter  = 24 * time.Hour
	writeTimeout = 10 * time.Second
	stopTimeout  = 2 * time.Second
)

// runDeliveries sends what is due.
func (s *Service) runDeliveries(ctx context.Context) {
	for {
		wait, err := s.deliver(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Error("the messages to webhooks were not read", "error", err)
		}
		select {
		case <-s.clock.After(wait):
		case <-s.due:
		case <-ctx.Done():
			return
		}
	}
}

// deliver sends what is due and returns how long there is nothing to send.
func (s *Service) deliver(ctx context.Context) (time.Duration, error) {
	for {
		list, err := s.store.claim(ctx, parallel, claimFor)
		if err != nil {
			return pollEvery, err
		}
		if len(list) == 0 {
			break
		}
		var wg sync.WaitGroup
		for _, d := range list {
			wg.Go(func() { s.deliverOne(ctx, d) })
		}
		wg.Wait()
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	at, ok, err := s.store.nextDelivery(ctx)
	if err != nil || !ok {
		return idleEvery, err
	}
	return min(max(at.Sub(s.clock.Now()), time.Second), idleEvery), nil
}

// deliverOne sends one message and writes down what came of it.
func (s *Service) deliverOne(ctx context.Context, d delivery) {
	v, ok := s.view(d.server)
	if ok && v.webhook == "" { // taken away meanwhile
		s.ended(ctx, d, nil, false)
		return
	}
	now := s.clock.Now()
	if now.Sub(d.createdAt) > giveUpAfter {
		s.ended(ctx, d, fault.New(fault.Unavailable, "given up after a day"), true)
		s.metrics.webhooks.WithLabelValues("given_up").Inc()
		return
	}
	if !ok { // a server of another process
		s.later(ctx, d, nil, time.Minute)
		return
	}
	err := s.hooks.send(ctx, v.webhook, v.secret, d.message(now))
	switch {
	case ctx.Err() != nil && err != nil:
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := s.store.release(final, []string{d.id}); err != nil {
			s.log.Warn("a message to a webhook is sent again only after a minute", "server", d.server, "error", err)
		}
	case err == nil:
		s.metrics.webhooks.WithLabelValues("arrived").Inc()
		s.ended(context.WithoutCancel(ctx), d, nil, true)
	default:
		s.metrics.webhooks.WithLabelValues("failed").Inc()
		s.later(ctx, d, err, backoff(d.attempts, err))
	}
}

// backoff is how long to wait after a failed attempt: 30 s, doubled each time
// up to an hour, or longer if the receiver says so.
func backoff(attempts int, err error) time.Duration {
	wait := min(firstRetry<<min(attempts, 10), maxRetryWait)
	if e, ok := errors.AsType[*fault.Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	return wait
}

// ended takes a message off the list. With attempted, err says how it went.
func (s *Service) ended(ctx context.Context, d delivery, err error, attempted bool) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	st, failed := s.store.change(ctx, d.server, func(tx *db.Tx, st *state) error {
		if _, e := endDelivery(ctx, tx, d.id); e != nil {
			return e
		}
		if st.Revision == 0 {
			return errVanished
		}
		if attempted && err == nil {
			st.DeliveredAt, st.FailingSince, st.Error = tx.Now.UnixMicro(), 0, ""
		}
		if err != nil {
			st.noteFailure(tx, fmt.Sprintf("%s; %s", fault.Public(err), st.Error))
		}
		return nil
	})
	s.wrote(d, st, failed)
	switch {
	case err != nil:
		s.log.Error("a message to a webhook was given up", "server", d.server, "id", d.id)
	case attempted && failed == nil:
		s.log.Info("a webhook was told", "server", d.server, "event", d.event, "mods", len(d.mods), "id", d.id)
	}
}

// later has a message sent again. err may be nil.
func (s *Service) later(ctx context.Context, d delivery, err error, wait time.Duration) {
	first := false
	st, failed := s.store.change(ctx, d.server, func(tx *db.Tx, st *state) error {
		attempts := d.attempts
		if err != nil {
			attempts++
		}
		if e := putOff(ctx, tx, d.id, attempts, tx.Now.Add(wait)); e != nil {
			return e
		}
		if st.Revision == 0 {
			return errVanished
		}
		if err != nil {
			first = st.FailingSince == 0
			st.noteFailure(tx, fault.Public(err))
		}
		return nil
	})
	s.wrote(d, st, failed)
	if err == nil {
		return
	}
	level := slog.LevelDebug
	if first {
		level = slog.LevelWarn
	}
	s.log.Log(ctx, level, "a webhook was not told: "+fault.Public(err), "server", d.server, "id", d.id, "retry_in", wait)
}

func (s *state) noteFailure(tx *db.Tx, text string) {
	if s.FailingSince == 0 {
		s.FailingSince = tx.Now.UnixMicro()
	}
	s.Error = text
}

// wrote takes in what was written of a server, or says that it was not.
func (s *Service) wrote(d delivery, st *state, err error) {
	switch {
	case err == nil:
		s.keepWritten(st)
	case !errors.Is(err, errVanished) && !errors.Is(err, context.Canceled):
		s.log.Error("what came of a message to a webhook was not written down", "server", d.server, "id", d.id, "error", err)
	}
}
