package webapi

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	breakerFirst = 5 * time.Second
	breakerMost  = 15 * time.Minute
	// retryAfterMost bounds what a Retry-After header can ask for, so that a
	// nonsensical one does not silence us for days.
	retryAfterMost = time.Hour
	// jitterShare spreads the waits, so that many daemons do not come back
	// to a recovering service at the same moment.
	jitterShare = 0.2
)

// Breaker holds requests back after a failure, twice as long after each
// further one. When a wait is over one request is let through; the others
// wait for its outcome. It is safe for concurrent use.
type Breaker struct {
	first, most time.Duration
	now         func() time.Time
	jitter      func() float64 // in [0, 1)

	mu       sync.Mutex
	failures int
	until    time.Time
	probing  bool // a request is under way that decides
}

// NewBreaker returns a closed Breaker whose waits begin at first and never
// exceed most, unless a Retry-After asks for more.
func NewBreaker(first, most time.Duration, now func() time.Time) *Breaker {
	return &Breaker{first: first, most: most, now: now, jitter: rand.Float64}
}

// Enter returns nil when a request may be made, else a *BreakerError. After
// nil exactly one of Succeed, Fail and Cancel must follow.
func (b *Breaker) Enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return nil
	}
	now := b.now()
	if now.Before(b.until) {
		return &BreakerError{Until: b.until}
	}
	if b.probing {
		return &BreakerError{Until: now.Add(time.Second)}
	}
	b.probing = true
	return nil
}

// Succeed closes the breaker.
func (b *Breaker) Succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until, b.probing = 0, time.Time{}, false
}

// Fail opens the breaker for at least retryAfter, which counts up to an hour.
func (b *Breaker) Fail(retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	asked := now.Add(min(retryAfter, retryAfterMost))
	b.probing = false
	if b.failures > 0 && now.Before(b.until) {
		// This request began before the breaker opened: the same failure,
		// seen twice.
		if asked.After(b.until) {
			b.until = asked
		}
		return
	}
	b.failures = min(b.failures+1, 20)
	wait := min(b.first<<(b.failures-1), time.Duration(float64(b.most)/(1+jitterShare)))
	wait += time.Duration(float64(wait) * jitterShare * b.jitter())
	b.until = now.Add(wait)
	if asked.After(b.until) {
		b.until = asked
	}
}

// Cancel ends a request whose outcome says nothing about the other side.
func (b *Breaker) Cancel() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// State reports whether requests are held back, and until when. until is
// zero after a success.
func (b *Breaker) State() (open bool, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures > 0 && b.now().Before(b.until), b.until
}
