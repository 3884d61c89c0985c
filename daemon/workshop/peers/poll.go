package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// IndexPath is where a server of ours publishes its index.
const IndexPath = "/api/v1/workshop/index"

const (
	pollEvery  = 10 * time.Minute
	flushEvery = 5 * time.Second
	sweepEvery = time.Hour
	// freshFor is how long an index counts as what the peer has now.
	freshFor = 15 * time.Second
)

// firstPolls come sooner: servers that start together find each other's
// versions once they were read.
var firstPolls = [...]time.Duration{15 * time.Second, 45 * time.Second, 2 * time.Minute}

// Run asks the peers for their indexes until ctx ends, and writes down how
// they do. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	if err := s.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.running.Store(true)
	defer s.running.Store(false)
	var g errgroup.Group
	for _, p := range s.peers {
		g.Go(func() error { s.pollForever(ctx, p); return nil })
	}
	g.Go(func() error { s.keep(ctx); return nil })
	err := g.Wait()
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(err, s.flush(final))
}

// recover takes up what an earlier run knew.
func (s *Service) recover(ctx context.Context) error {
	if _, err := s.key(ctx); err != nil || len(s.peers) == 0 {
		return err
	}
	rows, err := s.store.rows(ctx)
	if err != nil {
		return err
	}
	for _, p := range s.peers {
		if r, ok := rows[p.url]; ok {
			p.restore(r)
		}
	}
	return nil
}

// keep writes down how the peers do and removes what transfers left.
func (s *Service) keep(ctx context.Context) {
	flush, sweep := s.clock.After(flushEvery), s.clock.After(0)
	for {
		select {
		case <-flush:
			if err := s.flush(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("the database did not take how the peers do", "error", err)
			}
			flush = s.clock.After(flushEvery)
		case <-sweep:
			s.sweep()
			sweep = s.clock.After(sweepEvery)
		case <-ctx.Done():
			return
		}
	}
}

// Consult reads the indexes of all peers once, for a process without Run, and
// returns the addresses of those that gave no answer before ctx ended: what
// they list is not known.
func (s *Service) Consult(ctx context.Context) (silent []string) {
	var g errgroup.Group
	answered := make([]bool, len(s.peers))
	for i, p := range s.peers {
		g.Go(func() error {
			err := s.refresh(ctx, p, freshFor)
			answered[i] = err == nil
			return nil //nolint:nilerr // who did not answer is told
		})
	}
	_ = g.Wait() // none of them fails
	for i, p := range s.peers {
		if !answered[i] {
			silent = append(silent, p.url)
		}
	}
	return silent
}

func (s *Service) pollForever(ctx context.Context, p *peer) {
	for n := 0; ctx.Err() == nil; n++ {
		if err := s.refresh(ctx, p, freshFor); err != nil && ctx.Err() == nil {
			s.log.Debug("a peer did not give its index", "peer", p.url, "error", err)
		}
		wait := pollEvery
		if n < len(firstPolls) {
			wait = firstPolls[n]
		}
		select {
		case <-s.clock.After(wait):
		case <-ctx.Done():
		}
	}
}

