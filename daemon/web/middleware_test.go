package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestRequestID(t *testing.T) {
	s, log := newTestServer(t)
	var inside string
	s.Handle("GET /x", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = RequestID(r.Context()) }))
	ids := map[string]bool{}
	for range 50 {
		w := call(s, "GET", "/x", "", "X-Request-Id", "from-outside\nfake line")
		id := w.Header().Get("X-Request-Id")
		if !regexp.MustCompile(`^[A-Z2-7]{6}-[0-9a-z]+$`).MatchString(id) || ids[id] || id != inside {
			t.Fatalf("id %q, inside %q", id, inside)
		}
		ids[id] = true
	}
	if strings.Contains(log.String(), "from-outside") {
		t.Error("an id from outside reached the log")
	}
	if RequestID(context.Background()) != "" {
		t.Error("an id without a request")
	}
}

func TestAccessLog(t *testing.T) {
	s, log := newTestServer(t)
	s.Handle("GET /x", text("12345"))
	w := call(s, "GET", "/x?token=secret", "")
	line := log.line(t, "request")
	for name, want := range map[string]any{
		"level": "INFO", "method": "GET", "path": "/x", "status": 200.0, "bytes": 5.0,
		"ip": "198.51.100.7", "request_id": w.Header().Get("X-Request-Id"),
	} {
		if line[name] != want {
			t.Errorf("%s = %v, want %v", name, line[name], want)
		}
	}
	if strings.Contains(log.String(), "secret") {
		t.Error("the query reached the log")
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		s, log := newTestServer(t)
		call(s, "GET", path, "")
		if line := log.line(t, "request"); line["level"] != "DEBUG" {
			t.Errorf("%s is logged at %v", path, line["level"])
		}
	}
}

func TestPanics(t *testing.T) {
	s, log := newTestServer(t)
	s.Handle("GET /before", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		w.Header().Set("ETag", `"x"`)
		panic("the database password is hunter2")
	}))
	s.Handle("GET /after", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		panic(errors.New("too late"))
	}))
	s.Handle("GET /abort", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	s.First(func(raw string) bool { return raw == "/first" }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("first") }))

	for _, path := range []string{"/before", "/first"} {
		w := call(s, "GET", path, "")
		p := decode[Problem](t, w)
		if w.Code != 500 || p.Code != "internal" || p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w.Header().Get("ETag") != "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: headers of the failed answer are left: %v", path, w.Header())
		}
		if !strings.Contains(log.String(), p.RequestID) {
			t.Errorf("%s: the id is not in the log", path)
		}
	}
	line := log.line(t, "a handler panicked")
	if line["panic"] != "the database password is hunter2" || !strings.Contains(fmt.Sprint(line["stack"]), "TestPanics") {
		t.Errorf("log line %v", line)
	}
	for _, path := range []string{"/after", "/abort"} {
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%s: recovered %v; the connection must be cut", path, p)
				}
			}()
			call(s, "GET", path, "")
		}()
	}
	if w := call(s, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("after panics: %d", w.Code)
	}
}

