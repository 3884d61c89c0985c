package matches

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Stats returns what accounts did on a server, by account; those who never
// played there are left out.
func (s *Service) Stats(ctx context.Context, server int64, accounts []int64) (all []Stats, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		found, err := statsOn(ctx, tx, server, sorted(accounts))
		all = slices.SortedFunc(maps.Values(found), func(a, b Stats) int { return cmp.Compare(a.Account, b.Account) })
		return err
	})
	return all, err
}

// maxServers bounds the statistics of one player.
const maxServers = 500

// Everywhere returns what an account did on each server, where it was last
// first, at most 500.
func (s *Service) Everywhere(ctx context.Context, account int64) (all []Stats, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		all, err = everywhere(ctx, tx, account, maxServers)
		return err
	})
	return all, err
}

// Hide takes an account out of the leaderboards, or puts it back, within the
// transaction that closes or opens it.
func (s *Service) Hide(ctx context.Context, tx *db.Tx, account int64, hidden bool) error {
	return hide(ctx, tx, account, hidden)
}
