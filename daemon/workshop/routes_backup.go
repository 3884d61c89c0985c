package workshop

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

type backupServersInput struct{ caller }

type backupServersOutput struct {
	Body struct {
		Servers []string `json:"mod_backup_servers" doc:"Addresses that game clients can reach over plain HTTP."`
		Before  bool     `json:"mod_backup_before_steam" doc:"false: asked only after Steam failed."`
		Hint    string   `json:"hint,omitempty" doc:"What to check before the lines are used, for people. Only if the address may not work for players."`
	}
}

func (s *Service) getBackupServers(_ context.Context, in *backupServersInput) (*backupServersOutput, error) {
	out := &backupServersOutput{}
	base, hint := s.backupServer(in.base, outwardAddr)
	out.Body.Servers, out.Body.Hint = []string{base + s.face.mount}, hint
	return out, nil
}

// backupServer is the address that game clients are to use: they need plain
// HTTP, while the caller may have come over TLS, and they are elsewhere, while
// the caller may sit at this machine. outward finds the machine's own address.
func (s *Service) backupServer(base string, outward func() (netip.Addr, bool)) (address, hint string) {
	if s.options.PublicURL != "" {
		return strings.TrimRight(s.options.PublicURL, "/"), ""
	}
	u, err := url.Parse(base)
	if err != nil {
		return base, ""
	}
	host, port := u.Hostname(), s.options.ListenPort
	if u.Scheme == "http" || port == 0 {
		port, _ = strconv.Atoi(u.Port()) // none: 0
	}
	switch {
	case !onlyHere(host):
	case onlyHere(s.options.ListenHost):
		return base, "only this machine can reach this address, and http.listen admits nobody else"
	case s.options.ListenHost != "":
		host = s.options.ListenHost
		hint = publicHint
	default:
		hint = publicHint
		a, ok := outward()
		if !ok {
			return base, hint
		}
		host = a.String()
	}
	if port == 0 {
		return "http://" + bracketed(host), hint
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)), hint
}

const publicHint = "players elsewhere need the public address or the name of this machine: set http.public_url"

// onlyHere reports whether a host means the machine itself.
func onlyHere(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// outwardAddr is the address with which this machine would speak to the
// internet: that of its network. A connected UDP socket asks the routing table
// and sends nothing.
func outwardAddr() (netip.Addr, bool) {
	for _, documentation := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // RFC 5737, RFC 3849
		c, err := net.Dial("udp", documentation)
		if err != nil {
			continue // no route
		}
		local, ok := c.LocalAddr().(*net.UDPAddr)
		_ = c.Close() // nothing was sent
		if ok {
			if a := local.AddrPort().Addr().Unmap(); a.IsGlobalUnicast() {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}
