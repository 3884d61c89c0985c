package workshop

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// Load reads the index of what is stored, so that the first request finds it.
// Run does the same; Load is for who serves before Run began.
func (s *Service) Load(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.catalog.Load(ctx)
}

// Reload takes over the rules of a new configuration: apps, allow, deny,
// monitor, retention, the FastDL trees and the game servers. Verdicts made under the old rules are dropped. What
// else differs comes into force at the next start.
func (s *Service) Reload(c config.Workshop) {
	s.policy.set(c)
	s.records.forgetVerdicts()
	s.fastdl.Reload(c.FastDL)
	s.radar.Reload(c.Servers)
	for id := range s.knownItems() { // allow and deny decide what is listed
		s.restock(id)
	}
	signal(s.tidy)
}
