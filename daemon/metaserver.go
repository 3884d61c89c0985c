package daemon

import (
	"github.com/quartermasterd/quartermaster/daemon/metaserver"
)

// Metaserver returns the metaserver over this state. The function, which may
// be nil, completes the options with what only a running daemon has.
func (s *State) Metaserver(complete func(*metaserver.Options)) (*metaserver.Service, error) {
	c := s.Loaded.Config
	o := metaserver.Options{
		Config: c.Metaserver, PublicURL: c.HTTP.PublicURL, Limits: c.Limits, DB: s.DB, Accounts: s.Accounts, Log: s.Log, Audit: s.Accounts.Audit,
		NoMail: !s.Mail.Ready(),
	}
	if complete != nil {
		complete(&o)
	}
	m, err := metaserver.New(o)
	if err != nil {
		return nil, err
	}
	for _, part := range m.Parts() {
		s.Accounts.AddPart(part)
	}
	return m, nil
}