func TestIdentify(t *testing.T) {
	type key struct{}
	s, _ := newTestServer(t)
	s.Identify(func(r *http.Request) (*http.Request, error) {
		switch name := r.Header.Get("Authorization"); name {
		case "bad":
			return nil, fault.New(fault.Unauthenticated, "This key is not known")
		case "broken":
			return nil, errors.New("secret detail")
		default:
			return r.WithContext(context.WithValue(r.Context(), key{}, name)), nil
		}
	})
	s.Handle("GET /plain/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%v %s", r.Context().Value(key{}), r.PathValue("id"))
	}))
	huma.Get(s.API(), "/api/v1/who", func(ctx context.Context, _ *struct{}) (*struct{ Body string }, error) {
		return &struct{ Body string }{fmt.Sprint(ctx.Value(key{}))}, nil
	})
	for _, c := range []struct {
		path, auth string
		status     int
		body       string
	}{
		{"/plain/7", "ada", 200, "ada 7"},
		{"/api/v1/who", "ada", 200, "\"ada\"\n"},
		{"/plain/7", "bad", 401, "This key is not known"},
		{"/api/v1/who", "bad", 401, "This key is not known"},
		{"/plain/7", "broken", 500, "Something went wrong"},
		{"/healthz", "bad", 200, "ok"},
		{"/openapi.json", "bad", 200, "3.1.0"},
		{"/docs", "bad", 200, "viewer"},
		{"/", "bad", 200, "OK"},
		{"/api/v1/events", "bad", 401, "not known"},
		{"/nope", "bad", 404, ""},
	} {
		w := call(s, "GET", c.path, "", "Authorization", c.auth)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s as %s: %d %s", c.path, c.auth, w.Code, w.Body)
		}
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s, _ := newTestServer(t, func(o *Options) {
		o.Limits.PerIPRPS = 2 // and a burst of 4
		o.Limits.Exempt = []string{"192.0.2.0/24"}
		o.Now = func() time.Time { return now }
	})
	s.Handle("GET /api/v1/x", text("x"))
	s.Handle("GET /app/x", text("x"))
	s.First(func(raw string) bool { return raw == "/m" }, text("m"))
	ask := func(path, from string) *httptest.ResponseRecorder {
		return call(s, "GET", path, "", "RemoteAddr", from)
	}
	for i := range 4 {
		if w := ask("/api/v1/x", "198.51.100.7:1"); w.Code != 200 {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	w := ask("/api/v1/x", "198.51.100.7:2")
	if p := decode[Problem](t, w); w.Code != 429 || w.Header().Get("Retry-After") != "1" || p.Code != "too_many" {
		t.Errorf("the fifth: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask("/nope", "198.51.100.7:2"); w.Code != 429 {
		t.Errorf("unknown paths are counted too: %d", w.Code)
	}
	for _, path := range []string{"/healthz", "/", "/docs", "/app/x", "/m"} {
		if w := ask(path, "198.51.100.7:2"); w.Code != 200 {
			t.Errorf("%s is not limited, yet: %d", path, w.Code)
		}
	}
	if w := ask("/api/v1/x", "198.51.100.8:1"); w.Code != 200 {
		t.Errorf("another address: %d", w.Code)
	}
	for i := range 20 {
		if w := ask("/api/v1/x", "192.0.2.1:1"); w.Code != 200 {
			t.Fatalf("exempt address, request %d: %d", i, w.Code)
		}
	}
	codes := map[int]int{}
	for i := range 8 { // two addresses of one /64 share
		codes[ask("/api/v1/x", fmt.Sprintf("[2001:db8::%d]:1", i%2+1)).Code]++
	}
	if codes[200] != 4 || codes[429] != 4 {
		t.Errorf("one /64: %v", codes)
	}
	now = now.Add(500 * time.Millisecond)
	if w := ask("/api/v1/x", "198.51.100.7:3"); w.Code != 200 {
		t.Errorf("after the wait: %d", w.Code)
	}
}

func TestBodyLimits(t *testing.T) {
	s, _ := newTestServer(t)
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			WriteError(w, r, fmt.Errorf("read: %w", err))
			return
		}
		fmt.Fprint(w, len(b))
	})
	s.Handle("POST /plain", read)
	big := &huma.Operation{OperationID: "post-big"}
	MaxBody(200_000)(big)
	s.Handle("POST /big", read, big)
	endless := &huma.Operation{OperationID: "post-endless"}
	MaxBody(-1)(endless)
	s.Handle("POST /endless", read, endless)
	type input struct{ Body struct{ Text string } }
	length := func(_ context.Context, in *input) (*struct{ Body int }, error) {
		return &struct{ Body int }{len(in.Body.Text)}, nil
	}
	huma.Post(s.API(), "/api/v1/small", length)
	huma.Post(s.API(), "/api/v1/big", length, MaxBody(200_000))
	for _, c := range []struct {
		path   string
		n      int
		status int
	}{
		{"/plain", 64 << 10, 200}, {"/plain", 64<<10 + 1, 413},
		{"/big", 200_000, 200}, {"/big", 200_001, 413},
		{"/endless", 3 << 20, 200},
		{"/api/v1/small", 60_000, 200}, {"/api/v1/small", 64 << 10, 413},
		{"/api/v1/big", 190_000, 200}, {"/api/v1/big", 200_000, 413},
	} {
		body := strings.Repeat("x", c.n)
		if strings.HasPrefix(c.path, "/api") {
			body = `{"Text":"` + body + `"}`
		}
		w := call(s, "POST", c.path, body, "Content-Type", "application/json")
		if w.Code != c.status {
			t.Errorf("%s with %d bytes: %d %.200s", c.path, c.n, w.Code, w.Body)
		}
		if c.status == 413 && (decode[Problem](t, w).Code != "too_large" || w.Header().Get("Connection") != "close") {
			t.Errorf("%s: %v %s", c.path, w.Header(), w.Body)
		}
	}
}

