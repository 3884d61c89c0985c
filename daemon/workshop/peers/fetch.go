package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Fetch asks the peers for a version, those that list it first, until one
// delivers a file that is proven. Only then the first byte goes to dst. The
// error is fault.NotFound when no peer has it, or none whose file is believed;
// fault.Unavailable when trying later may help, see Later; fault.NoSpace; or
// what dst returned.
func (s *Service) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	if !s.running.Load() {
		defer func() {
			if err := s.flush(context.WithoutCancel(ctx)); err != nil {
				s.log.Warn("the database did not take how the peers do", "error", err)
			}
		}()
	}
	var failed, wait error
	var refused []string
	for _, p := range s.order(want.Name) {
		got, err := s.fetchFrom(ctx, p, want, dst)
		why, isRefusal := errors.AsType[refusal](err)
		switch {
		case err == nil:
			return got, nil
		case ctx.Err() != nil:
			return Got{}, ctx.Err()
		case isRefusal:
			refused = append(refused, fmt.Sprintf("%s was refused: %s", p.host, string(why)))
		case errors.Is(err, errAbsent):
		case errors.Is(err, errLater):
			if wait == nil || retryAfter(err) < retryAfter(wait) {
				wait = err
			}
		case fault.Is(err, fault.Unavailable):
			failed = err
		default:
			return Got{}, err
		}
	}
	switch {
	case wait != nil:
		return Got{}, wait
	case failed != nil:
		return Got{}, failed
	case len(refused) > 0:
		return Got{}, fault.New(fault.NotFound, "No peer has it; %s", strings.Join(refused, "; "))
	}
	return Got{}, fault.New(fault.NotFound, "No peer has it")
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// order returns the peers in the order in which they are asked for n: who
// lists it, who has no index, who has one without it.
func (s *Service) order(n Name) []*peer {
	now := s.clock.Now()
	rank := make(map[*peer]int, len(s.peers))
	for _, p := range s.peers {
		if _, ok := p.lists(now, n); ok {
			continue
		}
		p.mu.Lock()
		rank[p] = 1 + int(oneIf(p.indexed))
		p.mu.Unlock()
	}
	list := slices.Clone(s.peers)
	slices.SortStableFunc(list, func(a, b *peer) int { return cmp.Compare(rank[a], rank[b]) })
	return list
}

// fetchFrom takes the version from one peer.
func (s *Service) fetchFrom(ctx context.Context, p *peer, want Want, dst Sink) (Got, error) {
	n, now := want.Name, s.clock.Now()
	if m, ok := p.recall(now, n); ok && m.asked == 0 {
		return Got{}, errAbsent
	} else if ok && now.Before(m.until) {
		return Got{}, later(p.host, m.until.Sub(now))
	}
	entry, listed, err := s.entry(ctx, p, n)
	if err != nil {
		return Got{}, err
	}
	if p.trust == config.TrustQuorum && len(s.witnesses(p)) == 0 {
		return Got{}, errAbsent
	}
	file, err := s.openSpool(p, n)
	if err != nil {
		return Got{}, err
	}
	defer file.close()
	t := &transfer{s: s, p: p, want: want, dst: dst, file: file}
	if listed {
		t.listed = &entry
	}
	err = s.bring(ctx, t)
	switch why, isRefusal := errors.AsType[refusal](err); {
	case isRefusal:
		file.discard()
		s.refused(p, n, string(why))
		return Got{}, err
	case errors.Is(err, errAbsent):
		file.discard()
		p.remember(s.clock.Now(), n, memory{until: s.clock.Now().Add(absentFor)})
		return Got{}, err
	case errors.Is(err, errGone) && !listed && file.have == 0:
		// Nobody says that it has this version: a peer that is away is no
		// reason to keep clients waiting.
		return Got{}, errAbsent
	case errors.Is(err, errGone), errors.Is(err, errBroken):
		return Got{}, s.unavailable(p, err)
	case err != nil:
		return Got{}, err
	}
	if err := t.deliver(ctx); err != nil {
		if !fault.Is(err, fault.Unavailable) {
			file.discard()
		}
		return Got{}, err
	}
	file.discard()
	p.forget(n)
	p.delivered(file.total)
	s.metrics.fetched.WithLabelValues(p.url).Inc()
	return Got{Peer: p.url, Host: p.base.Host, VerifiedBy: p.trust}, nil
}

// entry returns what the peer's index says of n. Of a peer that is believed
// for its index only, the error is errAbsent when that does not list n now, or
// asks for patience when the peer serves it all the same: a file that was just
// put there is listed once it was read.
func (s *Service) entry(ctx context.Context, p *peer, n Name) (Entry, bool, error) {
	e, ok := p.lists(s.clock.Now(), n)
	if ok || p.trust != config.TrustKey {
		return e, ok, nil
	}
	if err := s.refresh(ctx, p, freshFor); err != nil {
		if ctx.Err() != nil {
			return e, false, ctx.Err()
		}
		return e, false, errAbsent // it is away, and nobody says that it has it
	}
	if e, ok = p.lists(s.clock.Now(), n); ok {
		return e, true, nil
	}
	if p.wrong() {
		return e, false, errAbsent
	}
	return e, false, s.serves(ctx, p, n)
}

// serves asks the peer whether it serves n, without the bytes.
func (s *Service) serves(ctx context.Context, p *peer, n Name) error {
	resp, err := s.head(ctx, p, n)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errAbsent
	}
	defer resp.Body.Close()
	now := s.clock.Now()
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		if wait, ok := p.waiting(now, n); ok {
			return later(p.host, wait)
		}
		return errAbsent
	}
	p.remember(now, n, memory{until: now.Add(absentFor)})
	return errAbsent
}

// head asks the peer for the header of a file that it has on its disk.
func (s *Service) head(ctx context.Context, p *peer, n Name) (*http.Response, error) {
	req, err := s.newRequest(ctx, p.address("/"+n.File()))
	if err != nil {
		return nil, err
	}
	req.Method = http.MethodHead
	req.Header.Set("Cache-Control", "only-if-cached")
	return s.ask(p, req)
}

// bring completes the file and proves it. What was left of an earlier attempt
// may have suffered in a crash, or the file may be another one by now: that is
// not held against the peer before the file was fetched from its first byte.
func (s *Service) bring(ctx context.Context, t *transfer) error {
	resumed := t.file.have > 0
	err := t.run(ctx)
	if err == nil {
		err = s.prove(ctx, t)
	}
	if _, isRefusal := errors.AsType[refusal](err); !isRefusal || !resumed {
		return err
	}
	t.file.discard()
	if err := t.run(ctx); err != nil {
		return err
	}
	return s.prove(ctx, t)
}

// refused notes a file that is not believed.
func (s *Service) refused(p *peer, n Name, why string) {
	now := s.clock.Now()
	p.remember(now, n, memory{until: now.Add(refusedFor), refused: true})
	p.refuse(now, n.File()+": "+why)
	s.metrics.refused.WithLabelValues(p.url).Inc()
	s.log.Warn("a file of a peer was refused", "peer", p.url, "trust", p.trust, "name", n.File(), "reason", why)
}

// deliver passes the proven file on.
func (t *transfer) deliver(ctx context.Context) error {
	if err := t.dst.Expect(t.file.total); err != nil {
		return err
	}
	r := io.NewSectionReader(t.file.f, 0, t.file.total)
	block := make([]byte, transferBlock)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(block)
		if n > 0 {
			if _, err := t.dst.Write(block[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
