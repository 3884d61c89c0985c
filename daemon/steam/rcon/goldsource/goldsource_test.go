package goldsource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
)

// server answers as the engine does, written from descriptions of its wire.
type server struct {
	conn    net.PacketConn
	replies map[string][]string // command → texts of the datagrams
	mute    bool
	lose    int // questions for a challenge that are lost

	mu       sync.Mutex
	commands []string
}

func start(t *testing.T, s *server) *server {
	t.Helper()
	var err error
	if s.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(s.serve)
	t.Cleanup(func() { s.conn.Close(); running.Wait() })
	return s
}

func (s *server) serve() {
	b := make([]byte, 65535)
	for {
		n, from, err := s.conn.ReadFrom(b)
		if err != nil {
			return
		}
		for _, answer := range s.answer(string(b[:n])) {
			_, _ = s.conn.WriteTo([]byte(answer), from)
		}
	}
}

func (s *server) answer(question string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if question == "\xff\xff\xff\xffchallenge rcon\n\x00" {
		if s.lose--; s.mute || s.lose >= 0 {
			return nil
		}
		return []string{strings.Repeat("\x00", 64), "\xff\xff\xff\xffchallenge rcon 1234567890\n\x00"}
	}
	command, ok := strings.CutPrefix(question, "\xff\xff\xff\xffrcon 1234567890 \"pass word\" ")
	if !ok {
		return []string{"\xff\xff\xff\xfflBad rcon_password.\n\x00\x00"}
	}
	command = strings.TrimSuffix(command, "\n\x00")
	s.commands = append(s.commands, command)
	var answers []string
	for _, text := range s.replies[command] {
		answers = append(answers, "\xff\xff\xff\xffl"+text+"\x00\x00")
	}
	return answers
}

func TestCommands(t *testing.T) {
	a, b := strings.Repeat("a", 1200), strings.Repeat("b", 1100)
	s := start(t, &server{replies: map[string][]string{
		"status": {"hostname: hl\n"}, "nothing": {""}, "long": {a, b, "end"}, "full": {a, b}, "banned": {banned + "\n"},
	}})
	c := New(s.conn.LocalAddr().String(), Options{Password: "pass word"})
	for command, want := range map[string]string{"status": "hostname: hl\n", "nothing": "", "long": a + b + "end", "full": a + b} {
		if got, err := c.Text(t.Context(), command); err != nil || got != want {
			t.Errorf("%s: %d bytes, %v", command, len(got), err)
		}
	}
	if err := c.Send(t.Context(), "status"); err != nil {
		t.Error(err)
	}
	for _, command := range []string{"a\nquit", "a\x00", strings.Repeat("x", 2000)} {
		if _, err := c.Text(t.Context(), command); !errors.Is(err, rcon.ErrMessage) && !errors.Is(err, rcon.ErrTooLarge) {
			t.Errorf("%.10q: %v", command, err)
		}
	}
	if _, err := c.Text(t.Context(), "banned"); !errors.Is(err, rcon.ErrAuthClosed) || c.Connected() {
		t.Errorf("banned: %v", err)
	}
	if _, err := c.Text(t.Context(), "status"); !errors.Is(err, rcon.ErrState) {
		t.Errorf("after the ban: %v", err)
	}
}

func TestWrongPassword(t *testing.T) {
	s := start(t, &server{})
	holds := rcon.NewHolds(time.Now)
	for range 2 {
		c := New(s.conn.LocalAddr().String(), Options{Password: "wrong", Holds: holds})
		_, err := c.Text(t.Context(), "status")
		_, held := errors.AsType[*rcon.HeldError](err)
		if !errors.Is(err, rcon.ErrAuthRefused) && !held || strings.Contains(fmt.Sprint(err), "wrong") {
			t.Errorf("error %v", err)
		}
	}
	if holds.Held(s.conn.LocalAddr().String(), "wrong") == nil {
		t.Error("the password is not held")
	}
	c := New(s.conn.LocalAddr().String(), Options{Password: `a"b`})
	if _, err := c.Text(t.Context(), "status"); !errors.Is(err, rcon.ErrMessage) {
		t.Errorf("a quote: %v", err)
	}
}

func TestSilence(t *testing.T) {
	mute := start(t, &server{mute: true})
	c := New(mute.conn.LocalAddr().String(), Options{Timeout: 50 * time.Millisecond})
	if _, err := c.Text(t.Context(), "status"); !errors.Is(err, rcon.ErrTimeout) || !c.Connected() {
		t.Errorf("silent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Text(ctx, "status"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	lossy := start(t, &server{lose: 1, replies: map[string][]string{"status": {"ok"}}})
	c = New(lossy.conn.LocalAddr().String(), Options{Password: "pass word", Timeout: time.Minute})
	got, err := c.Text(t.Context(), "status")
	lossy.mu.Lock()
	defer lossy.mu.Unlock()
	if err != nil || got != "ok" || len(lossy.commands) != 1 {
		t.Errorf("%q, %v, %d commands", got, err, len(lossy.commands))
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Text(t.Context(), "status"); !errors.Is(err, rcon.ErrState) {
		t.Errorf("closed: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"\xff\xff\xff\xffchallenge rcon 12\n\x00", "\xff\xff\xff\xfflBad rcon_password.", "\xff\xff\xff\xffl", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if number, ok := parseChallenge(b); ok && (number == "" || strings.ContainsAny(number, "\" ;\n")) {
			t.Fatalf("%q is taken for a number", number)
		}
		_ = refusal(parseText(b))
	})
}
