package accounts

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// Wrong passwords for one name: the first few are free, then one per step. An
// address has more of them, since many players may share one.
const (
	freeTries   = 10
	tryStep     = 6 * time.Second
	freeTriesIP = 40
	tryStepIP   = 3 * time.Second
	maxTracked  = 16384
)

// place is where a sign-in for a name comes from.
type place struct {
	name string // folded
	from netip.Prefix
}

// throttle slows the guessing of passwords for one name, however many
// addresses take part. A place from which the right password came before is
// counted by itself, so that a stranger's guessing does not keep the owner
// out. Nothing here touches sessions that exist. It is safe for concurrent
// use and remembers at most maxTracked names and places each.
type throttle struct {
	now  func() time.Time
	free int           // tries before there is any delay
	step time.Duration // between tries after that
	what string        // that was tried too often, for people

	mu      sync.Mutex
	tries   lru[place, tries]
	trusted lru[place, struct{}]
}

// tries is a leaking bucket of wrong passwords.
type tries struct {
	level time.Duration // each try adds a step, time takes it away
	at    time.Time
}

func newThrottle(now func() time.Time, free int, step time.Duration, what string) *throttle {
	return &throttle{now: now, free: free, step: step, what: what, tries: newLRU[place, tries](maxTracked), trusted: newLRU[place, struct{}](maxTracked)}
}

// take counts a try before the password is looked at, so that parallel tries
// cannot slip through together. It answers fault.TooMany when there were too
// many.
func (t *throttle) take(p place) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, now := t.key(p), t.now()
	b, _ := t.tries.get(k)
	// A clock that was set back must not make anybody wait longer.
	b.level = max(0, b.level-max(0, now.Sub(b.at)))
	b.at = now
	if wait := b.level - time.Duration(t.free-1)*t.step; wait > 0 {
		t.tries.put(k, b)
		return fault.New(fault.TooMany, "Too many wrong passwords %s; try again later", t.what).WithRetryAfter(wait)
	}
	b.level += t.step
	t.tries.put(k, b)
	return nil
}

// giveBack forgets a try that told nothing about the password.
func (t *throttle) giveBack(p place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.key(p)
	if b, ok := t.tries.get(k); ok {
		b.level = max(0, b.level-t.step)
		t.tries.put(k, b)
	}
}

// succeed gives the try back and remembers the place.
func (t *throttle) succeed(p place) {
	t.giveBack(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trusted.put(p, struct{}{})
}

// key returns the bucket of p: its own if it is trusted, else the name's.
func (t *throttle) key(p place) place {
	if _, ok := t.trusted.get(p); ok {
		return p
	}
	return place{name: p.name}
}

// addressLimit is the limit of sign-in attempts per address.
type addressLimit struct {
	keyed  *limit.Keyed[netip.Prefix]
	exempt limit.Networks
}

func (a addressLimit) take(ip netip.Addr) error {
	if a.exempt.Contains(ip) {
		return nil
	}
	if ok, wait := a.keyed.Allow(limit.Prefix(ip)); !ok {
		return fault.New(fault.TooMany, "Too many attempts to sign in from your address").WithRetryAfter(wait)
	}
	return nil
}

// lru is a map that forgets what was unused for longest. It is not safe for
// concurrent use.
type lru[K comparable, V any] struct {
	max   int
	order *list.List // of lruItem, latest first
	items map[K]*list.Element
}

type lruItem[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](max int) lru[K, V] {
	return lru[K, V]{max: max, order: list.New(), items: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(k K) (v V, ok bool) {
	e, ok := l.items[k]
	if !ok {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(lruItem[K, V]).value, true
}

func (l *lru[K, V]) put(k K, v V) {
	if e, ok := l.items[k]; ok {
		e.Value = lruItem[K, V]{k, v}
		l.order.MoveToFront(e)
		return
	}
	l.items[k] = l.order.PushFront(lruItem[K, V]{k, v})
	if len(l.items) > l.max {
		oldest := l.order.Back()
		delete(l.items, oldest.Value.(lruItem[K, V]).key)
		l.order.Remove(oldest)
	}
}

func (l *lru[K, V]) remove(k K) {
	if e, ok := l.items[k]; ok {
		delete(l.items, k)
		l.order.Remove(e)
	}
}

func (l *lru[K, V]) clear() {
	l.order.Init()
	clear(l.items)
}
