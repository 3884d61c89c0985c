package limit

import (
	"container/heap"
	"math"
	"time"
)

// pool is what may pass at once of one rate. A rate of 0 is none at all.
type pool struct {
	rate   float64 // bytes per second
	tokens float64 // bytes that may pass; below 0 after short answers
	small  float64 // bytes that short answers may take ahead of the queue
	filled time.Time
}

// set changes the rate. What was owed under the old one is forgotten: paying
// it off at a much lower rate could take minutes.
func (p *pool) set(now time.Time, rate float64) {
	fresh := p.rate == 0
	p.rate, p.filled = rate, now
	p.tokens = min(max(p.tokens, 0), p.depth(firstBurst))
	p.small = min(p.small, p.smallDepth())
	if fresh {
		p.tokens, p.small = p.depth(firstBurst), p.smallDepth()
	}
}

// depth is how much may gather in the given time, at least one slice.
func (p *pool) depth(d time.Duration) float64 { return max(p.rate*d.Seconds(), smallestSlice) }

// kept is how much may gather while streams wait: with one slice only, all
// that a late timer misses would be lost.
func (p *pool) kept() float64 { return max(p.depth(catchUp), 2*smallestSlice) }

func (p *pool) smallDepth() float64 { return max(p.rate*catchUp.Seconds(), smallReserve) }

func (p *pool) refill(now time.Time) {
	passed := now.Sub(p.filled)
	if passed <= 0 || p.rate == 0 {
		return
	}
	depth := p.kept()
	if passed >= idleAfter {
		depth = p.depth(firstBurst)
	}
	p.filled = now
	p.tokens = min(p.tokens+p.rate*passed.Seconds(), depth)
	p.small = min(p.small+p.rate/2*passed.Seconds(), p.smallDepth())
}

// delay is how long it takes until n bytes may pass; 0: they may now.
func (p *pool) delay(n int) time.Duration {
	lack := float64(n) - p.tokens
	if p.rate == 0 || lack <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(lack / p.rate * float64(time.Second)))
}

func (p *pool) take(n int) { p.tokens -= float64(n) }
func (p *pool) give(n int) { p.tokens += float64(n) }

func (p *pool) hasSmall(n int) bool { return p.rate == 0 || p.small >= float64(n) }

func (p *pool) takeSmall(n int) {
	p.small -= float64(n)
	p.take(n)
}

// full reports whether a new pool would hold no more.
func (p *pool) full() bool {
	return p.rate == 0 || p.tokens >= p.depth(firstBurst) && p.small >= p.smallDepth()
}

// shaped is one client of a Shaper.
type shaped struct {
	pool
	virtual    float64   // bytes granted so far, on the scale of all clients
	seen       time.Time // when it last came into the line or left it
	due        time.Time // when its own pool allows the next grant
	head, tail *Stream
	index      int // in the heap it is in
	in         *clientHeap
}

// append queues a stream and reports whether it is the only one.
func (c *shaped) append(f *Stream) bool {
	if c.head == nil {
		c.head, c.tail = f, f
		return true
	}
	c.tail.next, c.tail = f, f
	return false
}

func (c *shaped) shift() *Stream {
	f := c.head
	c.head, f.next = f.next, nil
	if c.head == nil {
		c.tail = nil
	}
	return f
}

func (c *shaped) remove(f *Stream) {
	var before *Stream
	for at := c.head; at != nil; before, at = at, at.next {
		if at != f {
			continue
		}
		if before == nil {
			c.head = f.next
		} else {
			before.next = f.next
		}
		if c.tail == f {
			c.tail = before
		}
		f.next = nil
		return
	}
}

// clientHeap orders clients by their virtual time, or by due. A client is in
// at most one.
type clientHeap struct {
	byDue   bool
	clients []*shaped
}

func (h *clientHeap) push(c *shaped) { heap.Push((*heapOrder)(h), c) }
func (h *clientHeap) pop() *shaped   { return heap.Pop((*heapOrder)(h)).(*shaped) }
func (h *clientHeap) fix(c *shaped)  { heap.Fix((*heapOrder)(h), c.index) }

// drop removes c if it is in this heap.
func (h *clientHeap) drop(c *shaped) {
	if c.in == h {
		heap.Remove((*heapOrder)(h), c.index)
	}
}

// heapOrder keeps the methods of heap.Interface out of clientHeap.
type heapOrder clientHeap

func (h *heapOrder) Len() int { return len(h.clients) }

func (h *heapOrder) Less(i, j int) bool {
	a, b := h.clients[i], h.clients[j]
	if h.byDue {
		return a.due.Before(b.due)
	}
	return a.virtual < b.virtual
}

func (h *heapOrder) Swap(i, j int) {
	h.clients[i], h.clients[j] = h.clients[j], h.clients[i]
	h.clients[i].index, h.clients[j].index = i, j
}

func (h *heapOrder) Push(x any) {
	c := x.(*shaped)
	c.index, c.in = len(h.clients), (*clientHeap)(h)
	h.clients = append(h.clients, c)
}

func (h *heapOrder) Pop() any {
	last := len(h.clients) - 1
	c := h.clients[last]
	h.clients[last] = nil
	h.clients = h.clients[:last]
	c.in = nil
	return c
}
