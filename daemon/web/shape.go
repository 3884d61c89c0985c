package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// Byte rates act where bytes leave: a connection asks the shaper before each
// slice that it writes. While there is no limit that costs one atomic load.
// Waiting for a turn is not the client's fault, so it happens before the clock
// of the slow-client rules starts. See DESIGN-bulk.md.

// shapedConn is what a connection keeps for the shaper.
type shapedConn struct {
	client  netip.Prefix // whose bytes these are
	exempt  bool         // from every rate
	proxied bool         // by a trusted proxy: client is set anew by each request
	stream  limit.Stream
	credit  int           // bytes that were granted and not sent yet
	answer  int64         // bytes of the answer under way
	waited  time.Duration // during the answer under way
	ctx     context.Context
	cancel  context.CancelFunc
}

// rule decides who a connection from an address belongs to.
type shapeRule struct{ exempt, proxies limit.Networks }

// identify sets whose bytes the connection carries, as far as its address
// tells.
func (c *conn) identify(rule *shapeRule) {
	tcp, ok := c.Conn.RemoteAddr().(*net.TCPAddr)
	if !ok || rule == nil {
		return
	}
	ip := tcp.AddrPort().Addr()
	c.shape.proxied = rule.proxies.Contains(ip)
	c.shape.exempt = !c.shape.proxied && rule.exempt.Contains(ip)
	c.shape.client = limit.Prefix(ip)
}

// beginAnswer is called when a request has arrived.
func (s *Server) beginAnswer(r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c == nil {
		return
	}
	c.shape.answer, c.shape.waited = 0, 0
	if c.shape.proxied {
		ip := s.clientIP(r)
		c.shape.client, c.shape.exempt = limit.Prefix(ip), s.exempt.Contains(ip)
	}
}

// Traffic is what passes through the server now.
type Traffic struct {
	limit.TrafficStatus
	Clients int // addresses with open connections
}

// Traffic returns what passes through the server now.
func (s *Server) Traffic() Traffic { return Traffic{s.traffic.Status(), s.caps.clients()} }

// LimiterWait is how long the answer to r has waited for limits.download_rate
// and limits.download_rate_per_client so far. It is for the goroutine that
// writes the answer.
func LimiterWait(r *http.Request) time.Duration {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		return c.shape.waited
	}
	return 0
}

// may returns how many of n bytes may be written now, after waiting for some
// if need be. What it grants and is not written stays for the next call, or
// for settle.
func (c *conn) may(n int) (int, error) {
	if t := c.o.Traffic; t == nil || !t.Out.On() || c.shape.exempt {
		return n, nil
	}
	return c.await(n)
}

// await is may when there is a limit.
func (c *conn) await(n int) (int, error) {
	s := &c.shape
	if s.credit == 0 {
		got, waited, err := c.o.Traffic.Out.Take(c.life(), &s.stream, s.client, n)
		s.waited += waited
		if err != nil {
			return 0, net.ErrClosed
		}
		s.credit = got
	}
	return min(n, s.credit), nil
}

// wrote counts what went out.
func (c *conn) wrote(n int) {
	c.sent.Add(int64(n))
	if c.o.Traffic == nil {
		return
	}
	c.o.Traffic.CountSent(n)
	c.shape.answer += int64(n)
	c.shape.credit = max(c.shape.credit-n, 0)
}

// prefer takes what a short answer needs ahead of the queue, if it may.
func (c *conn) prefer(n int) {
	t, s := c.o.Traffic, &c.shape
	if t == nil || !t.Out.On() || s.exempt || s.credit >= n || s.answer+int64(n) > maxHeld+smallBody {
		return
	}
	if more := n - s.credit; t.Out.Small(s.client, more) {
		s.credit += more
	}
}

// settle gives back what the body that ended did not need.
func (c *conn) settle() {
	if c.shape.credit > 0 {
		c.o.Traffic.Out.Return(c.shape.client, c.shape.credit)
		c.shape.credit = 0
	}
}

// life returns a context that ends when the connection is closed.
func (c *conn) life() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shape.ctx == nil {
		c.shape.ctx, c.shape.cancel = context.WithCancel(context.Background())
		if c.closed {
			c.shape.cancel()
		}
	}
	return c.shape.ctx
}

// Close closes the connection; a write that waits for its turn ends.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.shape.cancel != nil {
		c.shape.cancel()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
