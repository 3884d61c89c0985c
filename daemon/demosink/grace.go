package demosink

import (
	"context"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// graceCheck is how often the grace timers are looked at when none is due.
const graceCheck = time.Minute

// rewake makes runGrace look for the next timer.
func (s *Service) rewake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// runGrace closes sessions whose player did not come back in time.
func (s *Service) runGrace(ctx context.Context) {
	for {
		now := s.clock.Now()
		ids, accounts, next, err := s.store.due(ctx, s.spool.owner, now)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("the grace timers could not be read", slog.Any("error", err))
		}
		for i, id := range ids {
			s.expire(ctx, accounts[i], id)
		}
		wait := graceCheck
		if !next.IsZero() {
			wait = min(wait, next.Sub(now))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-s.clock.After(wait):
			s.unstick(ctx)
		}
	}
}

// expire closes a session whose time is over, unless its player is back.
func (s *Service) expire(ctx context.Context, account int64, id SessionID) {
	p := s.players.enter(account)
	defer p.leave()
	sess, err := s.store.session(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return
	}
	if err == nil && (!sess.Active || p.live != nil || sess.GraceUntil.IsZero() || sess.GraceUntil.After(s.clock.Now())) {
		return
	}
	if err == nil {
		_, err = s.closeLocked(ctx, p, sess)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("a recording whose player left could not be closed; it is tried again", slog.String("session", string(id)), slog.Any("error", err))
	}
}

// unstick starts the grace timer of sessions whose row says that a connection
// is attached while none is: its end could not be written.
func (s *Service) unstick(ctx context.Context) {
	all, err := s.store.open(ctx, s.spool.owner)
	if err != nil {
		return // runGrace says so
	}
	for _, sess := range all {
		p := s.players.enter(sess.Account)
		if p.live == nil {
			if err := s.store.recovered(ctx, sess.ID, s.graceEnd()); err != nil && !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
				s.log.Warn("a recording could not be released", slog.String("session", string(sess.ID)), slog.Any("error", err))
			}
		}
		p.leave()
	}
}

// Sessions that never brought anything are forgotten after a while.
const (
	emptyCheck = time.Hour
	emptyFor   = 30 * 24 * time.Hour
)

// runEmpty forgets sessions that never brought anything.
func (s *Service) runEmpty(ctx context.Context) {
	for {
		if _, err := s.store.deleteEmpty(ctx, s.clock.Now().Add(-emptyFor)); err != nil && ctx.Err() == nil {
			s.log.Warn("empty recordings could not be forgotten", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(emptyCheck):
		}
	}
}
