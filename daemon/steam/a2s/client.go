package a2s

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Client asks single servers. The zero value is ready to use; Close it in the
// end. All methods are safe for concurrent use.
//
// A reply counts only if it comes from exactly the address that was asked.
// Replies do not say which question they answer, so a server is asked one
// question at a time: queries of one address wait for each other.
type Client struct {
	// Timeout bounds each question; 0 means DefaultTimeout. The context of a
	// call may end it earlier.
	Timeout time.Duration
	// Retries are how long each send of a question is waited for, so there are
	// as many sends; nil means 1 s, 1.5 s and 2.5 s.
	Retries []time.Duration

	mu     sync.Mutex
	conn   *net.UDPConn
	closed bool
	end    chan struct{} // closed by Close
	lines  map[netip.AddrPort]*line
	memory memory
}

// line is an address that is being asked.
type line struct {
	turn  chan struct{} // held by the one who asks
	in    chan []byte   // what came from there
	users int
}

// lineDatagrams bounds what waits in a line; more than a split reply.
const lineDatagrams = maxFragments + 1

// Info asks what the server is.
func (c *Client) Info(ctx context.Context, addr netip.AddrPort) (Info, error) {
	q, err := c.ask(ctx, addr, &query{part: PartInfo})
	if err != nil {
		return Info{}, err
	}
	q.info.Ping = q.ping
	return q.info, nil
}

// Players asks who plays.
func (c *Client) Players(ctx context.Context, addr netip.AddrPort) (Players, error) {
	q, err := c.ask(ctx, addr, &query{part: PartPlayers})
	if err != nil {
		return Players{}, err
	}
	q.players.Ping = q.ping
	return q.players, nil
}

// Rules asks how the server is set up. Many games never answer.
func (c *Client) Rules(ctx context.Context, addr netip.AddrPort) (Rules, error) {
	q, err := c.ask(ctx, addr, &query{part: PartRules})
	if err != nil {
		return Rules{}, err
	}
	q.rules.Ping = q.ping
	return q.rules, nil
}

// Ping returns the time from the first send of INFO to the first valid reply
// of any kind.
func (c *Client) Ping(ctx context.Context, addr netip.AddrPort) (time.Duration, error) {
	q, err := c.ask(ctx, addr, &query{part: PartInfo, any: true})
	if err != nil {
		return 0, err
	}
	return q.ping, nil
}

// All asks for everything. It never fails as a whole: see Answer.Errors. A
// server that is silent to the first question is not asked the others.
func (c *Client) All(ctx context.Context, addr netip.AddrPort) Answer {
	return c.Ask(ctx, addr, PartAll)
}

// Ask is All for some of the parts.
func (c *Client) Ask(ctx context.Context, addr netip.AddrPort, want Part) Answer {
	a := Answer{Address: unmap(addr)}
	silent := false
	for _, p := range parts {
		if want&p == 0 {
			continue
		}
		if silent {
			a.fail(p, ErrTimeout)
			continue
		}
		q, err := c.ask(ctx, addr, &query{part: p})
		q.err = err
		a.set(q)
		silent = errors.Is(err, ErrTimeout) && a.Ping == 0
	}
	return a
}

// Close ends the queries under way with ErrClosed and those to come. It may
// be called several times.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.end != nil {
		close(c.end)
	}
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// ask asks one question. The query that it returns is never nil.
func (c *Client) ask(ctx context.Context, addr netip.AddrPort, q *query) (*query, error) {
	addr = unmap(addr)
	q.retries, q.timeout, q.challenge = c.Retries, c.Timeout, NoChallenge
	if len(q.retries) == 0 {
		q.retries = defaultRetries()
	}
	if q.timeout <= 0 {
		q.timeout = DefaultTimeout
	}
	if err := ctx.Err(); err != nil {
		return q, err
	}
	conn, l, err := c.join(addr)
	if err != nil {
		return q, err
	}
	defer c.leave(addr, l)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return q, ctx.Err()
	case <-c.end:
		return q, ErrClosed
	}
	for len(l.in) > 0 {
		<-l.in // late replies to the question before
	}
	c.mu.Lock()
	c.memory.prepare(addr, q, time.Now())
	c.mu.Unlock()
	if err := c.drive(ctx, conn, addr, l, q); err != nil {
		return q, err
	}
	c.mu.Lock()
	c.memory.keep(addr, q, time.Now())
	c.mu.Unlock()
	return q, q.err
}

// drive sends and receives until the query is done.
func (c *Client) drive(ctx context.Context, conn *net.UDPConn, addr netip.AddrPort, l *line, q *query) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for send := true; !q.done; {
		if send {
			if _, err := conn.WriteToUDPAddrPort(q.packet(), addr); err != nil {
				return c.networkError(err)
			}
			q.sent(time.Now())
		}
		timer.Reset(time.Until(q.due))
		select {
		case b := <-l.in:
			send = q.receive(time.Now(), b)
		case <-timer.C:
			send = q.wake(time.Now())
		case <-ctx.Done():
			return ctx.Err()
		case <-c.end:
			return ErrClosed
		}
	}
	return nil
}

func (c *Client) networkError(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("send: %w", err)
}

// join enters the line of an address and opens the socket if need be.
func (c *Client) join(addr netip.AddrPort) (*net.UDPConn, *line, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ErrClosed
	}
	if c.end == nil {
		c.end, c.lines, c.memory = make(chan struct{}), map[netip.AddrPort]*line{}, memory{}
	}
	if c.conn == nil {
		conn, err := net.ListenUDP("udp", nil)
		if err != nil {
			return nil, nil, err
		}
		c.conn = conn
		go c.read(conn)
	}
	l := c.lines[addr]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1), in: make(chan []byte, lineDatagrams)}
		c.lines[addr] = l
	}
	l.users++
	return c.conn, l, nil
}

func (c *Client) leave(addr netip.AddrPort, l *line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(c.lines, addr)
	}
}

// read hands datagrams to those who wait for them, until the socket is
// closed. Other errors of a socket are about earlier sends (on Windows, that
// nobody listens there) and end it only when there is nothing else.
func (c *Client) read(conn *net.UDPConn) {
	b := make([]byte, maxDatagram)
	for failures := 0; ; {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			if failures++; errors.Is(err, net.ErrClosed) || failures > maxReadFailures {
				c.drop(conn)
				return
			}
			continue
		}
		failures = 0
		c.mu.Lock()
		l := c.lines[unmap(from)]
		c.mu.Unlock()
		if l == nil {
			continue
		}
		select {
		case l.in <- bytes.Clone(b[:n]):
		default: // a flood; a reply that is lost is asked for again
		}
	}
}

// maxReadFailures is how many reads in a row may fail.
const maxReadFailures = 1000

// drop closes a socket that is of no use; the next query opens another.
func (c *Client) drop(conn *net.UDPConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn.Close() // nothing was written that could be lost
	if c.conn == conn && !c.closed {
		c.conn = nil
	}
}

// maxDatagram is the largest UDP datagram; some games send more than 1,400
// bytes at once.
const maxDatagram = 65535

// unmap makes an IPv4 address of one that stands in IPv6.
func unmap(addr netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}
