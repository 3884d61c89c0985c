package web

import (
	"runtime"
	"sync/atomic"
	"time"
)

// bulkGate bounds how many system calls of long transfers run at the same
// time, so that they cannot keep every processor from noticing and answering a
// short request. While nobody asks for anything short the gate stands open; as
// soon as somebody does, long transfers leave one processor free. See
// DESIGN-bulk.md.
//
// Waiters are served in the order they came. A bulkGate is safe for concurrent
// use.
type bulkGate struct {
	slots chan struct{} // for all but one processor
	start time.Time
	short atomic.Int64 // when something short was last sent, since start
}

// quietAfter is how long after the last short answer the gate stands open.
const quietAfter = time.Second

// newBulkGate makes a gate for n processors; 0 means those of the process.
func newBulkGate(n int) *bulkGate {
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	g := &bulkGate{slots: make(chan struct{}, max(1, n-1)), start: time.Now()}
	g.short.Store(-int64(quietAfter))
	return g
}

// sentShort tells that something short was sent.
func (g *bulkGate) sentShort() { g.short.Store(int64(time.Since(g.start))) }

// enter waits for a slot if there is a need for them, and reports whether
// there is one to leave.
func (g *bulkGate) enter() bool {
	if int64(time.Since(g.start))-g.short.Load() >= int64(quietAfter) {
		return false
	}
	g.slots <- struct{}{}
	return true
}

func (g *bulkGate) leave() { <-g.slots }
