package a2s_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// patient is how tests wait for servers that answer.
var patient = []time.Duration{5 * time.Second, 5 * time.Second, 10 * time.Second}

// TestScan asks a mixture of servers for everything: each is reported once,
// with what Client would have got.
func TestScan(t *testing.T) {
	var addrs []netip.AddrPort
	silent := map[netip.AddrPort]bool{}
	for i := range 30 {
		g := &steamtest.GameServer{Replies: replies(t), Challenges: i % 3, Noise: i%4 == 0, Stranger: i%5 == 0}
		if i%3 == 0 {
			g.Replies = nil
			g.Challenges = 0
		}
		g.Start(t)
		silent[g.Addr()] = i%3 == 0
		addrs = append(addrs, g.Addr(), g.Addr())
	}
	pool := a2s.Pool{PPS: -1, Timeout: 3 * time.Second, Retries: []time.Duration{1500 * time.Millisecond, 1500 * time.Millisecond}, PerIP: -1}
	seen := map[netip.AddrPort]int{}
	stats, err := pool.Scan(t.Context(), addrs, a2s.PartAll, func(a a2s.Answer) {
		seen[a.Address]++
		if silent[a.Address] {
			if len(a.Errors) != 3 || !errors.Is(a.Err(), a2s.ErrTimeout) {
				t.Errorf("%s: %v", a.Address, a.Errors)
			}
			return
		}
		if a.Err() != nil {
			t.Errorf("%s: %v", a.Address, a.Err())
			return
		}
		isWhole(t, a, a2s.PartInfo)
		isWhole(t, a, a2s.PartPlayers)
		isWhole(t, a, a2s.PartRules)
	})
	if err != nil || stats.Servers != 30 || stats.Answered != 20 || len(seen) != 30 {
		t.Errorf("%+v, %v, %d servers", stats, err, len(seen))
	}
	for addr, n := range seen {
		if n != 1 {
			t.Errorf("%s reported %d times", addr, n)
		}
	}
	if stats.Noise == 0 || stats.Received < stats.Noise+60 || stats.Sent < 70 {
		t.Errorf("%+v", stats)
	}
}

// counting are servers of one address that count how many of them are being
// asked at the same time.
type counting struct {
	addrs     []netip.AddrPort
	now, most atomic.Int64
}

func newCounting(t *testing.T, n int) *counting {
	c := &counting{}
	reply := unhex(t, infoHex)
	var done sync.WaitGroup
	t.Cleanup(done.Wait) // after the sockets are closed
	for range n {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		c.addrs = append(c.addrs, conn.LocalAddr().(*net.UDPAddr).AddrPort())
		done.Go(func() {
			b := make([]byte, 100)
			for {
				_, from, err := conn.ReadFromUDPAddrPort(b)
				if err != nil {
					return
				}
				for now, most := c.now.Add(1), c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
				}
				time.Sleep(5 * time.Millisecond)
				c.now.Add(-1)
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		})
		t.Cleanup(func() { conn.Close() })
	}
	return c
}

func TestPerIP(t *testing.T) {
	for perIP, want := range map[int]int64{0: 4, 1: 1, 7: 7} {
		c := newCounting(t, 40)
		pool := a2s.Pool{PerIP: perIP, Timeout: 20 * time.Second, Retries: patient}
		stats, err := pool.Scan(t.Context(), c.addrs, a2s.PartInfo, func(a2s.Answer) {})
		if err != nil || stats.Answered != 40 {
			t.Errorf("%+v, %v", stats, err)
		}
		if got := c.most.Load(); got > want {
			t.Errorf("per_ip %d: %d at the same time", perIP, got)
		}
	}
}

func TestWindow(t *testing.T) {
	c := newCounting(t, 40)
	pool := a2s.Pool{Window: 3, PerIP: -1, PPS: -1, Timeout: 20 * time.Second, Retries: patient}
	stats, err := pool.Scan(t.Context(), c.addrs, a2s.PartInfo, func(a2s.Answer) {})
	if err != nil || stats.Answered != 40 || c.most.Load() > 3 {
		t.Errorf("%+v, %v, %d at the same time", stats, err, c.most.Load())
	}
}

