package peers

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

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// errInward is returned when a peer's name or a redirect of his leads to an
// address that is not on the public internet.
var errInward = fmt.Errorf("the peer leads to an address inside: %w", webapi.ErrBlocked)

// localNames end the names that stand for machines of one's own network: RFC
// 6761, RFC 6762, RFC 8375, and what routers hand out.
var localNames = []string{".localhost", ".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet"}

// isLocal reports whether the operator himself named a host of his own
// network: an address that is not public, or a name that only such a network
// knows.
func isLocal(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !webapi.Public(a)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true
	}
	for _, end := range localNames {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return false
}

// admits reports whether a peer of this host may be at the address a. It is
// asked at the moment of the connection, with the address that is connected
// to, so that a name which changes its mind gets nowhere.
func admits(host string, a netip.Addr) bool {
	if webapi.Public(a) {
		return true
	}
	if !isLocal(host) {
		return false
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		return literal.Unmap() == a.Unmap()
	}
	a = a.Unmap() // what serves the metadata of cloud machines is link-local
	return a.IsLoopback() || a.IsPrivate()
}

// newClient returns the HTTP client for one peer. It uses no proxy, since a
// proxy would connect to addresses that were not checked, and follows
// redirects to the same host only.
func newClient(host string, connect, header time.Duration) *http.Client {
	dialer := net.Dialer{Timeout: connect, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !admits(host, at.Addr()) {
			return fmt.Errorf("%s: %w", address, errInward)
		}
		return nil
	}}
	return &http.Client{
		CheckRedirect: sameHost,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connect,
			ResponseHeaderTimeout:  header,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // what is asked for is a file of a stated length
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        time.Minute,
		},
	}
}

var errRedirect = errors.New("the peer redirects to another host")

// sameHost follows up to three redirects within the host, also from http to
// https.
func sameHost(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1].URL
	secured := last.Scheme == "http" && req.URL.Scheme == "https" && req.URL.Hostname() == last.Hostname() && req.URL.Port() == ""
	switch {
	case len(via) > 3:
		return errors.New("too many redirects")
	case req.URL.Scheme == last.Scheme && req.URL.Host == last.Host, secured:
		return nil
	}
	return errRedirect
}

// baseOf returns the address of a peer without its last slashes.
func baseOf(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}
