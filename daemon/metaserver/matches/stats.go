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

// ranksFor bounds on how many servers the rank of one player is counted.
const ranksFor = 20

// places returns the place of an account on each server, of how many, and the
// servers. Where he was last has ranks; on other servers only the counters.
func (s *Service) places(ctx context.Context, account int64) (places []Place, of, servers []int64, err error) {
	all, err := s.Everywhere(ctx, account)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, st := range all {
		p, n := Place{Stats: st}, int64(0)
		if i < ranksFor {
			if p, n, err = s.PlaceOf(ctx, st.Server, account); err != nil {
				return nil, nil, nil, err
			}
		}
		places, of, servers = append(places, p), append(of, n), append(servers, st.Server)
	}
	return places, of, servers, nil
}
