package peers

import (
	"context"
	"fmt"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// State says in one word how a peer is doing.
type State string

// The states.
const (
	Unknown     State = "unknown"     // never asked
	OK          State = "ok"          // it answered last time
	Unreachable State = "unreachable" // it does not answer
	Resting     State = "resting"     // it answers that it wants to be left alone
	Refused     State = "refused"     // what it gave last was not believed
)

// Status says how a peer is doing.
type Status struct {
	URL, Trust string
	State      State
	// Software is what the peer says it is, "" if it does not.
	Software string
	// Versions is how many its index lists; Indexed is false when it has
	// none, as the Python server.
	Versions int
	Indexed  bool
	LastSeen time.Time // zero: never
	// FailingSince is zero while it answers.
	FailingSince time.Time
	LastError    string // or why it was refused
	WrongKey     bool   // its index is not signed with the configured key
	Fetched      int64  // versions
	FetchedBytes int64
	Refused      int64     // versions and indexes
	RetryAt      time.Time // it is left alone until then; zero: it is not
}

// shownFor is how long people are shown that something was refused.
const shownFor = 24 * time.Hour

// state derives the word. The caller holds the mutex of the peer.
func (h *health) state(now time.Time) State {
	switch {
	case h.refusal != "" && now.Sub(h.refusedAt) < shownFor:
		return Refused
	case !h.failingSince.IsZero() && h.resting:
		return Resting
	case !h.failingSince.IsZero():
		return Unreachable
	case !h.seenAt.IsZero():
		return OK
	}
	return Unknown
}

func (p *peer) status(now time.Time) Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := Status{
		URL: p.url, Trust: p.trust, State: p.state(now), Software: p.software, Indexed: p.indexed, Versions: len(p.index),
		LastSeen: p.seenAt, FailingSince: p.failingSince, LastError: p.lastError, WrongKey: p.wrongKey,
		Fetched: p.fetched + p.kept.fetched, FetchedBytes: p.fetchedBytes + p.kept.fetchedBytes, Refused: p.refused + p.kept.refused,
	}
	if st.State == Refused {
		st.LastError = p.refusal
	}
	if now.Before(p.retryAt) {
		st.RetryAt = p.retryAt
	}
	return st
}

// Status returns how each peer is doing, in the configured order. In a process
// in which Run did not begin, it is what the daemon wrote down last.
func (s *Service) Status(ctx context.Context) ([]Status, error) {
	now := s.clock.Now()
	var rows map[string]row
	if !s.running.Load() && len(s.peers) > 0 {
		var err error
		if rows, err = s.store.rows(ctx); err != nil {
			return nil, err
		}
	}
	out := make([]Status, 0, len(s.peers))
	for _, p := range s.peers {
		st := p.status(now)
		if r, ok := rows[p.url]; ok && st.LastSeen.Before(r.SeenAt) || ok && st.State == Unknown {
			st = r.status(st, now)
		}
		out = append(out, st)
	}
	return out, nil
}

// status fills in what another process wrote down.
func (r row) status(st Status, now time.Time) Status {
	h := health{seenAt: r.SeenAt, failingSince: r.FailingSince, resting: State(r.State) == Resting, refusal: r.Refusal, refusedAt: r.RefusedAt}
	st.State, st.Software, st.LastSeen, st.FailingSince = h.state(now), r.Software, r.SeenAt, r.FailingSince
	st.Versions, st.Indexed, st.LastError = max(int(r.Versions), 0), r.Versions >= 0, r.LastError
	st.Fetched, st.FetchedBytes, st.Refused = r.Fetched, r.FetchedBytes, r.Refused
	if st.State == Refused {
		st.LastError = r.Refusal
	}
	if now.Before(r.RetryAt) {
		st.RetryAt = r.RetryAt
	}
	return st
}

// Problem is a state of a peer that the operator should know of.
type Problem struct{ Code, Text, Hint string }

// missingAfter is how long a peer may be away before somebody is told.
const missingAfter = 24 * time.Hour

