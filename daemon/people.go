package daemon

import (
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/mail"
	"github.com/quartermasterd/quartermaster/daemon/steam/openid"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// newMail returns the queue of mails over this state.
func (s *State) newMail() (*mail.Queue, error) {
	c := s.Loaded.Config
	return mail.New(mail.Options{
		DB: s.DB, Log: s.Log, URL: c.Mail.URL, Outbox: c.Mail.OutboxDir(s.Loaded.DataDir), From: c.Mail.From,
		Site: c.Mail.SiteName, Subject: c.Mail.Subject, SiteURL: c.HTTP.PublicURL,
	})
}

// newAccounts returns the accounts over this state.
func (s *State) newAccounts() *accounts.Service {
	c := s.Loaded.Config
	o := accounts.Options{
		DB: s.DB, Log: s.Log, Limits: c.Limits, DataDir: s.Loaded.DataDir, PublicURL: c.HTTP.PublicURL, Demos: c.Demos.Enabled,
		Mail: s.Mail, AutoVerify: c.Metaserver.AutoVerify, MailRenew: c.Metaserver.MailTokenRenew.Std(),
		UnverifiedFor: c.Metaserver.UnverifiedFor.Std(),
		BlocklistFile: c.Metaserver.EmailBlocklist, BlocklistURL: c.Metaserver.EmailBlocklistURL,
		Metaserver: c.Metaserver.Enabled,
	}
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
