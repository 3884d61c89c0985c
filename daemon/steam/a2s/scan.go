package a2s

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// scan is one run of a Pool. One goroutine does everything, so nothing is
// locked and the order of events is that of the socket.
type scan struct {
	pool   *Pool
	conn   *net.UDPConn
	want   Part
	each   func(Answer)
	bucket bucket
	window int
	perIP  int
	stats  Stats

	waiting []netip.AddrPort // to be started, the last first
	hosts   map[netip.Addr]*host
	active  map[netip.AddrPort]*target
	timers  timers
	outbox  []*target // in need of a packet, which the bucket holds back

	deadline time.Time // of the socket
	drained  time.Time // when the socket was last known to be empty
	reads    int       // since then
}

// host is one address with the servers that wait for others there.
type host struct {
	busy    int
	waiting []netip.AddrPort
}

// target is a server that is being asked.
type target struct {
	addr   netip.AddrPort
	left   Part
	q      *query
	answer Answer
	given  Challenge
	speaks Dialect
	index  int // in timers; -1: not there
	queued bool
}

const (
	// pause bounds how long the end of the context is not seen.
	pause = 50 * time.Millisecond
	// shortest is the shortest wait for a datagram: a deadline that has passed
	// would not look at the socket at all.
	shortest = 200 * time.Microsecond
	// sendBatch bounds the packets that are sent between two reads.
	sendBatch = 16
)

func newScan(p *Pool, conn *net.UDPConn, servers []netip.AddrPort, want Part, each func(Answer), now time.Time) *scan {
	s := &scan{
		pool: p, conn: conn, want: want, each: each, bucket: newBucket(or(p.PPS, DefaultPPS), now),
		window: or(p.Window, DefaultWindow), perIP: or(p.PerIP, DefaultPerIP),
		hosts: map[netip.Addr]*host{}, active: map[netip.AddrPort]*target{},
	}
	seen := make(map[netip.AddrPort]bool, len(servers))
	for _, addr := range servers {
		if addr = unmap(addr); !seen[addr] {
			seen[addr] = true
			s.waiting = append(s.waiting, addr)
		}
	}
	rand.Shuffle(len(s.waiting), func(i, j int) { s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i] })
	return s
}

// run goes on until every server was asked.
func (s *scan) run(ctx context.Context) error {
	b := make([]byte, maxDatagram)
	for failures := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		now := time.Now()
		s.expire(now)
		s.send(now)
		if len(s.active) == 0 && len(s.waiting) == 0 {
			return nil
		}
		n, from, err := s.read(b, now)
		switch {
		case err == nil:
			failures = 0
			s.receive(unmap(from), b[:n])
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.drained, s.reads = time.Now(), 0
		default: // about an earlier send, as in Client
			if failures++; failures > maxReadFailures || errors.Is(err, net.ErrClosed) {
				return err
			}
		}
	}
}

// read waits for a datagram until there is something else to do.
func (s *scan) read(b []byte, now time.Time) (int, netip.AddrPort, error) {
	until := now.Add(pause)
	if len(s.timers) > 0 && s.timers[0].q.due.Before(until) {
		until = s.timers[0].q.due
	}
	if s.mayStart() || len(s.outbox) > 0 {
		if next := s.bucket.next(); next.Before(until) {
			until = next
		}
	}
	if soon := now.Add(shortest); until.Before(soon) {
		until = soon
	}
	// A deadline that is earlier only makes one more round.
	if s.deadline.Before(now.Add(shortest/2)) || s.deadline.After(until) {
		if err := s.conn.SetReadDeadline(until); err != nil {
			return 0, netip.AddrPort{}, err
		}
		s.deadline = until
	}
	return s.conn.ReadFromUDPAddrPort(b)
}

// expire wakes the queries whose time has come. What came in meanwhile counts
// first: only what was due when the socket was last empty is woken, unless it
// never is.
func (s *scan) expire(now time.Time) {
	limit := s.drained
	if s.reads > 4*min(s.window, DefaultWindow) {
		limit = now
		s.reads = 0
	}
	for len(s.timers) > 0 && !s.timers[0].q.due.After(limit) {
		t := s.timers[0]
		heap.Pop(&s.timers)
		if t.q.wake(now) {
			s.queue(t)
		} else {
			s.next(t)
		}
	}
}

// queue asks for a packet to be sent.
func (s *scan) queue(t *target) {
	if !t.queued {
		t.queued = true
		s.outbox = append(s.outbox, t)
	}
}

// mayStart reports whether another server may be asked.
func (s *scan) mayStart() bool { return len(s.waiting) > 0 && len(s.active) < s.window }

