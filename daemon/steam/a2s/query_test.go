package a2s

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestSchedule runs queries through on paper: when is what sent.
func TestSchedule(t *testing.T) {
	start := time.Unix(1700000000, 0)
	begin := func() *query {
		q := &query{part: PartPlayers, retries: defaultRetries(), timeout: DefaultTimeout, challenge: NoChallenge}
		q.sent(start)
		return q
	}
	t.Run("silence", func(t *testing.T) {
		q := begin()
		var at []time.Duration
		for !q.done {
			now := q.due
			at = append(at, now.Sub(start))
			if q.wake(now) {
				q.sent(now)
			}
		}
		want := []time.Duration{time.Second, 2500 * time.Millisecond, 5 * time.Second}
		if len(at) != 3 || at[0] != want[0] || at[1] != want[1] || at[2] != want[2] || !errors.Is(q.err, ErrTimeout) {
			t.Errorf("%v, %v", at, q.err)
		}
	})
	t.Run("a shorter timeout", func(t *testing.T) {
		q := begin()
		q.timeout = 1200 * time.Millisecond
		if !q.wake(q.due) {
			t.Error("the first retry is left out")
		}
		q.sent(q.due)
		if d := q.due.Sub(start); d != q.timeout || q.wake(q.due) || !errors.Is(q.err, ErrTimeout) {
			t.Errorf("ends after %s with %v", d, q.err)
		}
	})
	t.Run("echo of a challenge", func(t *testing.T) {
		q := begin()
		c := Challenge{1, 2, 3, 4}
		if !q.receive(start, AppendChallenge(nil, c)) {
			t.Fatal("the challenge is not answered")
		}
		for range 10 {
			if q.receive(start, AppendChallenge(nil, c)) {
				t.Error("an echo is answered")
			}
		}
		if !q.wake(q.due) || q.packet()[5] != 1 {
			t.Error("the retry does not show the challenge")
		}
	})
	t.Run("many challenges", func(t *testing.T) {
		q := begin()
		sent := 1
		for i := byte(1); !q.done; i++ {
			if q.receive(start, AppendChallenge(nil, Challenge{i})) {
				sent++
			}
		}
		if sent != 3 || !errors.Is(q.err, ErrChallengeLoop) {
			t.Errorf("%d packets, %v", sent, q.err)
		}
	})
	t.Run("ping is measured to the first reply", func(t *testing.T) {
		q := begin()
		q.receive(start.Add(30*time.Millisecond), make([]byte, 64))
		q.receive(start.Add(40*time.Millisecond), AppendChallenge(nil, Challenge{1}))
		q.sent(start.Add(40 * time.Millisecond))
		q.receive(start.Add(90*time.Millisecond), AppendPlayers(nil, nil))
		if !q.done || q.ping != 40*time.Millisecond || q.noise != 1 {
			t.Errorf("%v, %s, %d", q.done, q.ping, q.noise)
		}
	})
	t.Run("GoldSource waits 300 ms for more", func(t *testing.T) {
		q := begin()
		q.part = PartInfo
		q.receive(start, AppendInfo(nil, Info{ServerName: "old", GoldSource: &GoldSource{}}))
		if q.done || q.due.Sub(start) != 300*time.Millisecond || q.wake(q.due) || !q.done || q.err != nil || q.info.ServerName != "old" {
			t.Errorf("%v, %s, %v", q.done, q.due.Sub(start), q.err)
		}
	})
}

