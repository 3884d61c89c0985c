package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func streamOptions(t *testing.T, url string) options {
	t.Helper()
	o := options{conns: 3, frame: 16 << 10, duration: 200 * time.Millisecond}
	if err := o.target(url + "/"); err != nil {
		t.Fatal(err)
	}
	return o
}

// counting takes websockets apart and counts the frames that are as they
// should be.
func counting(t *testing.T, good *atomic.Int64) http.HandlerFunc {
	want := demoLike(16 << 10)
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			kind, b, err := c.Read(context.Background())
			if err != nil {
				return // cut off in the middle
			}
			if kind != websocket.MessageBinary || !bytes.Equal(b, want) {
				t.Errorf("a frame of %d bytes is not what it should be", len(b))
			}
			good.Add(1)
		}
	}
}

func TestStreamBareWebsocket(t *testing.T) {
	var frames atomic.Int64
	s := httptest.NewServer(counting(t, &frames))
	defer s.Close()
	r, err := stream(streamOptions(t, s.URL))
	if err != nil || r.Errors > 0 || frames.Load() == 0 || r.Bytes < frames.Load()*16<<10 {
		t.Errorf("%+v, %v; %d frames came", r, err, frames.Load())
	}
}

func TestStreamBareTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var bytes atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				n, _ := io.Copy(io.Discard, c)
				bytes.Add(n)
			}()
		}
	}()
	o := streamOptions(t, "http://"+l.Addr().String())
	o.tcp, o.rate = true, 160<<10
	r, err := stream(o)
	if err != nil || r.Errors > 0 || r.Bytes == 0 || r.Bytes > 3*160<<10 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestStreamSessions opens, fills and closes sessions.
func TestStreamSessions(t *testing.T) {
	var frames, opened, closed atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/demos", counting(t, &frames))
	mux.HandleFunc("/session_id", func(w http.ResponseWriter, r *http.Request) {
		opened.Add(1)
		_, _ = io.WriteString(w, `{"session_id":340282366920938463463374607431768211455}`)
	})
	mux.HandleFunc("/close_session", func(w http.ResponseWriter, r *http.Request) {
		if closed.Add(1) == 2 { // one that has to be asked again
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	o := streamOptions(t, s.URL)
	o.closers, o.keys = 1, filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(o.keys, []byte(strings.Repeat("MB-x\n", 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := stream(o); err == nil {
		t.Error("three keys for four streams")
	}
	if err := os.WriteFile(o.keys, []byte(strings.Repeat("MB-x\n", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := stream(o)
	if err != nil || r.Errors > 1 || r.Requests+r.Errors == 0 || opened.Load() != int64(3+r.Requests+r.Errors) || frames.Load() == 0 {
		t.Errorf("%+v, %v; %d opened, %d closed, %d frames", r, err, opened.Load(), closed.Load(), frames.Load())
	}
}
