package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// readSlowly takes n bytes every second from c until it fails. The function it
// returns waits for that.
func readSlowly(c net.Conn, n int) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, max(n, 1))
		for n > 0 {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			time.Sleep(time.Second) // a fake second
		}
	}()
	return func() { <-done }
}

func TestConnLowestSpeed(t *testing.T) {
	tests := []struct {
		name    string
		perStep int
		size    int
		cutAt   time.Duration // 0: not
	}{
		{"a client at the lowest speed is served to the end", 1 << 10, 1 << 20, 0},
		{"a client at half of it is cut after the window", 1 << 9, 1 << 20, 2 * time.Minute},
		{"a client that takes nothing is cut earlier", 0, 1 << 20, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				o := connOptions{}.withDefaults()
				c := newConn(here, &o)
				defer readSlowly(there, tt.perStep)()
				defer here.Close()
				start := time.Now()
				n, err := c.Write(make([]byte, tt.size))
				took := time.Since(start)
				if c.Sent() != int64(n) {
					t.Errorf("Sent is %d after %d bytes", c.Sent(), n)
				}
				if tt.cutAt == 0 {
					if err != nil || n != tt.size {
						t.Fatalf("cut after %v and %d bytes: %v", took, n, err)
					}
					return
				}
				if err == nil || took < tt.cutAt || took > tt.cutAt+time.Minute {
					t.Fatalf("ended after %v with %v, want an error after %v", took, err, tt.cutAt)
				}
			})
		})
	}
}

func TestConnIdleTimeIsNotSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		o := connOptions{}.withDefaults()
		c := newConn(here, &o)
		go func() { _, _ = io.Copy(io.Discard, there) }()
		for range 20 { // events on a stream, ten minutes between them
			if _, err := c.Write([]byte("data: x\n\n")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		_ = here.Close()
	})
}

func TestConnKeepsTheDeadlineOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		o := connOptions{}.withDefaults()
		c := newConn(here, &o)
		defer readSlowly(there, 4<<10)()
		defer here.Close()
		start := time.Now()
		if err := c.SetDeadline(start.Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Write(make([]byte, 1<<20))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != 10*time.Second {
			t.Fatalf("ended after %v with %v", took, err)
		}
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(make([]byte, 256<<10)); err != nil { // 64 s, rolling again
			t.Errorf("after the deadline was lifted: %v", err)
		}
	})
}

func TestConnHoldsOnlyAHeader(t *testing.T) {
	here, there := net.Pipe()
	o := connOptions{}.withDefaults()
	c := newConn(here, &o)
	got := make(chan string)
	go func() {
		b, _ := io.ReadAll(there)
		got <- string(b)
	}()
	c.holdHeader()
	long := strings.Repeat("h", maxHeld)
	for _, s := range []string{"head", long} { // the second does not fit any more
		if n, err := io.WriteString(c, s); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	c.holdHeader()
	if _, err := io.WriteString(c, "next"); err != nil {
		t.Fatal(err)
	}
	if err := c.release(); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if s := <-got; s != "head"+long+"next" {
		t.Errorf("got %d bytes, ending in %q", len(s), s[max(0, len(s)-8):])
	}
}

// testServer serves h on loopback through wrapListener.
func testServer(t testing.TB, o connOptions, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ConnContext: connContext}
	done := make(chan error)
	go func() { done <- srv.Serve(wrapListener(l, o)) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// talk sends raw bytes and returns everything that comes back until the
// server closes.
func talk(t testing.TB, address, request string) *bufio.Reader {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(c)
}

func TestConnHijack(t *testing.T) {
	address := testServer(t, connOptions{}, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(newResponse(w, nil)).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.0 202 Downloading\r\n\r\n")
		_ = c.Close()
	})
	got, err := io.ReadAll(talk(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if err != nil || string(got) != "HTTP/1.0 202 Downloading\r\n\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConnClosesTheSendingSide(t *testing.T) {
	// net/http half-closes after an answer that leaves a body unread, so that
	// the client is not reset before it has read the answer.
	address := testServer(t, connOptions{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "no", http.StatusForbidden)
	})
	request := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 400<<10)
	res, err := http.ReadResponse(talk(t, address, request), nil)
	if err != nil || res.StatusCode != 403 {
		t.Fatal(res, err)
	}
	if got := body(t, res); got != "no\n" {
		t.Errorf("%q", got)
	}
}

func TestConnFindsItselfOnlyInPlainRequests(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	o := connOptions{}.withDefaults()
	c := newConn(here, &o)
	ctx := connContext(t.Context(), c)
	r, _ := http.NewRequestWithContext(ctx, "GET", "/", nil)
	if requestConn(r) != c || c.NetConn() != here {
		t.Error("the connection is not found")
	}
	if ctx := connContext(t.Context(), here); ctx != t.Context() {
		t.Error("a connection of another kind is put into the context")
	}
	if err := c.CloseWrite(); err != nil {
		t.Errorf("CloseWrite of a connection that has none: %v", err)
	}
}

func TestBulkGateLeavesAProcessorToShortAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newBulkGate(4)
		var inside, slots int // changed by one goroutine at a time, between Waits
		release := make(chan struct{})
		enter := func(n int) {
			inside, slots = 0, 0
			for range n {
				go func() {
					slot := g.enter()
					inside++
					if slot {
						slots++
					}
					<-release
					if slot {
						g.leave()
					}
				}()
				synctest.Wait()
			}
		}
		leave := func(n int) {
			for range n {
				release <- struct{}{}
				synctest.Wait()
			}
		}
		enter(6)
		if inside != 6 || slots != 0 {
			t.Errorf("%d of 6 transfers run while nobody wants anything else", inside)
		}
		leave(6)
		g.sentShort()
		enter(6)
		if inside != 3 || slots != 3 {
			t.Errorf("%d transfers run on 4 processors beside short answers", inside)
		}
		leave(6) // those that waited come in turn
		if inside != 6 {
			t.Errorf("%d of 6 transfers had their turn", inside)
		}
		time.Sleep(quietAfter)
		enter(6)
		if inside != 6 || slots != 0 {
			t.Errorf("%d of 6 transfers run when it is quiet again", inside)
		}
		leave(6)
	})
	g := newBulkGate(1)
	g.sentShort()
	if !g.enter() { // one processor: one at a time, not none
		t.Error("no slot on one processor")
	}
	g.leave()
}
