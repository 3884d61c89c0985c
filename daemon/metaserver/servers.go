package metaserver

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
)

// newServers wires the registered game servers and their list.
func (s *Service) newServers() (*serverlist.Service, error) {
	o, c := s.options, s.config
	return serverlist.New(serverlist.Options{
		DB: o.DB, Wire: wireServer, Log: o.Log, Now: s.now, Hub: o.Hub, Registerer: o.Registerer, Audit: o.Audit, Names: s.names,
		MaxPerUser: c.MaxServersPerUser, MaxPerIP: c.MaxServersPerIP, Window: c.OnlineWindow.Std(),
		ListUnreachable: c.ListUnreachable, ProbePrivate: c.ProbePrivate,
		Closed: func(ctx context.Context, account int64) (bool, error) {
			p, ok, err := s.accounts.Person(ctx, account)
			return ok && !p.Closed.IsZero(), err
		},
		ModURL: o.ModURL, ProbeA2S: o.ProbeA2S,
	})
}

// Servers returns the registered game servers, for commands and for what else
// runs with them.
func (s *Service) Servers() *serverlist.Service { return s.servers }

// names returns the display names of accounts.
func (s *Service) names(ctx context.Context, ids []int64) (map[int64]string, error) {
	persons, err := s.accounts.Persons(ctx, ids)
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(persons))
	for _, p := range persons {
		names[p.ID] = p.Name
	}
	return names, nil
}
