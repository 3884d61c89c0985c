package durabletest

import (
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// Clock is a clock that only moves when it is told to. It is safe for
// concurrent use.
type Clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
	changed chan struct{} // closed when somebody begins to wait
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

var _ durable.Clock = (*Clock)(nil)

// NewClock returns a clock that stands at now.
func NewClock(now time.Time) *Clock {
	return &Clock{now: now, changed: make(chan struct{})}
}

// Now returns the time that was set.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After sends the time once the clock has been moved by at least d.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := waiter{c.now.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		w.c <- c.now
		return w.c
	}
	c.waiting = append(c.waiting, w)
	close(c.changed)
	c.changed = make(chan struct{})
	return w.c
}

// Set moves the clock, back too, and wakes those whose time has come.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(now)
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.now.Add(d))
}

func (c *Clock) set(now time.Time) {
	c.now = now
	still := c.waiting[:0]
	for _, w := range c.waiting {
		if w.at.After(now) {
			still = append(still, w)
		} else {
			w.c <- now
		}
	}
	clear(c.waiting[len(still):])
	c.waiting = still
}

// Await returns when at least n calls of After wait, so that a test moves
// the clock only when the code under test is ready for it.
func (c *Clock) Await(n int) {
	for {
		c.mu.Lock()
		waiting, changed := len(c.waiting), c.changed
		c.mu.Unlock()
		if waiting >= n {
			return
		}
		<-changed
	}
}
