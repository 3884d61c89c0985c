package daemon

import (
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// newAccounts returns the accounts over this state.
func (s *State) newAccounts() *accounts.Service {
	c := s.Loaded.Config
	o := accounts.Options{DB: s.DB, Log: s.Log, Limits: c.Limits, DataDir: s.Loaded.DataDir, PublicURL: c.HTTP.PublicURL, Demos: c.Demos.Enabled}
	if c.Accounts.SteamSignIn {
		o.OpenID = &openid.Client{Endpoint: strings.TrimRight(c.Steam.CommunityURL, "/") + "/openid/login"}
	}
	if c.Steam.APIKey != "" {
		// A client of its own: what goes wrong with mods holds nobody back
		// who signs in. The calls of a day are counted together.
		o.People = webapi.New(webapi.Options{
			BaseURL: c.Steam.APIURL, Key: c.Steam.APIKey, UserAgent: "quartermaster/" + s.Version,
			Budget: workshop.NewBudget(s.DB, c.Steam.DailyLimit),
		})
	}
	return accounts.New(o)
}
