package steamtest

import (
	"bytes"
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"time"
)

// GameServer is a game server on loopback that answers A2S with prepared
// datagrams, and with the ways in which real ones go wrong. Fill in what it
// does, then Listen.
type GameServer struct {
	// Replies are the datagrams that answer a question, by its type byte
	// (0x54 INFO, 0x55 PLAYER, 0x56 RULES). Others are not answered.
	Replies map[byte][][]byte
	// Challenges is how many different challenges an asker has to show before
	// he is answered; -1: he never is.
	Challenges int
	// Noise sends 64 zero bytes before each reply, as real servers do at
	// times.
	Noise bool
	// Stranger sends each reply from another port first, spoiled by a wrong
	// last byte. With OnlyStranger nothing else is sent.
	Stranger, OnlyStranger bool
	// Lose drops this datagram of the first reply to each question, counted
	// from 1.
	Lose int
	// LoseAll is how many questions are not answered before the first is.
	LoseAll int
	// Delay is how long an answer takes.
	Delay time.Duration

	conn     *net.UDPConn
	stranger *net.UDPConn
	done     sync.WaitGroup

	mu       sync.Mutex
	received [][]byte
	given    map[netip.AddrPort][]byte // the last challenge
	shown    map[netip.AddrPort]int
	answered map[byte]int
}

// Listen starts it at an address such as 127.0.0.1:0.
func (g *GameServer) Listen(address string) error {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return err
	}
	if g.conn, err = net.ListenUDP("udp", addr); err != nil {
		return err
	}
	if g.stranger, err = net.ListenUDP("udp", &net.UDPAddr{IP: addr.IP}); err != nil {
		g.conn.Close()
		return err
	}
	g.given, g.shown, g.answered = map[netip.AddrPort][]byte{}, map[netip.AddrPort]int{}, map[byte]int{}
	g.done.Go(g.serve)
	return nil
}

// Start is Listen on a free port of 127.0.0.1 for the time of a test.
func (g *GameServer) Start(tb TB) *GameServer {
	tb.Helper()
	if err := g.Listen("127.0.0.1:0"); err != nil {
		tb.Fatalf("game server: %v", err)
	}
	tb.Cleanup(g.Close)
	return g
}

// Addr is where it listens.
func (g *GameServer) Addr() netip.AddrPort {
	return g.conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Received returns the questions that came, in order.
func (g *GameServer) Received() [][]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([][]byte{}, g.received...)
}

// Close stops it.
func (g *GameServer) Close() {
	g.conn.Close()
	g.done.Wait()
	g.stranger.Close()
}

func (g *GameServer) serve() {
	b := make([]byte, 65535)
	for {
		n, from, err := g.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if n < 5 {
			continue
		}
		time.Sleep(g.Delay)
		for _, d := range g.answer(from, bytes.Clone(b[:n])) {
			g.send(d, from)
		}
	}
}

// send writes one datagram; who has gone is no failure.
func (g *GameServer) send(d []byte, to netip.AddrPort) {
	if g.Stranger || g.OnlyStranger {
		spoiled := bytes.Clone(d)
		spoiled[len(spoiled)-1] ^= 0xff
		_, _ = g.stranger.WriteToUDPAddrPort(spoiled, to)
	}
	if g.Noise {
		_, _ = g.conn.WriteToUDPAddrPort(make([]byte, 64), to)
	}
	if !g.OnlyStranger {
		_, _ = g.conn.WriteToUDPAddrPort(d, to)
	}
}

func (g *GameServer) answer(from netip.AddrPort, question []byte) [][]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.received = append(g.received, question)
	if len(g.received) <= g.LoseAll {
		return nil
	}
	shown := question[len(question)-4:]
	if given := g.given[from]; given != nil && bytes.Equal(shown, given) {
		g.shown[from]++
		g.given[from] = nil
	}
	if g.Challenges < 0 || g.shown[from] < g.Challenges {
		if g.given[from] == nil || g.Challenges < 0 {
			c := make([]byte, 4)
			rand.Read(c) // never fails: see crypto/rand
			g.given[from] = c
		}
		return [][]byte{append([]byte("\xff\xff\xff\xff\x41"), g.given[from]...)}
	}
	kind := question[4]
	reply := append([][]byte{}, g.Replies[kind]...)
	if g.answered[kind]++; g.Lose > 0 && g.answered[kind] == 1 && len(reply) >= g.Lose {
		reply = append(reply[:g.Lose-1], reply[g.Lose:]...)
	}
	return reply
}