func TestUnreadBodyClosesTheConnection(t *testing.T) {
	s, _ := newTestServer(t)
	s.Handle("POST /ignores", text("no thanks"))
	s.Handle("POST /reads", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write([]byte("read"))
	}))
	for _, c := range []struct{ path, body, want string }{
		{"/ignores", "body", "close"}, {"/ignores", "", ""}, {"/reads", "body", ""}, {"/nope", "body", "close"},
	} {
		if got := call(s, "POST", c.path, c.body).Header().Get("Connection"); got != c.want {
			t.Errorf("%s with %q: Connection %q, want %q", c.path, c.body, got, c.want)
		}
	}
}

func TestOperationsHaveADeadline(t *testing.T) {
	s, _ := newTestServer(t)
	s.timeouts.api = 20 * time.Millisecond
	wait := func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	huma.Get(s.API(), "/api/v1/slow", wait)
	if w := call(s, "GET", "/api/v1/slow", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	has := func(ctx context.Context, _ *struct{}) (*struct{ Body bool }, error) {
		_, ok := ctx.Deadline()
		return &struct{ Body bool }{ok}, nil
	}
	huma.Get(s.API(), "/api/v1/default", has)
	huma.Get(s.API(), "/api/v1/none", has, Timeout(0))
	s.Handle("GET /other", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, ok := r.Context().Deadline()
		writeJSON(w, 200, ok)
	}))
	for path, want := range map[string]string{"/api/v1/default": "true\n", "/api/v1/none": "false\n", "/other": "false\n"} {
		if w := call(s, "GET", path, ""); w.Body.String() != want {
			t.Errorf("%s: a deadline is set: %s", path, w.Body)
		}
	}
}

func TestResponseKeepsReadFromFlushAndHijack(t *testing.T) {
	s, _ := newTestServer(t)
	s.Handle("GET /x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("no ReadFrom: files would not go out by sendfile")
		}
		if _, ok := w.(http.Flusher); !ok {
			t.Error("no Flush")
		}
		n, err := io.Copy(w, strings.NewReader("copied"))
		if n != 6 || err != nil {
			t.Errorf("Copy = %d, %v", n, err)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack of a recorder: %v", err)
		}
		_, _ = io.WriteString(w, "!")
	}))
	if w := call(s, "GET", "/x", ""); w.Body.String() != "copied!" || !w.Flushed {
		t.Errorf("%q, flushed %v", w.Body, w.Flushed)
	}
}

func TestLoggedPath(t *testing.T) {
	token := strings.Repeat("abcdefg", 6) + "h"
	for path, want := range map[string]string{
		"/":                                   "/",
		"/api/v1/evidence/" + token:           "/api/v1/evidence/abcd…",
		"/api/v1/evidence/" + token + "/file": "/api/v1/evidence/abcd…/file",
		"/app/evidence/" + token[1:]:          "/app/evidence/" + token[1:],
		"/library/" + strings.Repeat("a", 64): "/library/" + strings.Repeat("a", 64),
	} {
		if got := loggedPath(path); got != want {
			t.Errorf("%s is logged as %s, want %s", path, got, want)
		}
	}
}
