package a2s

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"time"
)

// Pool asks thousands of servers through one socket. Set what differs from
// the defaults; a Pool is not changed by scans and may run several at once,
// each with limits of its own.
type Pool struct {
	// Window bounds the servers that are being asked at the same time; 0
	// means 2,000.
	Window int
	// PPS bounds the packets sent per second; 0 means 2,000, below 0 is no
	// limit.
	PPS int
	// PerIP bounds the servers of one address that are being asked at the
	// same time, since hosters block bursts; 0 means 4, below 0 is no limit.
	PerIP int
	// Timeout and Retries are for each question, as in Client.
	Timeout time.Duration
	Retries []time.Duration
	// MaxReply bounds a reply in fragments, in bytes; 0 means 64 KiB.
	MaxReply int
	// Log is told once per scan when the system grants less buffer than the
	// replies may need. Nil: nobody is.
	Log *slog.Logger
}

// The defaults of Pool.
const (
	DefaultWindow   = 2000
	DefaultPPS      = 2000
	DefaultPerIP    = 4
	defaultMaxReply = 64 << 10

	// readBuffer is what is asked of the system for replies that wait.
	readBuffer = 4 << 20
)

// Stats is what a scan cost.
type Stats struct {
	Servers  int   // that were asked to the end
	Answered int   // of them, those that answered all
	Sent     int64 // datagrams
	Received int64 // datagrams
	// Noise counts the datagrams from strangers and those that answer
	// nothing.
	Noise   int64
	Elapsed time.Duration
}

// Scan asks the servers for the parts that want names, in a random order and
// each once, however often it stands in the list. It calls each with every
// server's answer as soon as it is complete, on the goroutine of the caller;
// while each runs nothing is received beyond what the system buffers.
//
// It ends early with the error of the context, or of the socket. With the
// limits off and all servers answering, a scan takes one core some 20 µs per
// packet; else it takes about (servers × mean time per server) / Window or
// packets / PPS, whichever is more.
func (p *Pool) Scan(ctx context.Context, servers []netip.AddrPort, want Part, each func(Answer)) (Stats, error) {
	if want&PartAll == 0 {
		return Stats{}, fmt.Errorf("%s: nothing is asked for", want)
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return Stats{}, err
	}
	defer conn.Close()
	p.buffer(conn)
	begun := time.Now()
	s := newScan(p, conn, servers, want&PartAll, each, begun)
	err = s.run(ctx)
	s.stats.Elapsed = time.Since(begun)
	return s.stats, err
}

// buffer asks for room and says so when there is less.
func (p *Pool) buffer(conn *net.UDPConn) {
	err := conn.SetReadBuffer(readBuffer)
	if p.Log == nil {
		return
	}
	granted, known := bufferOf(conn)
	if err == nil && (!known || granted >= readBuffer) {
		return
	}
	p.Log.Warn("the system grants a small buffer for replies; some may be lost and asked for again",
		"bytes", granted, "wanted", readBuffer, "hint", "raise net.core.rmem_max, or lower a2s.window")
}

// or returns v, what stands for 0, or no limit for what is below.
func or(v, standard int) int {
	switch {
	case v == 0:
		return standard
	case v < 0:
		return math.MaxInt
	}
	return v
}

// bucket lets packets through at a rate, without a burst.
type bucket struct {
	perSecond float64 // +Inf: no limit
	tokens    float64
	filled    time.Time
}

// burst is how long an idle bucket fills.
const burst = 10 * time.Millisecond

func newBucket(perSecond int, now time.Time) bucket {
	b := bucket{perSecond: float64(perSecond), tokens: 1, filled: now}
	if perSecond == math.MaxInt {
		b.perSecond = math.Inf(1)
	}
	return b
}

// take returns whether a packet may go now.
func (b *bucket) take(now time.Time) bool {
	if math.IsInf(b.perSecond, 1) {
		return true
	}
	if d := now.Sub(b.filled); d > 0 {
		b.tokens = min(b.tokens+d.Seconds()*b.perSecond, max(1, b.perSecond*burst.Seconds()))
		b.filled = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// next returns when take will succeed, if it just failed.
func (b *bucket) next() time.Time {
	return b.filled.Add(time.Duration((1 - b.tokens) / b.perSecond * float64(time.Second)))
}
