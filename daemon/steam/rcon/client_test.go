package rcon

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const password = "a secret \"pass\" word"

// long is a reply of n bytes in which every part is different.
func long(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(string(rune('a'+i%26)), 7))
		b.WriteByte(byte('0' + i/26%10))
	}
	return b.String()[:n]
}

// inside runs a test in a bubble of fake time, with a server that is closed
// before the bubble ends.
func inside(t *testing.T, server *steamtest.RCON, run func(t *testing.T, o Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server.Password = password
		defer server.Close()
		run(t, Options{Password: password, Dial: server.Pipe})
	})
}

func dial(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), "test:27015", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func want(t *testing.T, c *Client, command, reply string) {
	t.Helper()
	got, err := c.Text(t.Context(), command)
	if err != nil || got != reply {
		t.Fatalf("%s: %d bytes %.40q, %v; want %d bytes %.40q", command, len(got), got, err, len(reply), reply)
	}
}

var replies = map[string]string{
	"status": "hostname: test\n", "nothing": "", "9000": long(9000), "3999": long(3999), "4000": long(4000), "4001": long(4001), "8192": long(8192),
	"slow": "late reply", "cvarlist": "a : 1 : : A\n",
}

func servers() map[string]*steamtest.RCON {
	return map[string]*steamtest.RCON{
		"srcds":     {Dialect: steamtest.RCONSRCDS},
		"minecraft": {Dialect: steamtest.RCONMinecraft},
		"factorio":  {Dialect: steamtest.RCONFactorio},
	}
}

// Every server, as found out by the client and as named to it.
func TestRepliesAreExact(t *testing.T) {
	for name := range servers() {
		for _, fault := range []steamtest.RCONFault{"", steamtest.RCONDribbling, steamtest.RCONStray} {
			for _, dialect := range []Dialect{Auto, map[string]Dialect{"srcds": SRCDS, "minecraft": Minecraft, "factorio": Single}[name]} {
				t.Run(name+" "+string(fault)+" "+string(dialect), func(t *testing.T) {
					server := servers()[name]
					server.Replies, server.Fault = replies, fault
					inside(t, server, func(t *testing.T, o Options) {
						o.Dialect = dialect
						c := dial(t, o)
						defer c.Close()
						for range 2 {
							for _, command := range []string{"status", "9000", "nothing", "4000", "3999", "8192", "4001", "status"} {
								want(t, c, command, replies[command])
							}
						}
						if fault == steamtest.RCONStray && c.Skipped() == 0 {
							t.Error("no stray packet was counted")
						}
					})
				})
			}
		}
	}
}

// What comes after a timeout is not taken for the next reply.
func TestLateRepliesAreDropped(t *testing.T) {
	for name, server := range servers() {
		t.Run(name, func(t *testing.T) {
			server.Replies, server.Late = replies, map[string]time.Duration{"slow": 7 * time.Second}
			inside(t, server, func(t *testing.T, o Options) {
				c := dial(t, o)
				defer c.Close()
				start := time.Now()
				if _, err := c.Text(t.Context(), "slow"); !errors.Is(err, ErrTimeout) {
					t.Fatalf("error %v, want a timeout", err)
				}
				if took := time.Since(start); took != DefaultTimeout {
					t.Errorf("it took %v", took)
				}
				want(t, c, "status", replies["status"])
				want(t, c, "9000", replies["9000"])
			})
		})
	}
}

func TestTheProbeIsAlone(t *testing.T) {
	// A server that looks at one packet per segment would lose it, and the
	// time to find that out would show.
	server := &steamtest.RCON{Dialect: steamtest.RCONMinecraft, Replies: replies}
	inside(t, server, func(t *testing.T, o Options) {
		c := dial(t, o)
		defer c.Close()
		start := time.Now()
		for range 5 {
			want(t, c, "9000", replies["9000"])
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("five replies took %v of waiting", took)
		}
	})
}

