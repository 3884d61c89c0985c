package metaserver

import "github.com/quartermasterd/quartermaster/daemon/accounts"

// Parts are what the metaserver keeps of people, for exports and for the
// deletion of accounts.
func (s *Service) Parts() []accounts.Part {
	return []accounts.Part{
		{Name: "clans", Export: s.clans.Export, Leave: s.clans.Depart},
		{Name: "matches", Export: s.matches.Export},
		{Name: "servers", Export: s.servers.Export, Leave: s.servers.DeleteOwned},
	}
}
