package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestOnlyLoopbackIsATarget(t *testing.T) {
	for url, ok := range map[string]bool{
		"http://127.0.0.1:80/x": true, "http://[::1]:80/x": true,
		"http://192.0.2.1:80/": false, "http://localhost:80/": false, "https://127.0.0.1:443/": false, "": false,
	} {
		if err := new(options).target(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestParseHeader(t *testing.T) {
	status, length, reusable, err := parseHeader([]byte("HTTP/1.1 206 Partial Content\r\ncontent-length: 12\r\n"))
	if status != 206 || length != 12 || !reusable || err != nil {
		t.Error(status, length, reusable, err)
	}
	for _, head := range []string{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n"} {
		if _, _, reusable, err := parseHeader([]byte(head)); reusable || err != nil {
			t.Error(head, reusable, err)
		}
	}
	for _, bad := range []string{"", "HTTP/2 200\r\n", "HTTP/1.1 abc OK\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n"} {
		if _, _, _, err := parseHeader([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestModes runs every kind of load for a moment and checks the books.
func TestModes(t *testing.T) {
	body := strings.Repeat("x", 200<<10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/m") {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		http.ServeContent(w, r, "x.zip", time.Time{}, strings.NewReader(body))
	}))
	defer s.Close()
	for mode, size := range map[string]int64{"drain": 200 << 10, "ranges": rangeSize, "misses": 0, "open": 200 << 10} {
		o := options{conns: 2, rate: 50, duration: 200 * time.Millisecond, size: 200 << 10}
		if err := o.target(s.URL + "/x"); err != nil {
			t.Fatal(err)
		}
		r, err := run(mode, o)
		if err != nil || r.Errors > 0 || r.Requests == 0 || r.Bytes < int64(r.Requests)*size {
			t.Errorf("%s: %+v, %v", mode, r, err)
		}
	}
	if _, err := run("unknown", options{}); err == nil {
		t.Error("an unknown mode is accepted")
	}
}

// TestFailuresAreCounted loads a server that hangs up.
func TestFailuresAreCounted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	defer l.Close()
	o := options{conns: 1, rate: 100, address: l.Addr().String(), path: "/", duration: 100 * time.Millisecond}
	ctx, cancel := context.WithTimeout(t.Context(), o.duration)
	defer cancel()
	if r := openLoop(ctx, o); r.Errors != 10 || r.Requests != 0 || r.First == "" {
		t.Errorf("%+v", r)
	}
}
