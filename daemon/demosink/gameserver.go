package demosink

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	defaultPort = "27015" // of a Source game server
	resolveFor  = 2 * time.Second
	steamFor    = 3 * time.Second
)

// relay are the addresses of Steam Datagram Relay, which only Steam can look
// up. They stand for one server at one time.
var relay = netip.MustParsePrefix("169.254.0.0/16")

// gameServer is an address as a client sends it.
type gameServer struct {
	shown string // as it came, decoded
	text  string // to be stored
	addr  netip.AddrPort
	fake  bool // of Steam Datagram Relay
}

// known reports whether the address is one that Steam can be asked about.
func (g gameServer) known() bool { return g.addr.IsValid() && g.addr.Port() != 0 }

// parseGameServer reads an address. Some clients encode it twice. What cannot
// be understood or looked up is kept as text.
func (s *Service) parseGameServer(ctx context.Context, raw string) gameServer {
	if decoded, err := url.PathUnescape(raw); err == nil {
		raw = decoded
	}
	g := gameServer{shown: raw, text: raw, fake: strings.HasPrefix(raw, "169.254")}
	if !g.fake && !strings.Contains(raw, ":") {
		g.text = raw + ":" + defaultPort
	}
	host, portText, err := net.SplitHostPort(g.text)
	if err != nil {
		return g
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return g
	}
	ip, ok := parseIPv4(host)
	if g.fake && (!ok || !relay.Contains(ip)) {
		return g
	}
	if !ok {
		if ip, ok = s.lookup(ctx, host); !ok {
			return g
		}
	}
	g.addr = netip.AddrPortFrom(ip, uint16(port))
	if !g.fake {
		g.text = g.addr.String()
	}
	return g
}

// lookup returns the first IPv4 address of a host.
func (s *Service) lookup(ctx context.Context, host string) (netip.Addr, bool) {
	if host == "" || len(host) > 253 || strings.ContainsAny(host, " \t\r\n/%[]") {
		return netip.Addr{}, false
	}
	resolve := s.options.Resolve
	if resolve == nil {
		resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	all, err := resolve(ctx, host)
	if err != nil {
		s.log.Debug("a game server's name could not be looked up", slog.String("host", host), slog.Any("error", err))
	}
	for _, ip := range all {
		if ip = ip.Unmap(); ip.Is4() {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// parseIPv4 reads an address of one to four parts, each decimal, octal ("0…")
// or hexadecimal ("0x…"), the last of which fills what is left: the forms that
// inet_aton takes (POSIX.1-2017, inet_addr).
func parseIPv4(text string) (netip.Addr, bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip uint64
	for i, part := range parts {
		if part == "" || part[0] < '0' || part[0] > '9' || strings.ContainsAny(part, "_oObB") && !strings.HasPrefix(strings.ToLower(part), "0x") {
			return netip.Addr{}, false
		}
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}

// noServer is the refusal of a server that Steam does not know.
type noServer string

// Error is the text that clients know.
func (address noServer) Error() string {
	return "Cannot accept data from a non-existent gameserver! (" + string(address) + ")"
}

// admitServer reports whether recordings of a game server are taken, and
// whether Steam knows it.
func (s *Service) admitServer(ctx context.Context, g gameServer) (verified bool, err error) {
	unknown := noServer(text(g.shown))
	if !s.config.VerifyServers {
		return false, nil
	}
	if !g.known() {
		return false, unknown
	}
	found, err := s.steam.server(ctx, g.addr.String(), g.fake)
	switch {
	case err == nil && found:
		return true, nil
	case err == nil:
		return false, unknown
	case s.config.AcceptUnverified:
		s.log.Info("Steam could not be asked about a game server; its recording is taken", slog.String("server", g.addr.String()), slog.Any("error", err))
		return false, nil
	}
	return false, fault.Wrap(err, fault.Unavailable, "Steam cannot be asked about the game server at the moment").WithRetryAfter(time.Minute)
}

var errNotAsked = errors.New("nobody asks Steam: there is no key, or too much is asked already")

// steamCache asks Steam, few things at once, and remembers the answers for a
// while.
type steamCache struct {
	s       *Service
	slots   chan struct{}
	servers *expiring[string, bool]
	persons *expiring[uint64, bool]
}

const (
	steamCalls  = 8
	steamKept   = 4096
	keepFound   = 5 * time.Minute
	keepMissing = time.Minute
	keepPerson  = 24 * time.Hour
)

func newSteamCache(s *Service) *steamCache {
	return &steamCache{s: s, slots: make(chan struct{}, steamCalls),
		servers: newExpiring[string, bool](steamKept, s.clock.Now), persons: newExpiring[uint64, bool](steamKept, s.clock.Now)}
}

// server reports whether Steam knows a game server.
func (c *steamCache) server(ctx context.Context, address string, fake bool) (bool, error) {
	if found, ok := c.servers.get(address); ok {
		return found, nil
	}
	var found bool
	err := c.ask(ctx, steamFor, func(ctx context.Context, v Verifier) (err error) {
		found, err = v.Server(ctx, address, fake)
		return err
	})
	if err != nil {
		return false, err
	}
	keep := keepMissing
	if found {
		keep = keepFound
	}
	c.servers.put(address, found, keep)
	return found, nil
}

// ask calls Steam within a time.
func (c *steamCache) ask(ctx context.Context, within time.Duration, call func(context.Context, Verifier) error) error {
	v := c.s.options.Steam
	if v == nil {
		return errNotAsked
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return errNotAsked
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return call(ctx, v)
}
