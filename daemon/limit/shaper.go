package limit

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Shaper lets bytes pass at a bounded rate: all together, and per client. Its
// clients share the rate evenly, whatever number of streams each has; within
// a client the streams take turns. A client is what Prefix returns.
//
// Time is divided as in start-time fair queueing: each client has a virtual
// time that grows with the bytes it was granted, and the one that is furthest
// behind comes next. See DESIGN.md.
//
// A Shaper is safe for concurrent use. No lock is held while anybody waits.
type Shaper struct {
	now func() time.Time
	on  atomic.Bool

	waited atomic.Int64 // nanoseconds that streams waited, ended waits only

	mu      sync.Mutex
	total   pool
	perRate float64 // of each client's pool
	clients map[netip.Prefix]*shaped
	line    clientHeap // have a waiter and may be granted, by virtual time
	paced   clientHeap // have a waiter and wait for their own pool, by due
	virtual float64    // where the last grant began
	waiting int64      // bytes that streams in the queues want
	timer   *time.Timer
	sweepAt int
}

const (
	// catchUp is how much of a rate may be made up for after a late timer or
	// a slow reader; firstBurst what may pass at once after a pause.
	catchUp    = time.Second / 4
	firstBurst = time.Second / 20
	// idleAfter is the pause after which the past is forgotten.
	idleAfter = time.Second
	// timerStep keeps the timer from firing for every few bytes.
	timerStep = time.Millisecond

	// turn is how long one slice may use the whole rate. The last one before
	// a thousand others come is paid for by waiting a thousand turns.
	turn = 5 * time.Millisecond

	smallestSlice = 1 << 10
	largestSlice  = 256 << 10
	// grantsPerSecond bounds the work of very many clients.
	grantsPerSecond = 2000
	// smallReserve is the least that short answers may take ahead of the
	// queue.
	smallReserve = 64 << 10
	firstSweep   = 1024
)

// NewShaper returns a Shaper without limits. now is the clock and must not be
// nil; timers are the runtime's.
func NewShaper(now func() time.Time) *Shaper {
	return &Shaper{now: now, clients: map[netip.Prefix]*shaped{}, sweepAt: firstSweep, paced: clientHeap{byDue: true}}
}

// On reports whether there is any limit. It costs one atomic load, and while
// it is false nothing else has to be called.
func (s *Shaper) On() bool { return s.on.Load() }

// Set changes the rates, in bytes per second; 0 or less means no limit.
// Streams under way follow with their next slice; those that wait are judged
// anew at once.
func (s *Shaper) Set(total, perClient int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.total.refill(now)
	s.total.set(now, float64(max(total, 0)))
	s.perRate = float64(max(perClient, 0))
	for _, c := range s.clients {
		c.refill(now)
		c.set(now, s.perRate)
	}
	for len(s.paced.clients) > 0 {
		s.line.push(s.paced.pop())
	}
	s.on.Store(total > 0 || perClient > 0)
	s.pump(now)
}

// Small takes n bytes ahead of the queue, for what must not wait behind long
// transfers. It refuses, having taken nothing, when short answers alone use
// more than half of a rate; they then queue like all else.
func (s *Shaper) Small(key netip.Prefix, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	c := s.client(key, now)
	s.total.refill(now)
	if !s.total.hasSmall(n) || !c.hasSmall(n) {
		return false
	}
	s.total.takeSmall(n)
	c.takeSmall(n)
	s.charge(c, n)
	return true
}

// Return gives back n bytes that were granted to a client and not used.
func (s *Shaper) Return(key netip.Prefix, n int) {
	if n <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	c := s.client(key, now)
	s.total.refill(now)
	s.total.give(n)
	c.give(n)
	s.charge(c, -n)
	s.pump(now)
}

// charge moves the virtual time of a client that may be in the line.
func (s *Shaper) charge(c *shaped, n int) {
	c.virtual += float64(n)
	if c.in == &s.line {
		s.line.fix(c)
	}
}

// Stream is one reader or writer of bytes. It is for one goroutine at a time.
// The zero value is ready.
type Stream struct {
	ready   chan int // capacity 1: what was granted
	next    *Stream  // in the client's queue
	want    int
	granted bool
}

// Take waits until some of want bytes may pass, and returns how many; never
// more than a slice that suits the rates. waited is how long it took. It fails
// with the error of ctx, and has then taken nothing.
func (s *Shaper) Take(ctx context.Context, f *Stream, key netip.Prefix, want int) (n int, waited time.Duration, err error) {
	if want <= 0 || !s.On() {
		return want, 0, nil
	}
	if f.ready == nil {
		f.ready = make(chan int, 1)
	}
	s.mu.Lock()
	start := s.now()
	c := s.client(key, start)
	f.want, f.next, f.granted = want, nil, false
	if c.append(f) {
		s.enter(c, start)
	}
	s.waiting += int64(want)
	s.pump(start)
	s.mu.Unlock()
	select {
	case n = <-f.ready:
		return n, 0, nil
	default:
	}
	select {
	case n = <-f.ready:
	case <-ctx.Done():
		if !s.withdraw(key, f) {
			s.Return(key, <-f.ready) // granted in this very moment
		}
		err = ctx.Err()
	}
	waited = s.now().Sub(start)
	s.waited.Add(int64(waited))
	return n, waited, err
}