// TestRate holds back retries too: 150 servers that are silent get two
// packets each.
func TestRate(t *testing.T) {
	var addrs []netip.AddrPort
	for i := range 150 {
		addrs = append(addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(1+i)))
	}
	pool := a2s.Pool{PPS: 400, PerIP: -1, Retries: []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}}
	stats, err := pool.Scan(t.Context(), addrs, a2s.PartInfo, func(a2s.Answer) {})
	if err != nil || stats.Sent != 300 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if rate := float64(stats.Sent) / stats.Elapsed.Seconds(); rate > 400*1.05 {
		t.Errorf("%.0f packets per second", rate)
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	g := (&steamtest.GameServer{}).Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := (&a2s.Pool{}).Scan(ctx, []netip.AddrPort{g.Addr()}, a2s.PartInfo, func(a2s.Answer) { t.Error("an answer") })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestSlowConsumer lets answers wait in the system's buffer for longer than
// the servers have: none is lost.
func TestSlowConsumer(t *testing.T) {
	var addrs []netip.AddrPort
	for range 8 {
		addrs = append(addrs, (&steamtest.GameServer{Replies: replies(t)}).Start(t).Addr())
	}
	pool := a2s.Pool{PerIP: -1, PPS: -1, Timeout: time.Second, Retries: []time.Duration{time.Second}}
	first := true
	stats, err := pool.Scan(t.Context(), addrs, a2s.PartInfo, func(a2s.Answer) {
		if first {
			time.Sleep(1500 * time.Millisecond)
		}
		first = false
	})
	if err != nil || stats.Answered != 8 {
		t.Errorf("%+v, %v", stats, err)
	}
}

func TestScanOfNothing(t *testing.T) {
	stats, err := (&a2s.Pool{}).Scan(t.Context(), nil, a2s.PartInfo, func(a2s.Answer) { t.Error("an answer") })
	if err != nil || stats.Servers != 0 {
		t.Error(stats, err)
	}
	if _, err := (&a2s.Pool{}).Scan(t.Context(), nil, 0, nil); err == nil {
		t.Error("asked for no part")
	}
}

// TestResponder is asked by the client: INFO, a split PLAYER and RULES.
func TestResponder(t *testing.T) {
	var players []a2s.Player
	for i := range 200 {
		players = append(players, a2s.Player{Name: fmt.Sprintf("player %d", i), Score: int32(i)})
	}
	r := a2s.NewResponder(func() a2s.Content {
		return a2s.Content{Info: &a2s.Info{ServerName: "Savage", PlayerCount: 200}, Players: players, Rules: []a2s.Rule{{Name: "a", Value: "b"}}}
	}, nil)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- r.Serve(ctx, conn) }()
	a := quick(t).All(t.Context(), conn.LocalAddr().(*net.UDPAddr).AddrPort())
	if a.Err() != nil || a.Info.ServerName != "Savage" || len(a.Players.Players) != 200 || a.Players.Players[199].Score != 199 || a.Rules.Map()["a"] != "b" {
		t.Errorf("%+v", a)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestResponderDoesNotReflect sends every question without a challenge, or
// with that of somebody else: nothing longer comes back.
func TestResponderDoesNotReflect(t *testing.T) {
	now := time.Unix(1700000000, 0)
	r := a2s.NewResponder(func() a2s.Content {
		return a2s.Content{Info: &a2s.Info{ServerName: strings.Repeat("n", 99)}, Players: make([]a2s.Player, 99), Rules: make([]a2s.Rule, 99)}
	}, func() time.Time { return now })
	me, other := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.1:1001")
	ask := func(from netip.AddrPort, kind byte, c a2s.Challenge) [][]byte {
		return r.Answer(from, a2s.AppendRequest(nil, a2s.Request{Kind: kind, Challenge: c}))
	}
	demand := ask(me, a2s.RequestPlayers, a2s.NoChallenge)
	if len(demand) != 1 {
		t.Fatal("no challenge is given")
	}
	c, err := a2s.DecodeChallenge(demand[0])
	if err != nil {
		t.Fatal(err)
	}
	for kind := range 256 {
		for _, stranger := range []a2s.Challenge{a2s.NoChallenge, {}, c} {
			question := a2s.AppendRequest(nil, a2s.Request{Kind: byte(kind), Challenge: stranger})
			for cut := range len(question) + 1 {
				got := r.Answer(other, question[:cut])
				if len(got) > 1 || len(got) == 1 && len(got[0]) > cut {
					t.Fatalf("%x is answered with %d datagrams", question[:cut], len(got))
				}
			}
		}
	}
	isAnswer := func(d [][]byte) bool { return len(d) > 0 && !bytes.HasPrefix(d[0], []byte("\xff\xff\xff\xff\x41")) }
	for _, kind := range []byte{a2s.RequestInfo, a2s.RequestPlayers, a2s.RequestRules} {
		if !isAnswer(ask(me, kind, c)) {
			t.Errorf("%#x with its challenge is not answered", kind)
		}
	}
	now = now.Add(5 * time.Minute)
	if !isAnswer(ask(me, a2s.RequestInfo, c)) {
		t.Error("the challenge before is refused")
	}
	now = now.Add(5 * time.Minute)
	if isAnswer(ask(me, a2s.RequestInfo, c)) {
		t.Error("an old challenge is accepted")
	}
}

func TestSmallBufferIsTold(t *testing.T) {
	var log bytes.Buffer
	pool := a2s.Pool{Log: slog.New(slog.NewTextHandler(&log, nil))}
	if _, err := pool.Scan(t.Context(), nil, a2s.PartInfo, nil); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); text != "" && !strings.Contains(text, "wanted=4194304") {
		t.Error(text)
	}
}
