package metaserver

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

// newMatches wires matches, ratings and leaderboards.
func (s *Service) newMatches() (*matches.Service, error) {
	return matches.New(matches.Options{
		Config: s.config, DB: s.options.DB, Log: s.options.Log, Now: s.now, Audit: s.options.Audit,
		Players: s.players,
	})
}

// players tells matches who the accounts among ids are.
func (s *Service) players(ctx context.Context, ids []int64) (map[int64]matches.Player, error) {
	persons, err := s.accounts.Persons(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]matches.Player, len(persons))
	for _, p := range persons {
		if p.Name == "" {
			continue // nothing but the number is left of it
		}
		found[p.ID] = matches.Player{Name: p.Name, Verified: !p.Verified.IsZero(), Closed: !p.Closed.IsZero()}
	}
	return found, nil
}
