package demosink

import (
	"sync"
	"time"
)

// expiring remembers a bounded number of answers, each for its time. When it
// is full, what has expired goes, or else anything.
type expiring[K comparable, V any] struct {
	max int
	now func() time.Time

	mu  sync.Mutex
	all map[K]expiringValue[V]
}

type expiringValue[V any] struct {
	value V
	until time.Time
}

func newExpiring[K comparable, V any](limit int, now func() time.Time) *expiring[K, V] {
	return &expiring[K, V]{max: limit, now: now, all: map[K]expiringValue[V]{}}
}

func (e *expiring[K, V]) get(k K) (v V, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x, ok := e.all[k]
	if !ok || !e.now().Before(x.until) {
		return v, false
	}
	return x.value, true
}

func (e *expiring[K, V]) put(k K, v V, keep time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	if _, ok := e.all[k]; !ok && len(e.all) >= e.max {
		e.makeRoom(now)
	}
	e.all[k] = expiringValue[V]{v, now.Add(keep)}
}

func (e *expiring[K, V]) makeRoom(now time.Time) {
	for k, x := range e.all {
		if !now.Before(x.until) {
			delete(e.all, k)
		}
	}
	for k := range e.all {
		if len(e.all) < e.max {
			return
		}
		delete(e.all, k)
	}
}