// A server without an answer to probes costs the wait once.
func TestProbesAreGivenUp(t *testing.T) {
	server := &steamtest.RCON{Dialect: steamtest.RCONFactorio, Replies: replies}
	inside(t, server, func(t *testing.T, o Options) {
		c := dial(t, o)
		defer c.Close()
		for _, wait := range []time.Duration{probeWait, 0, 0} {
			start := time.Now()
			want(t, c, "status", replies["status"])
			if took := time.Since(start); took != wait {
				t.Errorf("it took %v, want %v", took, wait)
			}
		}
		start := time.Now()
		want(t, c, "9000", replies["9000"])
		if took := time.Since(start); took != quietEnd {
			t.Errorf("a full packet took %v, want %v", took, quietEnd)
		}
	})
}

func TestLogins(t *testing.T) {
	for name := range servers() {
		t.Run(name, func(t *testing.T) {
			server := servers()[name]
			inside(t, server, func(t *testing.T, o Options) {
				o.Password = "wrong"
				_, err := Dial(t.Context(), "test:27015", o)
				refused, ok := errors.AsType[*AuthError](err)
				if !ok || refused.Banned || !errors.Is(err, ErrAuthRefused) || errors.Is(err, ErrAuthClosed) {
					t.Errorf("error %v, want a refusal", err)
				}
				if diff := cmp.Diff([]string{"wrong"}, server.Logins()); diff != "" {
					t.Errorf("logins: %s", diff)
				}
				if strings.Contains(err.Error(), "wrong") {
					t.Errorf("%q holds the password", err)
				}
			})
		})
	}
}

func TestFaultsAtLogin(t *testing.T) {
	for fault, want := range map[steamtest.RCONFault]error{
		steamtest.RCONSilent: ErrTimeout, steamtest.RCONClosing: ErrAuthClosed, steamtest.RCONFlooding: ErrTooLarge,
		steamtest.RCONNoise: ErrTooLarge, steamtest.RCONBadSize: ErrInvalid, steamtest.RCONDribbling: nil, steamtest.RCONStray: nil,
	} {
		t.Run(string(fault), func(t *testing.T) {
			server := &steamtest.RCON{Fault: fault, AtLogin: true, Size: 9}
			inside(t, server, func(t *testing.T, o Options) {
				o.MaxReply = 1 << 20
				c := New("test:27015", o)
				defer c.Close()
				if err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				err := c.Authenticate(t.Context())
				if !errors.Is(err, want) {
					t.Fatalf("error %v, want %v", err, want)
				}
				if err != nil {
					if err := c.Authenticate(t.Context()); !errors.Is(err, ErrState) {
						t.Errorf("the client is not closed: %v", err)
					}
				}
				if n := len(server.Logins()); n != 1 {
					t.Errorf("%d logins", n)
				}
			})
		})
	}
}

func TestFaultsAtCommands(t *testing.T) {
	for _, tt := range []struct {
		fault  steamtest.RCONFault
		size   int32
		want   error
		usable bool
	}{
		{steamtest.RCONSilent, 0, ErrTimeout, true},
		{steamtest.RCONClosing, 0, ErrComm, false},
		{steamtest.RCONFlooding, 0, ErrTooLarge, false},
		{steamtest.RCONNoise, 0, ErrTooLarge, false},
		{steamtest.RCONBadSize, 9, ErrInvalid, false},
		{steamtest.RCONBadSize, -1, ErrInvalid, false},
		{steamtest.RCONBadSize, 1<<20 + 1, ErrInvalid, false},
		{steamtest.RCONBadSize, 1 << 20, ErrTimeout, true},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			server := &steamtest.RCON{Fault: tt.fault, Size: tt.size, Replies: replies}
			inside(t, server, func(t *testing.T, o Options) {
				o.MaxReply = 1 << 20
				c := dial(t, o)
				defer c.Close()
				if _, err := c.Text(t.Context(), "status"); !errors.Is(err, tt.want) {
					t.Fatalf("error %v, want %v", err, tt.want)
				}
				if c.Connected() != tt.usable {
					t.Errorf("connected: %t", c.Connected())
				}
			})
		})
	}
}

