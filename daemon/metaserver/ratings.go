package metaserver

import (
	"context"
	"net/url"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
)

// newMatches wires matches, ratings and leaderboards.
func (s *Service) newMatches() (*matches.Service, error) {
	o := s.options
	return matches.New(matches.Options{
		Config: s.config, DB: o.DB, Log: o.Log, Now: s.now, Audit: o.Audit, Players: s.players, Servers: s.serversByID, Demos: o.Demos,
	})
}

// Matches returns matches, ratings and leaderboards, for commands and for what
// else runs with them.
func (s *Service) Matches() *matches.Service { return s.matches }

// players tells matches who the accounts among ids are.
func (s *Service) players(ctx context.Context, ids []int64) (map[int64]matches.Player, error) {
	persons, err := s.accounts.Persons(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]matches.Player, len(persons))
	for _, p := range persons {
		if !p.Deleted() {
			found[p.ID] = matches.Player{Name: p.Name, Verified: !p.Verified.IsZero(), Closed: !p.Closed.IsZero()}
		}
	}
	return found, nil
}

// serversByID tells matches about game servers.
func (s *Service) serversByID(ctx context.Context, ids []int64) (map[int64]matches.Server, error) {
	servers, err := s.servers.Several(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]matches.Server, len(servers))
	for i := range servers {
		host, port := servers[i].Public()
		if strings.Contains(host, "://") {
			if u, err := url.Parse(host); err == nil {
				host = u.Hostname()
			}
		}
		found[servers[i].ID] = matches.Server{Name: servers[i].Name, Host: host, Port: port, Map: servers[i].Map}
	}
	return found, nil
}
