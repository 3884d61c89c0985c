package demosink

import (
	"slices"
	"sync"
	"time"
)

const (
	// flowFor is how long the disk may need for everything that is written
	// and not durable. Whoever waits for a sync, such as a session that is
	// closed, waits behind that. Much less would make each sync so small that
	// what it costs for each file is all that is done.
	flowFor = 10 * time.Second
	// Bounds of what may be written and not durable, whatever the disk does.
	flowLeast = 16 << 20
	flowMost  = 4 << 30
	flowFirst = 128 << 20 // until something was measured
)

// flow bounds how many bytes of all streams are written and not yet durable,
// by how fast the disk makes them so. Who brings more waits for his turn, in
// the order of asking; his client is held up by TCP. Without it the system
// takes gigabytes before it slows anybody down, and on a slow disk every sync
// takes minutes then.
type flow struct {
	pressed chan struct{} // half of the bound is reached

	mu      sync.Mutex
	pending int64
	limit   int64
	queue   []*turn
}

// turn is a stream's place in the queue. It is used again and again.
type turn struct {
	n     int64
	given chan struct{} // has room for one
	hurry chan struct{} // closed: the stream ends and waits no more
}

func (f *flow) init() { f.limit, f.pressed = flowFirst, make(chan struct{}, 1) }

// take returns when n bytes more may be written.
func (f *flow) take(t *turn, n int64) {
	f.mu.Lock()
	if len(f.queue) == 0 && f.pending < f.limit {
		f.grant(n)
		f.mu.Unlock()
		return
	}
	t.n = n
	f.queue = append(f.queue, t)
	f.mu.Unlock()
	select {
	case <-t.given:
		return
	case <-t.hurry:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.queue, t)
	if i < 0 { // given meanwhile
		<-t.given
		return
	}
	f.queue = slices.Delete(f.queue, i, i+1)
	f.grant(n)
}

// grant is called with the mutex held.
func (f *flow) grant(n int64) {
	f.pending += n
	if f.pending < f.limit/2 {
		return
	}
	select {
	case f.pressed <- struct{}{}:
	default:
	}
}

// give says that n bytes are durable, or will never be.
func (f *flow) give(n int64) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending -= n
	for len(f.queue) > 0 && f.pending < f.limit {
		t := f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		f.grant(t.n)
		t.given <- struct{}{}
	}
}

// measure learns from a sync of all streams how fast the disk is. One that
// had little to do says nothing.
func (f *flow) measure(n int64, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < f.limit/4 || took <= 0 {
		return
	}
	fits := int64(float64(n) / took.Seconds() * flowFor.Seconds())
	f.limit = min(max((f.limit+fits)/2, flowLeast), flowMost)
}
