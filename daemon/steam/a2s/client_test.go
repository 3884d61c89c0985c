package a2s_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"encoding/hex"

	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const infoHex = "ffffffff4907416c6c20454446006d0066006700ea03010200006f01003100f188692c000000000030018c69545600612c6200ea03000000000000"

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// file returns the datagrams of a vector.
func file(tb testing.TB, name string) (datagrams [][]byte) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".raw"))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		datagrams = append(datagrams, unhex(tb, strings.TrimSpace(line)))
	}
	return datagrams
}

// quick is a schedule of retries that leaves a loaded machine enough time
// where an answer is expected.
func quick(tb testing.TB) *a2s.Client {
	c := &a2s.Client{Timeout: 20 * time.Second, Retries: []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}}
	tb.Cleanup(func() { c.Close() })
	return c
}

// impatient is a schedule for servers that are silent.
func impatient(tb testing.TB) *a2s.Client {
	c := &a2s.Client{Retries: []time.Duration{30 * time.Millisecond, 40 * time.Millisecond, 50 * time.Millisecond}}
	tb.Cleanup(func() { c.Close() })
	return c
}

func replies(tb testing.TB) map[byte][][]byte {
	return map[byte][][]byte{a2s.RequestInfo: {unhex(tb, infoHex)}, a2s.RequestPlayers: file(tb, "players_single"), a2s.RequestRules: file(tb, "rules_source_bz2")}
}

// TestMatrix asks servers of every kind and looks at what came of it and at
// how many packets that took.
func TestMatrix(t *testing.T) {
	split := map[byte][][]byte{a2s.RequestPlayers: file(t, "players_source_ooo_dup")}
	tests := []struct {
		name   string
		server *steamtest.GameServer
		part   a2s.Part
		slow   bool // the schedule of retries is run through
		sent   int
		err    error
	}{
		{"info plain", &steamtest.GameServer{}, a2s.PartInfo, false, 1, nil},
		{"info challenge", &steamtest.GameServer{Challenges: 1}, a2s.PartInfo, false, 2, nil},
		{"info challenge that changes", &steamtest.GameServer{Challenges: 2}, a2s.PartInfo, false, 3, nil},
		{"info endless challenge", &steamtest.GameServer{Challenges: -1}, a2s.PartInfo, false, 3, a2s.ErrChallengeLoop},
		{"players without challenge", &steamtest.GameServer{}, a2s.PartPlayers, false, 1, nil},
		{"players challenge", &steamtest.GameServer{Challenges: 1}, a2s.PartPlayers, false, 2, nil},
		{"players challenge that changes", &steamtest.GameServer{Challenges: 2}, a2s.PartPlayers, false, 3, nil},
		{"players endless challenge", &steamtest.GameServer{Challenges: -1}, a2s.PartPlayers, false, 3, a2s.ErrChallengeLoop},
		{"players split, out of order, duplicate", &steamtest.GameServer{Replies: split}, a2s.PartPlayers, false, 1, nil},
		{"rules bzip2", &steamtest.GameServer{Challenges: 1}, a2s.PartRules, false, 2, nil},
		{"rules without size", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestRules: file(t, "rules_source_nosize")}}, a2s.PartRules, false, 1, nil},
		{"rules without inner header", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestRules: file(t, "rules_source_noinner")}}, a2s.PartRules, false, 1, nil},
		{"rules GoldSource", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestRules: file(t, "rules_goldsrc_split")}}, a2s.PartRules, false, 1, nil},
		{"rules damaged", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestRules: file(t, "bad_rules_source_bz2_crc")}}, a2s.PartRules, false, 1, a2s.ErrMalformed},
		{"malformed", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestInfo: {unhex(t, "ffffffff49")}}}, a2s.PartInfo, false, 1, a2s.ErrMalformed},
		{"noise first", &steamtest.GameServer{Noise: true, Challenges: 1}, a2s.PartInfo, false, 2, nil},
		{"wrong sender too", &steamtest.GameServer{Stranger: true, Challenges: 1}, a2s.PartInfo, false, 2, nil},
		{"wrong sender", &steamtest.GameServer{OnlyStranger: true}, a2s.PartInfo, true, 3, a2s.ErrTimeout},
		{"wrong type", &steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestInfo: file(t, "players_single")}}, a2s.PartInfo, true, 3, a2s.ErrTimeout},
		{"silence", &steamtest.GameServer{Replies: map[byte][][]byte{}}, a2s.PartInfo, true, 3, a2s.ErrTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.server.Replies == nil {
				tt.server.Replies = replies(t)
			}
			tt.server.Start(t)
			c := quick(t)
			if tt.slow {
				c = impatient(t)
			}
			a := c.Ask(t.Context(), tt.server.Addr(), tt.part)
			if !errors.Is(a.Err(), tt.err) {
				t.Errorf("error %v, want %v", a.Err(), tt.err)
			}
			if tt.err == nil {
				isWhole(t, a, tt.part)
			}
			if got := len(tt.server.Received()); got != tt.sent {
				t.Errorf("%d packets sent, want %d", got, tt.sent)
			}
		})
	}
}