// send sends what the bucket lets through: first what is under way, then to
// new servers.
func (s *scan) send(now time.Time) {
	for range sendBatch {
		if len(s.outbox) == 0 && !s.startNext() {
			return
		}
		if !s.bucket.take(now) {
			return
		}
		t := s.outbox[0]
		s.outbox[0] = nil
		s.outbox = s.outbox[1:]
		t.queued = false
		if t.q.done { // the answer came while the packet waited
			continue
		}
		s.sendTo(t, now)
	}
}

func (s *scan) sendTo(t *target, now time.Time) {
	if _, err := s.conn.WriteToUDPAddrPort(t.q.packet(), t.addr); err != nil {
		s.disarm(t) // a challenge may have set a time before the packet's turn came
		t.q.finish(fmt.Errorf("send: %w", err))
		s.next(t)
		return
	}
	s.stats.Sent++
	t.q.sent(now)
	s.arm(t)
}

// startNext makes another server active. Those whose address is busy wait
// there.
func (s *scan) startNext() bool {
	for s.mayStart() {
		last := len(s.waiting) - 1
		addr := s.waiting[last]
		s.waiting = s.waiting[:last]
		h := s.hosts[addr.Addr()]
		if h == nil {
			h = &host{}
			s.hosts[addr.Addr()] = h
		}
		if h.busy >= s.perIP {
			h.waiting = append(h.waiting, addr)
			continue
		}
		h.busy++
		t := &target{addr: addr, left: s.want, answer: Answer{Address: addr}, given: NoChallenge, index: -1}
		s.active[addr] = t
		s.begin(t)
		return true
	}
	return false
}

// begin starts the next question to a server.
func (s *scan) begin(t *target) {
	i := slices.IndexFunc(parts[:], func(p Part) bool { return t.left&p != 0 })
	t.left &^= parts[i]
	t.q = &query{part: parts[i], retries: s.pool.Retries, timeout: s.pool.Timeout, challenge: t.given}
	if len(t.q.retries) == 0 {
		t.q.retries = defaultRetries()
	}
	if t.q.timeout <= 0 {
		t.q.timeout = DefaultTimeout
	}
	t.q.asm.Dialect = t.speaks
	if t.q.asm.Limit = s.pool.MaxReply; t.q.asm.Limit <= 0 {
		t.q.asm.Limit = defaultMaxReply
	}
	s.queue(t)
}

// receive takes a datagram.
func (s *scan) receive(from netip.AddrPort, datagram []byte) {
	s.stats.Received++
	s.reads++
	t := s.active[from]
	if t == nil || t.q.started.IsZero() || t.q.done {
		s.stats.Noise++
		return
	}
	due := t.q.due
	switch {
	case t.q.receive(time.Now(), datagram):
		s.disarm(t)
		s.queue(t)
	case t.q.done:
		s.disarm(t)
		s.next(t)
	case t.q.due != due:
		s.arm(t)
	}
}

// next takes over what a finished question brought, and goes on with the
// server or ends it. A server that is silent is not asked further.
func (s *scan) next(t *target) {
	s.stats.Noise += int64(t.q.noise)
	t.answer.set(t.q)
	t.given = t.q.challenge
	if t.q.part == PartInfo && t.q.err == nil {
		t.speaks = t.q.info.Dialect()
	}
	if t.q.err != nil && t.answer.Ping == 0 {
		for _, p := range parts {
			if t.left&p != 0 {
				t.answer.fail(p, t.q.err)
			}
		}
		t.left = 0
	}
	if t.left != 0 {
		s.begin(t)
		return
	}
	delete(s.active, t.addr)
	s.leave(t.addr)
	s.stats.Servers++
	if t.answer.Err() == nil {
		s.stats.Answered++
	}
	s.each(t.answer)
}

// leave lets the next server of the same address have its turn.
func (s *scan) leave(addr netip.AddrPort) {
	h := s.hosts[addr.Addr()]
	h.busy--
	if last := len(h.waiting) - 1; last >= 0 {
		s.waiting = append(s.waiting, h.waiting[last])
		h.waiting = h.waiting[:last]
	} else if h.busy == 0 {
		delete(s.hosts, addr.Addr())
	}
}

// arm puts the query's due time into the timers.
func (s *scan) arm(t *target) {
	if t.index < 0 {
		heap.Push(&s.timers, t)
	} else {
		heap.Fix(&s.timers, t.index)
	}
}

func (s *scan) disarm(t *target) {
	if t.index >= 0 {
		heap.Remove(&s.timers, t.index)
	}
}

// timers is a heap, the earliest first.
type timers []*target

func (h timers) Len() int           { return len(h) }
func (h timers) Less(i, j int) bool { return h[i].q.due.Before(h[j].q.due) }

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is for package heap.
func (h *timers) Push(x any) {
	t := x.(*target)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop is for package heap.
func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
