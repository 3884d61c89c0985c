package demosink

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// pipeWriter is a ResponseWriter over a connection in memory.
type pipeWriter struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (w pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// TestOneFrameAMinute has a client that answers nothing and sends a little
// once a minute, for an hour; then it says nothing for long. All clocks run by
// themselves, only faster: those of the connection, too.
func TestOneFrameAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		s := crashService(t, lite(t), durable.Disk, t.TempDir())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() {
			cancel()
			check(t, <-done)
		}()
		sess, err := s.Open(ctx, Caller{Account: 1, SteamID: aliceID}, Opening{Map: "pl_pier"})
		check(t, err)
		st, err := s.Attach(ctx, 1, string(sess.ID))
		check(t, err)
		ours, client := net.Pipe()
		s.serveStream(pipeWriter{httptest.NewRecorder(), ours}, handshake(t), st)
		var heard atomic.Int64
		told := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(io.TeeReader(client, counter{&heard})) // ends with the connection
			told <- b
		}()
		var sent []byte
		for minute := range 61 {
			part := demo(2000 + minute)
			if _, err := client.Write(frame(0x82, part)); err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			sent = append(sent, part...)
			time.Sleep(time.Minute)
			if row, err := s.store.session(ctx, sess.ID); err != nil || row.Received != int64(len(sent)) || !row.Open {
				t.Fatalf("minute %d: %d bytes of %d, open: %t, %v", minute, row.Received, len(sent), row.Open, err)
			}
		}
		if n := heard.Load(); n != 0 || len(s.Streams()) != 1 {
			t.Errorf("in an hour the server sent %d bytes, and has %d streams", n, len(s.Streams()))
		}
		time.Sleep(12 * time.Minute)
		if len(told) > 0 {
			t.Errorf("ended after 13 minutes of silence: %q", <-told)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if b := <-told; !bytes.Contains(b, []byte("\x03\xF0"+endIdle.reason)) { // 1008
			t.Errorf("after 16 minutes of silence: %q", b)
		}
		if got, err := os.ReadFile(s.spool.path(sess.ID)); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d are stored, %v", len(got), len(sent), err)
		}
	})
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

func handshake(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/demos", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		r.Header.Set(name, value)
	}
	return r
}