// Wait waits until exactly n bytes may pass.
func (s *Shaper) Wait(ctx context.Context, key netip.Prefix, n int) error {
	var f Stream
	for n > 0 {
		m, _, err := s.Take(ctx, &f, key, n)
		if err != nil {
			return err
		}
		n -= m
	}
	return nil
}

// Waited is the time that streams have spent waiting since the start, added up.
func (s *Shaper) Waited() time.Duration { return time.Duration(s.waited.Load()) }

// Waiting is how many bytes streams are waiting to pass now, as far as they
// have asked.
func (s *Shaper) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// Clients is how many clients are remembered.
func (s *Shaper) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// pump grants what may be granted and sets the timer for the rest.
func (s *Shaper) pump(now time.Time) {
	s.total.refill(now)
	for len(s.paced.clients) > 0 && !s.paced.clients[0].due.After(now) {
		s.line.push(s.paced.pop())
	}
	var next time.Duration
	for len(s.line.clients) > 0 {
		c := s.line.clients[0]
		c.refill(now)
		n := min(c.head.want, s.slice(c))
		if d := c.delay(n); d > 0 {
			s.line.pop()
			c.due = now.Add(d)
			s.paced.push(c)
			continue
		}
		if next = s.total.delay(n); next > 0 {
			break
		}
		s.grant(c, n, now)
	}
	if len(s.paced.clients) > 0 {
		if d := s.paced.clients[0].due.Sub(now); next == 0 || d < next {
			next = d
		}
	}
	s.wake(next)
}

// wake sets the timer; 0: there is nothing to wait for.
func (s *Shaper) wake(d time.Duration) {
	switch {
	case d <= 0:
		return // a timer that is still set finds nothing to do
	case s.timer == nil:
		s.timer = time.AfterFunc(max(d, timerStep), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.pump(s.now())
		})
	default:
		s.timer.Reset(max(d, timerStep))
	}
}

// grant gives n bytes to the first stream of the client at the head of the
// line.
func (s *Shaper) grant(c *shaped, n int, now time.Time) {
	f := c.shift()
	c.seen = now
	s.waiting -= int64(f.want)
	s.total.take(n)
	c.take(n)
	s.virtual = c.virtual
	c.virtual += float64(n)
	if c.head == nil {
		s.line.pop()
	} else {
		s.line.fix(c)
	}
	f.granted = true
	f.ready <- n
}

// slice is how much the client gets in one grant: less the lower the rates are
// and the more clients share them, so that nobody waits long for a turn; and
// more for one that is behind, since a stream that is slow to come back for
// the next grant would otherwise never get its share.
func (s *Shaper) slice(c *shaped) int {
	n := float64(largestSlice)
	if r := s.total.rate; r > 0 {
		clients := float64(len(s.line.clients) + len(s.paced.clients))
		n = max(min(n, r*turn.Seconds()/clients), r/grantsPerSecond, smallestSlice)
		n = min(n+max(s.virtual-c.virtual, 0), s.total.kept())
	}
	if s.perRate > 0 {
		n = min(n, c.depth(firstBurst))
	}
	return int(min(max(n, smallestSlice), largestSlice))
}

// enter puts a client that has a stream again into the line. One that was
// away for a moment may catch up on what it missed; a new one, or one that
// comes back after a pause, begins where the others are.
func (s *Shaper) enter(c *shaped, now time.Time) {
	floor := s.virtual
	if now.Sub(c.seen) < idleAfter {
		floor -= s.total.rate * catchUp.Seconds()
	}
	c.virtual = max(c.virtual, floor)
	c.seen = now
	s.line.push(c)
}

// withdraw takes a stream out of the queue and reports whether it was still
// there.
func (s *Shaper) withdraw(key netip.Prefix, f *Stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.granted {
		return false
	}
	c := s.clients[key]
	c.remove(f)
	s.waiting -= int64(f.want)
	if c.head == nil {
		s.line.drop(c)
		s.paced.drop(c)
	}
	s.pump(s.now())
	return true
}

// client returns the state of a client, refilled.
func (s *Shaper) client(key netip.Prefix, now time.Time) *shaped {
	c := s.clients[key]
	if c == nil {
		s.sweep(now)
		c = &shaped{virtual: s.virtual}
		c.set(now, s.perRate)
		s.clients[key] = c
	}
	c.refill(now)
	return c
}

// sweep forgets clients that are as good as new. Each of them was there in
// the last second or has to pay off what it took ahead, so what is left is
// bounded by the connections.
func (s *Shaper) sweep(now time.Time) {
	if len(s.clients) < s.sweepAt {
		return
	}
	for key, c := range s.clients {
		c.refill(now)
		if c.head == nil && now.Sub(c.seen) >= idleAfter && c.full() {
			delete(s.clients, key)
		}
	}
	s.sweepAt = max(firstSweep, 2*len(s.clients))
}
