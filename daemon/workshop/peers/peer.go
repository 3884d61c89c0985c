package peers

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const (
	absentFor   = 10 * time.Minute // how long a peer's no counts
	refusedFor  = time.Hour        // how long a file that was refused is not asked for again
	staleAfter  = 24 * time.Hour   // an index that old says nothing any more
	maxMemories = 4096             // versions remembered of one peer
	// A peer that fails is left alone, for longer each time.
	restFirst, restMost = 5 * time.Second, 15 * time.Minute
)

// askAgain is when a peer that said 202 is asked again.
var askAgain = [...]time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second}

// peer is one configured peer and what is known of it. It is safe for
// concurrent use.
type peer struct {
	url, trust string
	base       *url.URL
	host, tag  string
	pinned     ed25519.PublicKey // nil: none
	client     *http.Client
	breaker    *webapi.Breaker
	polling    chan struct{} // capacity 1

	mu       sync.Mutex
	index    Index
	indexed  bool      // index is what the peer said last
	polledAt time.Time // the index was asked for and answered, with whatever
	etag     string
	at       string // the address that has the index
	memories map[Name]memory
	health
}

// health is what people see of a peer; it is kept in the database.
type health struct {
	software     string
	seenAt       time.Time // it last answered
	failingSince time.Time // zero: the last request was answered
	resting      bool      // it asked to be left alone
	lastError    string
	refusal      string // why something of it was not believed last
	refusedAt    time.Time
	wrongKey     bool // its index does not fit the pinned key
	badIndex     bool // what is refused is its index
	retryAt      time.Time
	dirty        bool
	// What happened since the row was written.
	fetched, fetchedBytes, refused int64
	// And before.
	kept counts
}

type counts struct{ fetched, fetchedBytes, refused int64 }

// memory is what a peer said of a version that it did not deliver.
type memory struct {
	until   time.Time // absent, or not to be asked before
	asked   int       // how often it said 202; 0: it said no
	refused bool      // what it gave was not believed
}

func newPeer(c config.Peer, o *Options) (*peer, error) {
	base, err := baseOf(c.URL)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%q is not the address of a peer", c.URL)
	}
	key, err := c.PublicKey()
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The key of the peer %s is not one", c.URL)
	}
	trust := c.Trust
	if trust == "" {
		trust = config.TrustSize
	}
	sum := sha256.Sum256([]byte(base.String()))
	host := strings.ToLower(base.Hostname())
	return &peer{
		url: base.String(), trust: trust, base: base, host: host, tag: hex.EncodeToString(sum[:4]), pinned: key,
		client: newClient(host, o.Connect, o.Header), breaker: webapi.NewBreaker(restFirst, restMost, o.Clock.Now),
		polling: make(chan struct{}, 1), memories: map[Name]memory{},
	}, nil
}

// address returns the address of a path below the peer's.
func (p *peer) address(path string) string {
	u := *p.base
	u.Path += path
	return u.String()
}

// lists returns the entry of n if the peer's index has it and can be believed.
func (p *peer) lists(now time.Time, n Name) (Entry, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.indexed || now.Sub(p.polledAt) > staleAfter {
		return Entry{}, false
	}
	return p.index.find(n)
}

// may reports whether asking for n is worth while.
func (p *peer) may(now time.Time, n Name) bool {
	if m, ok := p.recall(now, n); ok && m.asked == 0 {
		return false
	}
	if _, ok := p.lists(now, n); ok {
		return true
	}
	open, _ := p.breaker.State()
	return !open
}

// recall returns what the peer said of n, if that still counts.
func (p *peer) recall(now time.Time, n Name) (memory, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, ok := p.memories[n]
	if ok && m.asked == 0 && !now.Before(m.until) {
		delete(p.memories, n)
		return memory{}, false
	}
	return m, ok
}

// remember notes what the peer said of n.
func (p *peer) remember(now time.Time, n Name, m memory) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.memories) >= maxMemories {
		for old, x := range p.memories {
			if now.After(x.until) {
				delete(p.memories, old)
			}
		}
		if len(p.memories) >= maxMemories { // nothing but requests is lost
			clear(p.memories)
		}
	}
	p.memories[n] = m
}

// forget drops what the peer said of n.
func (p *peer) forget(n Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.memories, n)
}

// waiting notes that the peer is fetching n itself. It returns how long to
// wait before asking again, or false when it was asked often enough.
func (p *peer) waiting(now time.Time, n Name) (time.Duration, bool) {
	m, _ := p.recall(now, n)
	if m.asked >= len(askAgain) {
		p.remember(now, n, memory{until: now.Add(absentFor)})
		return 0, false
	}
	wait := askAgain[m.asked]
	p.remember(now, n, memory{until: now.Add(wait), asked: m.asked + 1})
	return wait, true
}

// wrong reports whether the peer's index is not believed.
func (p *peer) wrong() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.badIndex
}

// seen notes that the peer answered.
func (p *peer) seen(now time.Time, software string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seenAt, p.failingSince, p.resting, p.lastError, p.retryAt, p.dirty = now, time.Time{}, false, "", time.Time{}, true
	if software != "" {
		p.software = software
	}
}

// failed notes that the peer did not answer as a server does. resting means
// that it asked for rest.
func (p *peer) failed(now time.Time, why string, resting bool) {
	_, until := p.breaker.State()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failingSince.IsZero() {
		p.failingSince = now
	}
	p.lastError, p.resting, p.retryAt, p.dirty = why, resting, until, true
}

// refuse notes that a file of the peer was not believed.
func (p *peer) refuse(now time.Time, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal, p.refusedAt, p.dirty = why, now, true
	p.refused++
}

// delivered notes that the peer gave a version that was proven.
func (p *peer) delivered(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched++
	p.fetchedBytes += bytes
	if !p.badIndex {
		p.refusal, p.refusedAt = "", time.Time{}
	}
	p.dirty = true
}
