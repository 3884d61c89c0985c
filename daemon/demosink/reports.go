package demosink

import (
	"context"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// ErrTarget: there is no such Steam account.
var ErrTarget = fault.New(fault.Forbidden, "Unknown target_steam_id!")

const (
	personFor  = time.Second // a reporting client waits
	checkEvery = time.Minute
	checkSince = 24 * time.Hour
	checkBatch = 20
)

// Report notes what a player says of another in his own session, which is
// active or ended just now; it replaces what he said before. When Steam does
// not answer at once whether the target exists, it is asked later.
func (s *Service) Report(ctx context.Context, c Caller, session string, target steam.ID, reason Reason) error {
	if !target.Person() || target.Instance() != steam.InstanceDesktop { // the others are nobody's in a game
		return ErrTarget
	}
	exists, err := s.steam.person(ctx, target, personFor)
	if err == nil && !exists {
		return ErrTarget
	}
	checked := err == nil
	if !SessionID(session).Valid() {
		return errUnknownSession(session)
	}
	sess, err := s.store.session(ctx, SessionID(session))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	now := s.clock.Now()
	recent := sess.Active || now.Before(sess.EndAt.Add(recentFor))
	if err != nil || sess.Account != c.Account || !recent {
		return errUnknownSession(session)
	}
	return s.store.putReport(ctx, Report{
		Session: sess.ID, Target: target, Reason: reason, Account: c.Account, Checked: checked, CreatedAt: now,
	})
}

// person reports whether a Steam account exists. Only those that do are
// remembered.
func (c *steamCache) person(ctx context.Context, id steam.ID, within time.Duration) (bool, error) {
	if exists, ok := c.persons.get(uint64(id)); ok {
		return exists, nil
	}
	var exists bool
	err := c.ask(ctx, within, func(ctx context.Context, v Verifier) (err error) {
		exists, _, err = v.Person(ctx, id)
		return err
	})
	if err == nil && exists {
		c.persons.put(uint64(id), true, keepPerson)
	}
	return exists, err
}

// runChecks asks Steam about reported accounts that it could not be asked
// about at once.
func (s *Service) runChecks(ctx context.Context) {
	for s.options.Steam != nil {
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(checkEvery):
		}
		if err := s.checkReports(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("reported accounts could not be checked", slog.Any("error", err))
		}
	}
}

func (s *Service) checkReports(ctx context.Context) error {
	ids, err := s.store.unchecked(ctx, s.clock.Now().Add(-checkSince), checkBatch)
	if err != nil {
		return err
	}
	for _, id := range ids {
		exists, err := s.steam.person(ctx, id, steamFor)
		if err != nil {
			return err
		}
		if err := s.store.targetChecked(ctx, id, exists); err != nil {
			return err
		}
	}
	return nil
}
