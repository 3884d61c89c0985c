// Package limit holds the token buckets and address rules that bound what
// strangers can make the daemon do. It knows no wire: HTTP, UDP and
// websockets use the same types. It imports nothing of ours.
package limit

import (
	"math"
	"sync"
	"time"
)

// Keyed is a set of token buckets, one per key: a client's address, an
// account, a destination. Each bucket holds up to burst tokens and gains
// perSecond tokens a second. At most maxKeys buckets are remembered; beyond
// that the one that was used longest ago is forgotten, which is the same as
// making it full again. Memory is therefore bounded whatever the keys are.
//
// A Keyed is safe for concurrent use.
type Keyed[K comparable] struct {
	rate  float64
	burst float64
	max   int
	now   func() time.Time

	mu      sync.Mutex
	buckets map[K]*bucket[K]
	recent  bucket[K] // sentinel of a ring: recent.next was used last
}

type bucket[K comparable] struct {
	key        K
	tokens     float64
	filled     time.Time
	prev, next *bucket[K]
}

// New returns a Keyed. perSecond ≤ 0 means no limit at all: Allow then always
// agrees and remembers nothing. A burst below 1 counts as 1, and so does
// maxKeys. now is the clock and must not be nil.
func New[K comparable](perSecond float64, burst, maxKeys int, now func() time.Time) *Keyed[K] {
	k := &Keyed[K]{
		rate: perSecond, burst: float64(max(burst, 1)), max: max(maxKeys, 1),
		now: now, buckets: make(map[K]*bucket[K]),
	}
	k.recent.prev, k.recent.next = &k.recent, &k.recent
	return k
}

// Allow takes one token from the bucket of key. When there is none it takes
// nothing, and retryAfter says how long it takes until there is one.
func (k *Keyed[K]) Allow(key K) (ok bool, retryAfter time.Duration) {
	if !(k.rate > 0) || math.IsInf(k.rate, 1) {
		return true, 0
	}
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.touch(key, now)
	// A clock that was set back must neither take tokens away nor stop the
	// refill until it has caught up again.
	if passed := now.Sub(b.filled).Seconds(); passed > 0 {
		b.tokens = min(k.burst, b.tokens+passed*k.rate)
	}
	b.filled = now
	if b.tokens >= 1 {
		b.tokens--
		return true, 0
	}
	return false, wait((1 - b.tokens) / k.rate)
}

// Len returns how many buckets are remembered.
func (k *Keyed[K]) Len() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.buckets)
}

// touch returns the bucket of key as the most recently used one.
func (k *Keyed[K]) touch(key K, now time.Time) *bucket[K] {
	b := k.buckets[key]
	switch {
	case b != nil:
		b.unlink()
	case len(k.buckets) < k.max:
		b = &bucket[K]{key: key, tokens: k.burst, filled: now}
		k.buckets[key] = b
	default: // the oldest bucket's memory serves the new key
		b = k.recent.prev
		b.unlink()
		delete(k.buckets, b.key)
		b.key, b.tokens, b.filled = key, k.burst, now
		k.buckets[key] = b
	}
	b.prev, b.next = &k.recent, k.recent.next
	b.prev.next, b.next.prev = b, b
	return b
}

func (b *bucket[K]) unlink() {
	b.prev.next, b.next.prev = b.next, b.prev
}

// wait converts seconds, rounding up so that a caller who waits that long
// really finds a token.
func wait(seconds float64) time.Duration {
	d := math.Ceil(seconds * float64(time.Second))
	if d >= float64(math.MaxInt64) {
		return math.MaxInt64
	}
	return time.Duration(d)
}
