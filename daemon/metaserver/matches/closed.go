package matches

import (
	"context"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// reopenEvery is how often Run looks for accounts that are open again.
const reopenEvery = 10 * time.Minute

// Run puts players back into the leaderboards whose accounts are open again,
// until ctx ends. It returns nil.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(reopenEvery)
	defer tick.Stop()
	for {
		if err := s.Reopen(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("players whose accounts are open again could not be put back into the leaderboards", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Reopen puts players back into the leaderboards whose accounts are open
// again, as Run does from time to time.
func (s *Service) Reopen(ctx context.Context) error {
	for after := int64(0); ; {
		var some []int64
		err := s.store.db.Read(ctx, func(tx *db.Tx) (err error) {
			some, err = hidden(ctx, tx, after, maxIn)
			return err
		})
		if err != nil || len(some) == 0 {
			return err
		}
		after = some[len(some)-1]
		closed, err := s.closed(ctx, some)
		if err != nil {
			return err
		}
		if err := s.hide(ctx, without(some, closed), false); err != nil {
			return err
		}
	}
}

// without returns the ids that are not in others; both are sorted.
func without(ids, others []int64) (rest []int64) {
	for _, id := range ids {
		for len(others) > 0 && others[0] < id {
			others = others[1:]
		}
		if len(others) == 0 || others[0] != id {
			rest = append(rest, id)
		}
	}
	return rest
}

// closed returns which of the accounts are closed or gone, sorted.
func (s *Service) closed(ctx context.Context, accounts []int64) (closed []int64, err error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	known, err := s.options.Players(ctx, accounts)
	for _, id := range sorted(accounts) {
		if p, ok := known[id]; !ok || p.Closed {
			closed = append(closed, id)
		}
	}
	return closed, err
}

// hide takes accounts out of the leaderboards, or puts them back.
func (s *Service) hide(ctx context.Context, accounts []int64, hidden bool) error {
	if len(accounts) == 0 {
		return nil
	}
	done, err := s.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	defer s.Forget()
	return s.store.db.Write(ctx, func(tx *db.Tx) error { return hide(ctx, tx, accounts, hidden) })
}