// isWhole checks the values of the vectors.
func isWhole(t *testing.T, a a2s.Answer, part a2s.Part) {
	t.Helper()
	if a.Ping <= 0 {
		t.Error("the ping is missing")
	}
	switch part {
	case a2s.PartInfo:
		if a.Info == nil || a.Info.ServerName != "All EDF" || a.Info.GameID != 1002 {
			t.Errorf("%+v", a.Info)
		}
	case a2s.PartPlayers:
		if a.Players == nil || len(a.Players.Players) != 3 || a.Players.Players[2].Name != "Zoë ★" || a.Players.NamedCount != 2 {
			t.Errorf("%+v", a.Players)
		}
	case a2s.PartRules:
		if a.Rules == nil || a.Rules.Count != 40 || a.Rules.Map()["sv_lab_39"] != "value 39" {
			t.Errorf("%+v", a.Rules)
		}
	}
}

// TestLostFragment resends once: the second reply has all fragments.
func TestLostFragment(t *testing.T) {
	for lose := 1; lose <= 3; lose++ {
		g := (&steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestRules: file(t, "rules_source_nosize")}, Lose: lose}).Start(t)
		c := &a2s.Client{Timeout: 20 * time.Second, Retries: []time.Duration{50 * time.Millisecond, 10 * time.Second}}
		defer c.Close()
		r, err := c.Rules(t.Context(), g.Addr())
		if err != nil || r.Count != 40 || len(g.Received()) != 2 {
			t.Errorf("%d: %d rules, %d packets, %v", lose, r.Count, len(g.Received()), err)
		}
	}
}

// TestAllReusesTheChallenge asks for a challenge once for all parts, and once
// for the next round.
func TestAllReusesTheChallenge(t *testing.T) {
	g := (&steamtest.GameServer{Replies: replies(t), Challenges: 1}).Start(t)
	c := quick(t)
	for round, sent := range []int{4, 7} {
		a := c.All(t.Context(), g.Addr())
		if a.Err() != nil || len(g.Received()) != sent {
			t.Errorf("round %d: %d packets, want %d, %v", round, len(g.Received()), sent, a.Err())
		}
		isWhole(t, a, a2s.PartInfo)
		isWhole(t, a, a2s.PartPlayers)
		isWhole(t, a, a2s.PartRules)
	}
}

func TestAllWithoutRules(t *testing.T) {
	all := replies(t)
	delete(all, a2s.RequestRules)
	g := (&steamtest.GameServer{Replies: all}).Start(t)
	a := impatient(t).All(t.Context(), g.Addr())
	if a.Info == nil || a.Players == nil || a.Rules != nil || !errors.Is(a.Errors[a2s.PartRules], a2s.ErrTimeout) {
		t.Errorf("%+v", a)
	}
}

// TestSilentServerIsAskedOnce spares a server that is not there.
func TestSilentServerIsAskedOnce(t *testing.T) {
	g := (&steamtest.GameServer{}).Start(t)
	a := impatient(t).All(t.Context(), g.Addr())
	if len(g.Received()) != 3 || len(a.Errors) != 3 {
		t.Errorf("%d packets, %v", len(g.Received()), a.Errors)
	}
}

func TestGoldSourceBothReplies(t *testing.T) {
	old := a2s.AppendInfo(nil, a2s.Info{ServerName: "old", GoldSource: &a2s.GoldSource{}})
	for name, tt := range map[string]struct {
		replies [][]byte
		want    string
	}{
		"old only":     {[][]byte{old}, "old"},
		"both":         {[][]byte{old, unhex(t, infoHex)}, "All EDF"},
		"new is wrong": {[][]byte{old, unhex(t, "ffffffff49")}, "old"},
	} {
		g := (&steamtest.GameServer{Replies: map[byte][][]byte{a2s.RequestInfo: tt.replies}}).Start(t)
		i, err := quick(t).Info(t.Context(), g.Addr())
		if err != nil || i.ServerName != tt.want {
			t.Errorf("%s: %q, %v", name, i.ServerName, err)
		}
	}
}

// TestOneQuestionAtATime sends many at once to a server that answers only
// what it was asked last.
func TestOneQuestionAtATime(t *testing.T) {
	g := (&steamtest.GameServer{Replies: replies(t), Challenges: 1}).Start(t)
	c := quick(t)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			part := []a2s.Part{a2s.PartInfo, a2s.PartPlayers, a2s.PartRules}[i%3]
			a := c.Ask(t.Context(), g.Addr(), part)
			if a.Err() != nil {
				t.Error(a.Err())
				return
			}
			isWhole(t, a, part)
		})
	}
	all.Wait()
	if n := len(g.Received()); n != 25 {
		t.Errorf("%d packets, want 25: the challenge is asked for once", n)
	}
}

func TestPing(t *testing.T) {
	g := (&steamtest.GameServer{Challenges: -1}).Start(t)
	d, err := quick(t).Ping(t.Context(), g.Addr())
	if err != nil || d <= 0 || len(g.Received()) != 1 {
		t.Error(d, err, len(g.Received()))
	}
	if _, err := impatient(t).Ping(t.Context(), closedPort(t)); !errors.Is(err, a2s.ErrTimeout) {
		t.Error(err)
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) netip.AddrPort {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestClose(t *testing.T) {
	g := (&steamtest.GameServer{}).Start(t)
	c := quick(t)
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := c.Info(t.Context(), g.Addr())
			ended <- err
		}()
	}
	for len(g.Received()) == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := <-ended; !errors.Is(err, a2s.ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := c.Info(t.Context(), g.Addr()); !errors.Is(err, a2s.ErrClosed) {
		t.Error(err)
	}
	var unused a2s.Client
	if err := unused.Close(); err != nil {
		t.Error(err)
	}
}

func TestContextEndsAQuery(t *testing.T) {
	g := (&steamtest.GameServer{}).Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := quick(t).Info(ctx, g.Addr()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
