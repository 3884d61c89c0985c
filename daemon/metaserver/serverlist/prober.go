package serverlist

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Bounds of checks. A check sends a few packets to an address that a stranger
// chose, so that there are few of them: for one account, for one address and
// for its neighbours, however many names lead there.
const (
	resolveFor   = 2 * time.Second
	probeFor     = 4 * time.Second
	probesAtOnce = 4
	probeKeys    = 4096
	lowestPort   = 1024 // below are services that answer more than they are asked
)

// prober asks whether an address answers.
type prober struct {
	a2s, tcp func(context.Context, netip.AddrPort) error
	resolve  func(context.Context, string) ([]netip.Addr, error)
	private  bool
	now      func() time.Time

	slots    chan struct{}
	accounts *limit.Keyed[int64]
	hosts    *limit.Keyed[netip.Addr]
	networks *limit.Keyed[netip.Prefix]
}

func newProber(o *Options, now func() time.Time) *prober {
	p := &prober{
		a2s: o.ProbeA2S, tcp: o.ProbeTCP, resolve: o.Resolve, private: o.ProbePrivate, now: now,
		slots:    make(chan struct{}, probesAtOnce),
		accounts: limit.New[int64](0.2, 3, probeKeys, now),
		hosts:    limit.New[netip.Addr](0.1, 1, probeKeys, now),
		networks: limit.New[netip.Prefix](1, 1, probeKeys, now),
	}
	if p.tcp == nil {
		p.tcp = connect
	}
	if p.resolve == nil {
		p.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return p
}

// connect opens a connection to an address, never to a name, and closes it.
func connect(ctx context.Context, at netip.AddrPort) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return err
	}
	return c.Close()
}

// mayAsk reports whether an address may be sent something.
func (p *prober) mayAsk(a netip.Addr) bool {
	if a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	return p.private || webapi.Public(a)
}

// addresses returns what a host stands for: itself, or what its name leads to
// at this moment.
func (p *prober) addresses(ctx context.Context, host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveFor)
	defer cancel()
	all, err := p.resolve(ctx, host)
	if err != nil {
		return nil // the name has no address, as far as we can tell
	}
	return all
}

// probe finds out whether a server answers. The address is looked up and
// judged once, and then that very address is asked. fault.TooMany: later.
func (p *prober) probe(ctx context.Context, owner int64, v *Server, kind string) (Check, error) {
	if kind == "" {
		kind = KindTCP
		if p.a2s != nil {
			kind = KindA2S
		}
	}
	ask := p.tcp
	if kind == KindA2S {
		ask = p.a2s
	}
	if ask == nil {
		return Check{}, fault.New(fault.Invalid, "This server cannot ask by %s", kind)
	}
	if ok, wait := p.accounts.Allow(owner); !ok {
		return Check{}, fault.New(fault.TooMany, "You asked for too many checks").WithRetryAfter(wait)
	}
	host, port := v.Public()
	c := Check{Kind: kind, Host: host, Port: port}
	if port < lowestPort {
		c.Outcome, c.At = ReservedPort, p.now()
		return c, nil
	}
	all := p.addresses(ctx, hostOf(host))
	c.Outcome = UnknownName
	for _, a := range all {
		a = a.Unmap().WithZone("")
		c.Outcome = PrivateHost
		if p.mayAsk(a) {
			return p.ask(ctx, c, netip.AddrPortFrom(a, uint16(port)), ask)
		}
	}
	c.At = p.now()
	return c, nil
}

// ask asks one address, if it was not asked a moment ago.
func (p *prober) ask(ctx context.Context, c Check, at netip.AddrPort, ask func(context.Context, netip.AddrPort) error) (Check, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		return Check{}, fault.New(fault.TooMany, "Other servers are being checked").WithRetryAfter(probeFor)
	}
	bits := 24
	if at.Addr().Is6() {
		bits = 48
	}
	near, err := at.Addr().Prefix(bits)
	if err != nil {
		return Check{}, err
	}
	if ok, wait := p.networks.Allow(near); !ok {
		return Check{}, fault.New(fault.TooMany, "A neighbour of this server was checked a moment ago").WithRetryAfter(wait)
	}
	if ok, wait := p.hosts.Allow(at.Addr()); !ok {
		return Check{}, fault.New(fault.TooMany, "This address was checked a moment ago").WithRetryAfter(wait)
	}
	ctx, cancel := context.WithTimeout(ctx, probeFor)
	defer cancel()
	begun := p.now()
	c.Outcome, c.Address = Reachable, at.Addr().String()
	if err := ask(ctx, at); err != nil {
		c.Outcome = NoAnswer
	}
	c.At = p.now()
	c.Elapsed = max(c.At.Sub(begun), 0)
	return c, nil
}

// Check asks a server of an owner whether it can be reached, by KindA2S or
// KindTCP ("": what this daemon has), and remembers what became of it.
// Nothing else ever makes the daemon send anything to a registered address.
// fault.NotFound; fault.TooMany: too often.
func (s *Service) Check(ctx context.Context, owner, id int64, kind string) (Server, error) {
	v, err := s.store.server(ctx, id)
	if err == nil && owner != Everybody && v.Owner != owner {
		err = errNoServer
	}
	if err != nil {
		return Server{}, err
	}
	c, err := s.prober.probe(ctx, v.Owner, &v, kind)
	if err != nil {
		return Server{}, err
	}
	return s.change(ctx, owner, id, func(_ *db.Tx, v *Server) error {
		v.Check = c
		return nil
	})
}
