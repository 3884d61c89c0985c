package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// stallBytes must arrive in each stall period. A sender that keeps the line
// open with a byte now and then would otherwise hold a download slot for days.
const stallBytes = 16 << 10

var (
	// errAbsent: the peer does not have the version, or not for us.
	errAbsent = errors.New("the peer does not have it")
	// errGone: the peer does not answer, or asked to be left alone.
	errGone = errors.New("the peer does not answer")
	// errStalled: the peer sends next to nothing.
	errStalled = errors.New("the transfer stalled")
)

// refusal is something that a peer gave and that is not believed.
type refusal string

func (r refusal) Error() string { return string(r) }

// newRequest makes a GET to a peer. Other servers of ours answer it from
// their disk only, so that servers which are each other's peers do not ask in
// circles (RFC 9111 §5.2.1.7).
func (s *Service) newRequest(ctx context.Context, address string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", s.o.UserAgent+" (peer)")
	req.Header.Set("Accept-Encoding", "identity")
	return req, nil
}

// ask sends a request and notes how the peer does. The error is errGone, a
// refusal, or that of the context.
func (s *Service) ask(p *peer, req *http.Request) (*http.Response, error) {
	if err := p.breaker.Enter(); err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	resp, err := p.client.Do(req)
	now := s.clock.Now()
	switch {
	case err != nil && req.Context().Err() != nil:
		p.breaker.Cancel()
		return nil, req.Context().Err()
	case errors.Is(err, webapi.ErrBlocked), errors.Is(err, errRedirect):
		p.breaker.Fail(0)
		why := "it redirects to another host"
		if errors.Is(err, webapi.ErrBlocked) {
			why = "its name leads to an address that is not on the public internet; write that address into workshop.peers if it is meant"
		}
		return nil, fmt.Errorf("%w: %w", refusal(why), err)
	case err != nil:
		p.breaker.Fail(0)
		p.failed(now, reason(err), false)
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		p.breaker.Fail(webapi.ParseRetryAfter(resp.Header.Get("Retry-After"), now))
		p.failed(now, fmt.Sprintf("it answers %d", status), true)
	case status >= 500 && status != http.StatusGatewayTimeout && status != http.StatusNotImplemented:
		p.breaker.Fail(0)
		p.failed(now, fmt.Sprintf("it answers %d", status), false)
	default:
		p.breaker.Succeed()
		p.seen(now, printable(resp.Header.Get("Server"), 64))
		return resp, nil
	}
	err = resp.Body.Close()
	return nil, errors.Join(fmt.Errorf("%w: status %d", errGone, resp.StatusCode), err)
}

// reason says in short why a request came to nothing, without the address.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return "it does not answer in time"
		}
		err = u.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "its name is not known: " + dns.Err
	}
	return printable(err.Error(), 200)
}

// printable keeps the visible ASCII of at most n bytes.
func printable(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), n)]
}

// body is what a peer sends: counted, limited in rate, and cut when next to
// nothing comes.
type body struct {
	ctx     context.Context
	r       io.Reader
	limit   func(context.Context, int) error
	count   func(int)
	bytes   atomic.Int64
	waiting atomic.Bool // for the limit
	cancel  context.CancelCauseFunc
}

// watch returns a reader of a response that stalled ends through cancel. stop
// must be called when it was read.
func (s *Service) watch(ctx context.Context, p *peer, r io.Reader, cancel context.CancelCauseFunc) (b *body, stop func()) {
	bytes := s.metrics.bytes.WithLabelValues(p.url)
	b = &body{ctx: ctx, r: r, limit: s.o.Limit, count: func(n int) { bytes.Add(float64(n)) }, cancel: cancel}
	done := make(chan struct{})
	go b.guard(s.clock, s.o.Stall, done)
	return b, func() { close(done) }
}

// Read reads as fast as the limit allows. Waiting for the limit is not the
// peer's fault.
func (b *body) Read(buf []byte) (int, error) {
	n, err := b.r.Read(buf)
	if n > 0 {
		b.count(n)
		b.waiting.Store(true)
		if wait := b.limit(b.ctx, n); wait != nil {
			return n, wait
		}
		b.waiting.Store(false)
		b.bytes.Add(int64(n))
	}
	return n, err
}

// guard cancels once a period passes with less than stallBytes.
func (b *body) guard(clock durable.Clock, period time.Duration, done <-chan struct{}) {
	for before := int64(0); ; {
		select {
		case <-done:
			return
		case <-clock.After(period):
		}
		now := b.bytes.Load()
		if now-before < stallBytes && !b.waiting.Load() {
			b.cancel(errStalled)
			return
		}
		before = now
	}
}

// unavailable is what the library is told when trying later may help.
func (s *Service) unavailable(p *peer, err error) error {
	f := fault.Wrap(err, fault.Unavailable, "The peer %s failed", p.host)
	if b, ok := errors.AsType[*webapi.BreakerError](err); ok {
		return f.WithRetryAfter(max(b.Until.Sub(s.clock.Now()), time.Second))
	}
	return f
}
