package serverlist

import (
	"context"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// severalAtOnce is how many numbers one statement asks for; shorter lists are
// filled up, so that there are few statements to keep prepared.
const severalAtOnce = 64

// Several returns the servers with these numbers in no order, deleted ones
// too, whose matches are remembered. Unknown numbers are left out.
func (s *Service) Several(ctx context.Context, ids []int64) ([]Server, error) {
	var all []Server
	for some := range slices.Chunk(ids, severalAtOnce) {
		args := make([]any, severalAtOnce)
		for i := range args {
			args[i] = some[min(i, len(some)-1)]
		}
		found, err := s.store.query(ctx, "id IN ("+db.In(1, severalAtOnce)+")", args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
