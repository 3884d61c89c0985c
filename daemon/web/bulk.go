package web

import "runtime"

// bulkGate bounds how many system calls of long transfers run at the same
// time. A sendfile of a long body keeps a processor busy for as long as the
// client's buffers have room; with as many of them as processors, a request
// for a few kilobytes would wait for all of them. See DESIGN-bulk.md.
//
// Waiters are served in the order they came. A bulkGate is safe for concurrent
// use.
type bulkGate struct{ slots chan struct{} }

// newBulkGate lets n calls through at once; 0 means one fewer than there are
// processors, but at least one.
func newBulkGate(n int) *bulkGate {
	if n <= 0 {
		n = max(1, runtime.GOMAXPROCS(0)-1)
	}
	return &bulkGate{slots: make(chan struct{}, n)}
}

func (g *bulkGate) enter() { g.slots <- struct{}{} }
func (g *bulkGate) leave() { <-g.slots }
