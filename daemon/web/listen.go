package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Listen binds every address of http.listen, or none: when one cannot be
// bound the others are closed again and the error says which and, where it
// can be found out, who holds it. Addrs is valid afterwards.
func (s *Server) Listen(ctx context.Context) error {
	writing := connOptions{
		Bulk:    newBulkGate(0), // one gate: the processors are shared by all listeners
		Traffic: s.traffic, Shape: &shapeRule{exempt: s.exempt, proxies: s.proxies},
	}
	for _, address := range s.options.HTTP.Listen {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, networkOf(address), address)
		if err != nil {
			s.closeListeners()
			return listenFault(address, err)
		}
		s.listeners = append(s.listeners, wrapListener(s.caps.wrap(l), writing))
	}
	if len(s.listeners) == 0 {
		return fault.New(fault.Invalid, "http.listen names no address").WithHint(`Write for example http.listen = [":27020"]`)
	}
	return nil
}

// Probe finds out whether every address of http.listen can be bound, and
// leaves none bound. It fails as Listen does.
func (s *Server) Probe(ctx context.Context) error {
	err := s.Listen(ctx)
	s.closeListeners()
	return err
}

// networkOf makes an empty host mean IPv4 and IPv6, and an IPv4 address mean
// IPv4 alone: Go's "tcp" would widen 0.0.0.0 to both.
func networkOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "tcp"
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
		return "tcp4"
	}
	return "tcp"
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close() // going away in any case
	}
	s.listeners = nil
}

// Addrs returns the addresses that are really bound, as host:port.
func (s *Server) Addrs() []string {
	addrs := make([]string, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.Addr().String()
	}
	return addrs
}

// Run serves until ctx ends or a listener fails. It then stops accepting, ends
// the event streams, gives requests under way five seconds and closes what is
// left. It returns nil when it ended because of ctx. Listen must have been
// called; Run can be called once.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range s.listeners {
		group.Go(func() error {
			if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		s.shutdown()
		return nil
	})
	return group.Wait()
}

// shutdown uses a context of its own: the one that ended would give nobody
// any time.
func (s *Server) shutdown() {
	s.stopping.Store(true)
	s.events.close()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeouts.drain)
	defer cancel()
	// A connection that has not sent a request yet would hold Shutdown for
	// five seconds; browsers open such connections in advance.
	timer := time.AfterFunc(s.timeouts.firstRequest, s.fresh.close)
	defer timer.Stop()
	err := s.http.Shutdown(ctx)
	if err == nil {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "requests were cut off at the end of the drain time", slog.Duration("after", s.timeouts.drain))
	if err := s.http.Close(); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "closing the listeners failed", slog.Any("error", err))
	}
}

// connState runs at every change of a connection.
func (s *Server) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.fresh.add(c)
	case http.StateActive, http.StateClosed, http.StateHijacked:
		s.fresh.remove(c)
	}
}

// freshConns are connections that have not sent a request yet.
type freshConns struct {
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

func (f *freshConns) add(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = c.Close() // shutting down
		return
	}
	if f.conns == nil {
		f.conns = map[net.Conn]struct{}{}
	}
	f.conns[c] = struct{}{}
}

func (f *freshConns) remove(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

func (f *freshConns) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.conns {
		_ = c.Close() // shutting down
	}
}
