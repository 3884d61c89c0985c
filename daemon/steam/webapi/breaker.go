package webapi

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	breakerFirst = 5 * time.Second
	breakerMax   = 15 * time.Minute
	// retryAfterMax bounds what a Retry-After header can ask for, so that a
	// nonsensical one does not silence us for days.
	retryAfterMax = time.Hour
	jitterShare   = 0.2
)

// breaker holds back calls after a failure: 5 s at first, twice as long each
// further time, 15 min at most. When a wait is over one call is let through;
// the others wait for its outcome.
type breaker struct {
	now    func() time.Time
	jitter func() float64 // in [0, 1)

	mu       sync.Mutex
	failures int
	until    time.Time
	probing  bool // a call is under way that decides
}

func jitter() float64 { return rand.Float64() }

// enter returns nil when a call may be made. Then exactly one of succeed,
// fail and cancel must follow.
func (b *breaker) enter() error {
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

func (b *breaker) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.until, b.probing = 0, time.Time{}, false
}

// fail holds calls back for at least retryAfter.
func (b *breaker) fail(retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.probing = false
	if b.failures > 0 && now.Before(b.until) {
		return // a call that began before the breaker opened
	}
	b.failures = min(b.failures+1, 20)
	wait := min(breakerFirst<<(b.failures-1), time.Duration(float64(breakerMax)/(1+jitterShare)))
	wait += time.Duration(float64(wait) * jitterShare * b.jitter())
	b.until = now.Add(max(wait, min(retryAfter, retryAfterMax)))
}

// cancel ends a call whose outcome says nothing about Steam.
func (b *breaker) cancel() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

func (b *breaker) state() (open bool, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures > 0 && b.now().Before(b.until), b.until
}