func TestDroppedLogin(t *testing.T) {
	server := &steamtest.RCON{Replies: replies}
	inside(t, server, func(t *testing.T, o Options) {
		c := dial(t, o)
		want(t, c, "status", replies["status"])
		server.DropLogins()
		if _, err := c.Text(t.Context(), "status"); !errors.Is(err, ErrAuthLost) {
			t.Errorf("error %v, want ErrAuthLost", err)
		}
		if n := len(server.Logins()); n != 1 || c.Connected() {
			t.Errorf("%d logins, connected %t: it logged in again by itself", n, c.Connected())
		}
	})
}

func TestStates(t *testing.T) {
	server := &steamtest.RCON{Replies: replies}
	inside(t, server, func(t *testing.T, o Options) {
		c := New("test:27015", o)
		check := func(when string, connect, authenticate, execute bool) {
			t.Helper()
			if _, err := c.Execute(t.Context(), "status"); errors.Is(err, ErrState) == execute {
				t.Errorf("%s: Execute: %v", when, err)
			}
			if err := c.Send(t.Context(), "status"); errors.Is(err, ErrState) == execute {
				t.Errorf("%s: Send: %v", when, err)
			}
			if !connect {
				if err := c.Connect(t.Context()); !errors.Is(err, ErrState) {
					t.Errorf("%s: Connect: %v", when, err)
				}
			}
			if !authenticate {
				if err := c.Authenticate(t.Context()); !errors.Is(err, ErrState) {
					t.Errorf("%s: Authenticate: %v", when, err)
				}
			}
		}
		check("at first", true, false, false)
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("connected", false, true, false)
		if err := c.Authenticate(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("logged in", false, false, true)
		for range 2 {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			check("closed", false, false, false)
		}
	})
}

func TestSendDropsItsReply(t *testing.T) {
	for name, server := range servers() {
		t.Run(name, func(t *testing.T) {
			server.Replies = replies
			inside(t, server, func(t *testing.T, o Options) {
				c := dial(t, o)
				defer c.Close()
				for range 20 {
					if err := c.Send(t.Context(), "9000"); err != nil {
						t.Fatal(err)
					}
				}
				want(t, c, "status", replies["status"])
				if n := len(server.Commands()); n != 21 {
					t.Errorf("the server got %d commands", n)
				}
			})
		})
	}
}

func TestCancel(t *testing.T) {
	server := &steamtest.RCON{Replies: replies, Late: map[string]time.Duration{"slow": time.Second}}
	inside(t, server, func(t *testing.T, o Options) {
		c := dial(t, o)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		start := time.Now()
		if _, err := c.Text(ctx, "slow"); !errors.Is(err, context.Canceled) || time.Since(start) != 300*time.Millisecond {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
		want(t, c, "status", replies["status"])
	})
}

// Commands from many goroutines get their own replies.
func TestConcurrentCommands(t *testing.T) {
	server := &steamtest.RCON{Replies: replies}
	inside(t, server, func(t *testing.T, o Options) {
		c := dial(t, o)
		defer c.Close()
		results := make(chan string)
		for range 5 {
			for _, command := range []string{"status", "9000", "nothing"} {
				go func() {
					got, err := c.Text(t.Context(), command)
					if err == nil && got == replies[command] {
						results <- ""
					} else {
						results <- command + ": " + got
					}
				}()
			}
		}
		for range 15 {
			if wrong := <-results; wrong != "" {
				t.Error(wrong)
			}
		}
	})
}

func TestLimitsOfCommands(t *testing.T) {
	for _, tt := range []struct {
		dialect Dialect
		most    int
	}{{Auto, 4086}, {Single, 4086}, {Minecraft, 1446}} {
		server := &steamtest.RCON{}
		inside(t, server, func(t *testing.T, o Options) {
			o.Dialect = tt.dialect
			c := dial(t, o)
			defer c.Close()
			if _, err := c.Execute(t.Context(), strings.Repeat("x", tt.most+1)); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: error %v", tt.dialect, err)
			}
			if _, err := c.Execute(t.Context(), strings.Repeat("x", tt.most)); err != nil {
				t.Errorf("%s: error %v", tt.dialect, err)
			}
			if _, err := c.Execute(t.Context(), "a\x00b"); !errors.Is(err, ErrMessage) {
				t.Errorf("%s: a zero byte: %v", tt.dialect, err)
			}
		})
	}
}
