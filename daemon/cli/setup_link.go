package cli

import (
	"cmp"
	"context"
	"net"
	"net/netip"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
)

// SetupLinkCmd prints a new first-run link.
type SetupLinkCmd struct{}

// Run prints the link alone. Links made before stop working.
func (SetupLinkCmd) Run(s *session) error {
	loaded, err := s.load()
	if err != nil {
		return err
	}
	return s.withAccounts(func(ctx context.Context, service *accounts.Service) error {
		base := loaded.Config.HTTP.PublicURL
		if base == "" {
			base = cmp.Or(service.LastSetupBase(), pageURL(loaded.Config.HTTP))
		}
		link, err := service.SetupLink(ctx, base)
		if err != nil {
			return err
		}
		return s.print(map[string]string{"link": link}, func() { s.printf("%s", link) })
	})
}

// pageURL is where the page is to be had according to the configuration: this
// machine, on the first address that is listened on.
func pageURL(c config.HTTP) string {
	if len(c.Listen) == 0 {
		return ""
	}
	host, port, err := net.SplitHostPort(c.Listen[0])
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
	}
	return "http://" + net.JoinHostPort(cmp.Or(host, "localhost"), port)
}
