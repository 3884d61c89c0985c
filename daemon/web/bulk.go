package web

import (
	"runtime"
	"sync/atomic"
	"time"
)

// bulkGate bounds how many system calls of long transfers run at the same
// time, so that they cannot keep every processor from noticing and answering a
// short request. While nobody asks for anything short, long transfers may use
// every processor; as soon as somebody does, they leave one free. See
// DESIGN-bulk.md.
//
// Waiters are served in the order they came. A bulkGate is safe for concurrent
// use.
type bulkGate struct {
	always chan struct{} // slots for all but one processor
	spare  chan struct{} // the last one, while it is quiet
	start  time.Time
	short  atomic.Int64 // when something short was last sent, since start
}

// quietAfter is how long after the last short answer the spare slot is given
// away.
const quietAfter = 100 * time.Millisecond

// newBulkGate makes a gate for n processors; 0 means those of the process.
func newBulkGate(n int) *bulkGate {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	g := &bulkGate{always: make(chan struct{}, max(1, n-1)), spare: make(chan struct{}, 1), start: time.Now()}
	if n == 1 {
		g.spare = nil
	}
	g.short.Store(-int64(quietAfter))
	return g
}

// sentShort tells that something short was sent.
func (g *bulkGate) sentShort() { g.short.Store(int64(time.Since(g.start))) }

// enter waits for a slot and returns what to hand to leave.
func (g *bulkGate) enter() chan struct{} {
	if int64(time.Since(g.start))-g.short.Load() < int64(quietAfter) {
		g.always <- struct{}{}
		return g.always
	}
	select {
	case g.always <- struct{}{}:
		return g.always
	case g.spare <- struct{}{}: // nil: never
		return g.spare
	}
}

func (g *bulkGate) leave(slot chan struct{}) { <-slot }
