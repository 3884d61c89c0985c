package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// TestR15_RequestSmuggling sends requests whose end two readers could see in
// different places (RFC 9112 §11.2), each followed by bytes that would be a
// request for /smuggled to a reader who got it wrong. Either the request is
// refused and the connection closed, or it is understood in the one way the
// RFC allows; /smuggled never runs.
func TestR15_RequestSmuggling(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	length := strconv.Itoa(len(smuggled))
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(smuggled), smuggled)
	for _, c := range []struct {
		name, request string
		status        []int // of the first answer; 0 = closed without one
	}{
		{"Content-Length and Transfer-Encoding", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" +
			chunk + "0\r\n\r\n", []int{200, 400}},
		{"Transfer-Encoding and Content-Length", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 42\r\n\r\n0\r\n\r\n" + smuggled, []int{200, 400}},
		{"two Content-Length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 40\r\n\r\nabc" + smuggled, []int{400}},
		{"Content-Length list", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 40\r\n\r\nabc" + smuggled, []int{400}},
		{"signed Content-Length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc" + smuggled, []int{400}},
		{"hexadecimal Content-Length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc" + smuggled, []int{400}},
		{"negative Content-Length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" + smuggled, []int{400}},
		{"space before the colon", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 40\r\n\r\n" + smuggled, []int{400}},
		{"space before the colon of Transfer-Encoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"folded header", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + smuggled, []int{400, 200}},
		{"unknown Transfer-Encoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, []int{501, 400}},
		{"two Transfer-Encoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, []int{501, 400}},
		{"Transfer-Encoding in HTTP/1.0", "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []int{200, 400}},
		{"bare line feed after the chunk size", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"bare line feed in a chunk extension", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\nb\r\nabc\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"endless chunk extension", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 20<<10) + "\r\na\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"huge chunk size", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\na\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"chunk longer than its size", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + smuggled, []int{400}},
		{"NUL in a header", "POST /echo HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\nContent-Length: 40\r\n\r\n" + smuggled, []int{400}},
		{"bare carriage return in a header", "POST /echo HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 40\r\n\r\n" + smuggled, []int{400}},
		{"no Host", "POST /echo HTTP/1.1\r\nContent-Length: 40\r\n\r\n" + smuggled, []int{400}},
		{"two Host", "POST /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 40\r\n\r\n" + smuggled, []int{400}},
		{"unread body", "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n" + smuggled, []int{200}},
		{"unread chunked body", "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n", []int{200}},
		{"body of an unknown path", "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n" + smuggled, []int{404}},
		{"body of a First route", "GET /m1_5.zip HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + "\r\n\r\n" + smuggled, []int{200}},
		{"chunked body of a First route", "GET /m1_5.zip HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n", []int{200}},
		{"unread body that never comes", "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + smuggled, []int{200}},
		{"body of a First route that never comes", "GET /m1_5.zip HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + smuggled, []int{200}},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, []int{404, 505, 400}},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00" + smuggled, []int{400}},
	} {
		t.Run(c.name, func(t *testing.T) { smuggle(t, c.request, c.status) })
	}
}

func smuggle(t *testing.T, request string, want []int) {
	s, _ := newTestServer(t)
	s.timeouts.leftover = 50 * time.Millisecond
	s.Handle("/smuggled", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the hidden request was executed") }))
	s.Handle("POST /ignore", text("ignored"))
	s.Handle("POST /echo", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(body)
	}))
	s.First(func(raw string) bool { return raw == "/m1_5.zip" }, text("zip"))
	address, _ := start(t, s)
	c := dial(t, address)
	go func() { _, _ = io.WriteString(c, request) }() // the server may close in the middle
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	ok := false
	for _, status := range want {
		ok = ok || res.StatusCode == status
	}
	if !ok {
		t.Errorf("status %d, want one of %v", res.StatusCode, want)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("body: %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	rest, err := io.ReadAll(in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
	if strings.Contains(string(rest), " 200 ") {
		t.Errorf("a second answer: %q", rest)
	}
}

// FuzzRequest sends whatever net/http accepts as a request through the whole
// stack: no such request may fail on our side, and no program is redirected.
func FuzzRequest(f *testing.F) {
	for _, line := range []string{
		"GET //m1_5.zip HTTP/1.1", "GET /a/../b HTTP/1.1", "GET /%2e%2e/%00 HTTP/1.0", "OPTIONS * HTTP/1.1", "GET http://h/x?y#z HTTP/1.1",
		"CONNECT h:80 HTTP/1.1", "POST /api/v1/x HTTP/1.1\r\nContent-Length: 3", "BREW / HTTP/1.1\r\nAccept: text/html;q=x,,",
		"GET /api/v1/events?topics=,, HTTP/1.1", "HEAD /docs HTTP/1.1\r\nRange: bytes=0-1,2-3", "GET /x/ HTTP/1.1\r\nX-Forwarded-For: ,",
	} {
		f.Add(line + "\r\nHost: x\r\n\r\nabc")
	}
	s, err := New(Options{HTTP: config.HTTP{TrustedProxies: []string{"192.0.2.1"}}, Metrics: config.Metrics{Enabled: true}})
	if err != nil {
		f.Fatal(err)
	}
	s.SetReady(true)
	s.events.close() // a stream would not end
	s.Handle("POST /api/v1/x", text("x"))
	s.Handle("GET /x/{id}/", text("x"))
	s.First(func(raw string) bool { return strings.HasSuffix(raw, ".zip") }, text("zip"))
	f.Fuzz(func(t *testing.T, wire string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		streams := r.URL.Path == "/api/v1/events" // closed above: 503
		if w.Code >= 500 && !streams || w.Code/100 == 3 && w.Code != 304 && !prefersHTML(r.Header.Values("Accept")) {
			t.Errorf("%q: %d %v", wire, w.Code, w.Header())
		}
	})
}