// Problems lists what is wrong with the peers now.
func (s *Service) Problems() []Problem {
	now := s.clock.Now()
	var list []Problem
	for _, p := range s.peers {
		st := p.status(now)
		switch {
		case st.WrongKey:
			list = append(list, Problem{"key", fmt.Sprintf("the peer %s is not who its key says: %s", st.URL, st.LastError),
				`ask its operator for the key that "quartermaster mods peers" prints there, and compare it with workshop.peers`})
		case st.State == Refused:
			list = append(list, Problem{"refused", fmt.Sprintf("the peer %s was refused: %s", st.URL, st.LastError),
				"nothing of it is served unless it is proven; tell its operator, or remove it from workshop.peers"})
		}
		if !st.FailingSince.IsZero() && now.Sub(st.FailingSince) >= missingAfter {
			list = append(list, Problem{"unreachable", fmt.Sprintf("the peer %s has not answered for %s: %s", st.URL,
				days(now.Sub(st.FailingSince)), st.LastError), "ask its operator, or remove it from workshop.peers"})
		}
		if st.Trust == "quorum" && len(s.witnesses(p)) == 0 {
			list = append(list, Problem{"alone", fmt.Sprintf("nothing can be taken from the peer %s: no peer on another host can confirm it", st.URL),
				`add a second peer to workshop.peers, or choose trust = "size" or "key"`})
		}
	}
	return list
}

func days(d time.Duration) string {
	if n := int(d / (24 * time.Hour)); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "a day"
}

// row is what is kept of a peer.
type row struct {
	URL, State, Software           string
	Versions                       int64 // -1: no index
	SeenAt, FailingSince           time.Time
	LastError, Refusal             string
	RefusedAt, RetryAt             time.Time
	Fetched, FetchedBytes, Refused int64
}

// restore takes in what an earlier run knew.
func (p *peer) restore(r row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = counts{r.Fetched, r.FetchedBytes, r.Refused}
	if p.seenAt.IsZero() {
		p.seenAt, p.software = r.SeenAt, r.Software
	}
	if p.failingSince.IsZero() {
		p.failingSince, p.lastError = r.FailingSince, r.LastError
	}
	if p.refusal == "" {
		p.refusal, p.refusedAt = r.Refusal, r.RefusedAt
	}
}

// changes returns the row to write, with counts that are to be added, and
// false when there is nothing new. done is to be called once it is written.
func (p *peer) changes(now time.Time) (r row, done func(), changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dirty {
		return row{}, nil, false
	}
	r = row{
		URL: p.url, State: string(p.state(now)), Software: p.software, Versions: int64(len(p.index)), SeenAt: p.seenAt,
		FailingSince: p.failingSince, LastError: p.lastError, Refusal: p.refusal, RefusedAt: p.refusedAt, RetryAt: p.retryAt,
		Fetched: p.fetched, FetchedBytes: p.fetchedBytes, Refused: p.refused,
	}
	if !p.indexed {
		r.Versions = -1
	}
	p.dirty = false
	return r, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetched, p.fetchedBytes, p.refused = p.fetched-r.Fetched, p.fetchedBytes-r.FetchedBytes, p.refused-r.Refused
		p.kept.fetched += r.Fetched
		p.kept.fetchedBytes += r.FetchedBytes
		p.kept.refused += r.Refused
	}, true
}

// flush writes down what changed.
func (s *Service) flush(ctx context.Context) error {
	var rows []row
	var done []func()
	now := s.clock.Now()
	for _, p := range s.peers {
		if r, d, ok := p.changes(now); ok {
			rows, done = append(rows, r), append(done, d)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	err := s.store.db.Write(ctx, func(tx *db.Tx) error { return putRows(ctx, tx, rows) })
	if err != nil {
		for _, p := range s.peers {
			p.mu.Lock()
			p.dirty = true
			p.mu.Unlock()
		}
		return err
	}
	for _, d := range done {
		d()
	}
	return nil
}
