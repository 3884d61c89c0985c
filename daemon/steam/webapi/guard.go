package webapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Guard keeps requests whose address came from outside (the file_url of an
// item, a redirect) away from this machine and its network. The address is
// checked after the name was resolved, at the moment of the connection, so
// neither a name that points inward nor one that changes its mind gets
// through. Hosts that the operator himself configured are exempt: a mirror
// on the local network is his to use. A Guard never uses a proxy, since a
// proxy would connect to addresses that were not checked. It is immutable
// and safe for concurrent use.
type Guard struct {
	exempt map[string]bool // lower-case host names or literal addresses
}

// NewGuard returns a Guard that exempts the hosts of the given URLs, on any
// port. A text that is no URL with a host exempts nothing.
func NewGuard(urls ...string) *Guard {
	g := &Guard{exempt: map[string]bool{}}
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			g.exempt[strings.ToLower(u.Hostname())] = true
		}
	}
	return g
}

// Transfer shapes the HTTP client of a Guard.
type Transfer struct {
	Connect time.Duration // bound on the connection and on the TLS handshake
	Header  time.Duration // bound on the wait for an answer's header
	// Decompress asks for compressed answers and unpacks them. Leave it off
	// for files, whose length matters.
	Decompress bool
}

// Client returns an HTTP client behind the guard. It has no total time
// limit; bound requests by their context. Blocked addresses fail with
// ErrBlocked.
func (g *Guard) Client(t Transfer) *http.Client {
	return &http.Client{
		CheckRedirect: g.checkRedirect,
		Transport: &http.Transport{
			DialContext:            g.dialer(t.Connect),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    t.Connect,
			ResponseHeaderTimeout:  t.Header,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     !t.Decompress,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
		},
	}
}

func (g *Guard) dialer(timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: timeout}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if !g.exempt[strings.ToLower(host)] {
			if a, err := netip.ParseAddr(host); err == nil && !Public(a) {
				return nil, fmt.Errorf("%s: %w", address, ErrBlocked)
			}
			d.Control = refuseInward
		}
		return d.DialContext(ctx, network, address)
	}
}

// refuseInward is a net.Dialer.Control: it sees the resolved address.
func refuseInward(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return fmt.Errorf("%s: %w", address, ErrBlocked)
	}
	return nil
}

// checkRedirect follows at most three redirects, never away from https, and
// never to another port of an exempt host: the exemption is for addresses
// that Steam or the operator named, not for whatever they point to.
func (g *Guard) checkRedirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1].URL
	switch {
	case len(via) > 3:
		return errors.New("too many redirects")
	case req.URL.Scheme != "http" && req.URL.Scheme != "https",
		last.Scheme == "https" && req.URL.Scheme == "http":
		return errors.New("redirected to a weaker protocol")
	case req.URL.Host != last.Host && g.exempt[strings.ToLower(req.URL.Hostname())]:
		return fmt.Errorf("redirected to %s: %w", req.URL.Host, ErrBlocked)
	}
	return nil
}

// inward lists networks that are not on the public internet and that
// netip.Addr has no method for (IANA special-purpose address registries).
var inward = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), // Teredo and other protocol assignments
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4: an IPv4 address inside
	netip.MustParsePrefix("3fff::/20"),
}

var (
	nat64    = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: an IPv4 address behind a translator
	globalV6 = netip.MustParsePrefix("2000::/3")
)

// Public reports whether a is an ordinary address on the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !globalV6.Contains(a) {
		return false
	}
	for _, p := range inward {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