func TestMemory(t *testing.T) {
	now := time.Unix(1700000000, 0)
	addr := mustAddr("192.0.2.1:27015")
	m := memory{}
	m.keep(addr, &query{part: PartInfo, challenges: 1, challenge: Challenge{1}, info: Info{Protocol: 48}}, now)
	for after, want := range map[time.Duration]Challenge{0: {1}, 59 * time.Second: {1}, time.Minute: NoChallenge} {
		q := &query{}
		m.prepare(addr, q, now.Add(after))
		if q.challenge != want || q.asm.Dialect != DialectGoldSource {
			t.Errorf("after %s: %x, dialect %d", after, q.challenge, q.asm.Dialect)
		}
	}
	m.keep(addr, &query{part: PartRules, err: ErrTimeout}, now)
	q := &query{}
	if m.prepare(addr, q, now); q.challenge != NoChallenge {
		t.Error("a challenge that led to nothing is used again")
	}
	for i := range 3 * maxRemembered {
		m.keep(addrOf(i), &query{challenges: 1, challenge: Challenge{1}}, now)
	}
	if len(m) > maxRemembered {
		t.Errorf("%d servers are remembered", len(m))
	}
}

func TestDialects(t *testing.T) {
	for _, tt := range []struct {
		i    Info
		want Dialect
	}{
		{Info{Protocol: 17, AppID: 440}, DialectSource}, {Info{Protocol: 7, AppID: 240}, DialectNoSize}, {Info{Protocol: 7, AppID: 440}, DialectSource},
		{Info{Protocol: 17, AppID: 240}, DialectSource}, {Info{Protocol: 48}, DialectGoldSource}, {Info{Protocol: 47}, DialectGoldSource},
		{Info{GoldSource: &GoldSource{}}, DialectGoldSource},
	} {
		if got := tt.i.Dialect(); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.i, got, tt.want)
		}
	}
}

func TestAssemblerLimits(t *testing.T) {
	fragment := func(id uint32, total, number byte, n int) []byte {
		b := order.AppendUint32(order.AppendUint32(nil, fragmentHeader), id)
		return append(append(b, total, number, 0, 0), make([]byte, n)...)
	}
	a := Assembler{}
	var err error
	for i := 0; err == nil && i < 255; i++ {
		_, err = a.Add(fragment(1, 255, byte(i), 4000))
	}
	if !errors.Is(err, ErrTooLarge) || a.size != 0 {
		t.Errorf("%v, %d bytes kept", err, a.size)
	}
	// A size of 2 GiB is not believed.
	huge := fragment(1<<31|1, 1, 0, 0)
	huge = append(huge, 0, 0, 0, 0x80, 0, 0, 0, 0, 'B', 'Z', 'h')
	if _, err := a.Add(huge); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// Another message drops what there was.
	for _, b := range [][]byte{fragment(1, 2, 0, 1), fragment(2, 2, 1, 1), fragment(1, 2, 1, 1)} {
		if m, err := a.Add(b); m != nil || err != nil {
			t.Errorf("%x, %v", m, err)
		}
	}
	if m, err := a.Add(fragment(1, 2, 0, 1)); len(m) != 6 || err != nil {
		t.Errorf("%x, %v", m, err)
	}
	// Split and Assembler agree, and nobody splits into more than 255.
	message := AppendRules(nil, make([]Rule, 3000))
	var got []byte
	for _, d := range Split(message, 7) {
		if len(d) > FragmentSize+12 {
			t.Errorf("%d bytes in a datagram", len(d))
		}
		got, _ = a.Add(d)
	}
	if string(got) != string(message) {
		t.Error("what was split is not what came together")
	}
	if d := Split(make([]byte, 256*FragmentSize), 1); d != nil {
		t.Errorf("%d datagrams", len(d))
	}
}

func mustAddr(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func addrOf(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), DefaultPort)
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1 27015", "192.0.2.1:1": "192.0.2.1 1", "[2001:db8::1]:2": "2001:db8::1 2", "2001:db8::1": "2001:db8::1 27015",
		"[2001:db8::1]": "2001:db8::1 27015", "game.example.org": "game.example.org 27015", "game.example.org:27016": "game.example.org 27016",
	} {
		host, port, err := ParseAddress(text)
		if got := fmt.Sprint(host, " ", port); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", ":1", "a:0", "a:65536", "a:x", "a b", "a:1:2", "http://a", "[::1", "a/b"} {
		if host, port, err := ParseAddress(bad); err == nil {
			t.Errorf("%q is %s port %d", bad, host, port)
		}
	}
}