// refresh asks the peer for its index unless that happened less than age ago.
// Who comes while another asks waits for it.
func (s *Service) refresh(ctx context.Context, p *peer, age time.Duration) error {
	select {
	case p.polling <- struct{}{}:
		defer func() { <-p.polling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	now := s.clock.Now()
	p.mu.Lock()
	fresh := !p.polledAt.IsZero() && now.Sub(p.polledAt) < age
	p.mu.Unlock()
	if fresh {
		return nil
	}
	err := s.poll(ctx, p)
	if r, ok := errors.AsType[refusal](err); ok {
		s.refuseIndex(p, string(r), p.pinned != nil)
		return nil
	}
	return err
}

// poll asks the peer for its index, at the places where it may be.
func (s *Service) poll(ctx context.Context, p *peer) error {
	places := []string{p.address(IndexPath)}
	if root := *p.base; root.Path != "" { // the game's address may lie below the program's
		root.Path = IndexPath
		places = append(places, root.String())
	}
	p.mu.Lock()
	etag, known := p.etag, p.at
	p.mu.Unlock()
	if known != "" {
		places = []string{known}
	}
	for _, at := range places {
		found, err := s.pollAt(ctx, p, at, etag)
		if err != nil || found {
			return err
		}
	}
	if p.pinned != nil {
		return refusal("it publishes no index")
	}
	p.noIndex(s.clock.Now())
	return nil
}

// pollAt asks at one address. It reports false when there is no index.
func (s *Service) pollAt(ctx context.Context, p *peer, at, etag string) (found bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limited, end := context.WithTimeout(ctx, 5*time.Minute)
	defer end()
	req, err := s.newRequest(limited, at)
	if err != nil {
		return false, err
	}
	req.Header.Set("Accept", "application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := s.ask(p, req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.polledAt = s.clock.Now()
		return true, nil
	default:
		return false, nil
	}
	select { // one text at a time is enough
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-limited.Done():
		return false, limited.Err()
	}
	text, err := s.readIndex(limited, p, resp, cancel)
	if err != nil {
		if errors.Is(context.Cause(ctx), errStalled) {
			p.breaker.Fail(0)
			p.failed(s.clock.Now(), "its index does not come to an end", false)
		}
		return false, err
	}
	return true, s.takeIndex(p, at, resp.Header, text)
}

// readIndex reads the body of an index, which is bounded whatever the header
// says.
func (s *Service) readIndex(ctx context.Context, p *peer, resp *http.Response, cancel context.CancelCauseFunc) ([]byte, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, refusal("its index is compressed, which was not asked for")
	}
	if resp.ContentLength > maxIndex {
		return nil, refusal("its index is too long")
	}
	b, stop := s.watch(ctx, p, resp.Body, cancel)
	defer stop()
	text, err := io.ReadAll(io.LimitReader(b, maxIndex+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errGone, err)
	case len(text) > maxIndex:
		return nil, refusal("its index is too long")
	}
	return text, nil
}

// takeIndex believes an index or refuses it.
func (s *Service) takeIndex(p *peer, at string, h http.Header, text []byte) error {
	if p.pinned != nil {
		if err := verifySignature(p.pinned, text, h.Get(HeaderSignature), h.Get(HeaderKeyID)); err != nil {
			return refusal("its index is not believed: " + printable(err.Error(), 200))
		}
	}
	index, err := ParseIndex(text)
	if err != nil {
		if p.pinned == nil && h.Get(HeaderSignature) == "" { // some other program answers everything with a page
			p.noIndex(s.clock.Now())
			return nil
		}
		return refusal("its index is not one: " + printable(err.Error(), 200))
	}
	p.mu.Lock()
	added := index.added(p.index)
	p.index, p.indexed, p.polledAt, p.etag, p.at = index, true, s.clock.Now(), h.Get("ETag"), at
	if p.badIndex {
		p.refusal, p.refusedAt, p.badIndex, p.wrongKey = "", time.Time{}, false, false
	}
	if h.Get(HeaderKeyID) != "" {
		p.software = "quartermaster"
	}
	for _, n := range added { // it may have said no before
		if m, ok := p.memories[n]; ok && m.asked == 0 && !m.refused {
			delete(p.memories, n)
		}
	}
	p.dirty = true
	p.mu.Unlock()
	if len(added) > 0 {
		s.o.Listed(added)
	}
	return nil
}

// noIndex notes that the peer publishes none, as the Python server.
func (p *peer) noIndex(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.index, p.indexed, p.polledAt, p.etag, p.at, p.dirty = nil, false, now, "", "", true
	if p.badIndex {
		p.refusal, p.refusedAt, p.badIndex, p.wrongKey = "", time.Time{}, false, false
	}
}

// refuseIndex forgets the index of a peer and says why.
func (s *Service) refuseIndex(p *peer, why string, wrongKey bool) {
	now := s.clock.Now()
	p.mu.Lock()
	news := p.refusal != why
	p.index, p.indexed, p.polledAt, p.etag, p.at = nil, false, now, "", ""
	p.refusal, p.refusedAt, p.badIndex, p.wrongKey, p.dirty = why, now, true, wrongKey, true
	p.refused++
	p.mu.Unlock()
	s.metrics.refused.WithLabelValues(p.url).Inc()
	if news {
		s.log.Warn("a peer was refused", "peer", p.url, "trust", p.trust, "reason", why)
	}
}

// errLater is inside the errors that ask for patience.
var errLater = errors.New("the peer is not ready yet")

// Later reports whether err only says that a peer does not have the version
// ready yet: fault.Error.RetryAfter is when to come back.
func Later(err error) bool { return errors.Is(err, errLater) }

func later(host string, wait time.Duration) error {
	return fault.Wrap(errLater, fault.Unavailable, "The peer %s does not have it ready yet", host).WithRetryAfter(wait)
}
