package web

import (
	"net"
	"net/netip"
	"sync"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// connCaps bounds open connections over all listeners: in total, and per IPv4
// address or IPv6 /64. They are counted when they are accepted; one too many
// is closed at once, without an answer, since an answer would have to be read.
// Exempt networks and trusted proxies are bounded only in total.
type connCaps struct {
	s *Server

	mu    sync.Mutex
	total int
	byIP  map[netip.Prefix]int
}

func newConnCaps(s *Server) *connCaps {
	return &connCaps{s: s, byIP: map[netip.Prefix]int{}}
}

func (k *connCaps) wrap(l net.Listener) net.Listener { return &cappedListener{Listener: l, caps: k} }

// take counts a connection, or reports that it is one too many.
func (k *connCaps) take(ip netip.Addr) (release func(), ok bool) {
	limits := k.s.options.Limits
	p := limit.Prefix(ip)
	bounded := limits.MaxConnsPerIP > 0 && p.IsValid() && !k.s.exempt.Contains(ip) && !k.s.proxies.Contains(ip)
	k.mu.Lock()
	defer k.mu.Unlock()
	if limits.MaxConns > 0 && k.total >= limits.MaxConns {
		k.s.metrics.rejected.total.Inc()
		return nil, false
	}
	if bounded && k.byIP[p] >= limits.MaxConnsPerIP {
		k.s.metrics.rejected.perIP.Inc()
		return nil, false
	}
	k.total++
	k.byIP[p]++
	k.s.metrics.open.Inc()
	return sync.OnceFunc(func() { k.give(p) }), true
}

func (k *connCaps) give(p netip.Prefix) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.total--
	k.s.metrics.open.Dec()
	if k.byIP[p]--; k.byIP[p] == 0 {
		delete(k.byIP, p)
	}
}

// clients is how many addresses have connections open.
func (k *connCaps) clients() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.byIP)
}

type cappedListener struct {
	net.Listener
	caps *connCaps
}

func (l *cappedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			return c, nil // only what a test listens on
		}
		release, ok := l.caps.take(tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
		if !ok {
			_ = c.Close() // refused; there is nobody to tell
			continue
		}
		return &cappedConn{TCPConn: tcp, release: release}, nil
	}
}

// cappedConn embeds the TCP connection itself so that its ReadFrom, which is
// sendfile, stays within reach of net/http.
type cappedConn struct {
	*net.TCPConn
	release func()
}

func (c *cappedConn) Close() error {
	c.release()
	return c.TCPConn.Close()
}
