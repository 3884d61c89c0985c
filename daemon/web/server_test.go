package web

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// logBuffer collects JSON log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// line returns the first log line whose msg is msg.
func (l *logBuffer) line(t *testing.T, msg string) map[string]any {
	t.Helper()
	for text := range strings.SplitSeq(l.String(), "\n") {
		var fields map[string]any
		if json.Unmarshal([]byte(text), &fields) == nil && fields["msg"] == msg {
			return fields
		}
	}
	t.Fatalf("no log line %q in:\n%s", msg, l)
	return nil
}

// newTestServer returns a server with default settings but no limit on
// requests, and its log at debug.
func newTestServer(t *testing.T, change ...func(*Options)) (*Server, *logBuffer) {
	t.Helper()
	c := config.Default()
	log := &logBuffer{}
	o := Options{HTTP: c.HTTP, Limits: c.Limits, Metrics: c.Metrics, Version: "1.2.3",
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	o.HTTP.Listen = []string{"127.0.0.1:0"}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// call sends one request through the whole stack. Headers come as name,
// value, name, value.
func call(s http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "198.51.100.7:4711"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "RemoteAddr" {
			r.RemoteAddr = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return v
}

func text(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestNewRefusesWhatItCannotRead(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(*Options)
	}{
		{"http.trusted_proxies", func(o *Options) { o.HTTP.TrustedProxies = []string{"proxy"} }},
		{"limits.exempt", func(o *Options) { o.Limits.Exempt = []string{"10.0.0.0/40"} }},
		{"http.public_url", func(o *Options) { o.HTTP.PublicURL = "mods.example.org" }},
		{"http.public_url", func(o *Options) { o.HTTP.PublicURL = "ftp://mods.example.org" }},
	} {
		var o Options
		c.change(&o)
		_, err := New(o)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	if _, err := New(Options{}); err != nil {
		t.Errorf("the zero options: %v", err)
	}
}

func TestHomeAndUnknownPaths(t *testing.T) {
	s, _ := newTestServer(t)
	s.Handle("GET /download/{name}", text("program"))
	s.Handle("GET /app/", text("page of app"))
	s.Handle("POST /api/v1/things", text("made"))
	bare, _ := newTestServer(t)
	s.Home(text("home page"))
	s.NotFoundPage(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("page not found"))
	}))
	for _, c := range []struct {
		name, method, target, accept string
		server                       *Server
		status                       int
		body, header, value          string
	}{
		{"program at /", "GET", "/", "", s, 200, "\"OK\"", "Content-Type", "application/json"},
		{"curl at /", "GET", "/", "*/*", s, 200, "\"OK\"", "Vary", "Accept"},
		{"browser at /", "GET", "/", browser, s, 200, "home page", "Vary", "Accept"},
		{"browser without a page", "GET", "/", browser, bare, 200, "\"OK\"", "Content-Type", "application/json"},
		{"head", "HEAD", "/", "", s, 200, "", "", ""},
		{"unknown to a program", "GET", "/nope", "", s, 404, "", "Content-Type", "application/problem+json"},
		{"unknown to a browser", "GET", "/nope", browser, s, 404, "page not found", "", ""},
		{"unknown, JSON preferred", "GET", "/nope", "application/json, text/html;q=0.5", s, 404, "", "Content-Type", "application/problem+json"},
		{"unknown POST of a browser", "POST", "/nope", browser, s, 404, "", "Content-Type", "application/problem+json"},
		{"unknown without a page", "GET", "/nope", browser, bare, 404, "", "Content-Type", "application/problem+json"},
		{"wrong method", "DELETE", "/download/x", "", s, 405, "", "Allow", "GET, HEAD"},
		{"wrong method on an operation", "GET", "/api/v1/things", browser, s, 405, "", "Allow", "POST"},
		{"double slash is not redirected", "GET", "//download/x", "", s, 404, "", "Location", ""},
		{"double slash inside", "GET", "/download//x", "", s, 404, "", "Location", ""},
		{"dots are not resolved", "GET", "/download/../download/x", "", s, 404, "", "Location", ""},
		{"encoded dots neither", "GET", "/download/%2e%2e/x", browser, s, 404, "page not found", "Location", ""},
		{"a program is not sent to a slash", "GET", "/app", "", s, 404, "", "Location", ""},
		{"a person is", "GET", "/app", browser, s, 307, "", "Location", "/app/"},
		{"asterisk", "OPTIONS", "*", "", s, 404, "", "Content-Type", "application/problem+json"},
	} {
		w := call(c.server, c.method, c.target, "", "Accept", c.accept)
		if w.Code != c.status || c.body != "" && w.Body.String() != c.body || c.header != "" && w.Header().Get(c.header) != c.value {
			t.Errorf("%s: %d %q, %s: %q; want %d %q, %q", c.name, w.Code, w.Body, c.header, w.Header().Get(c.header), c.status, c.body, c.value)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: security headers are missing: %v", c.name, w.Header())
		}
	}
}

func TestFirstSeesTheRawPath(t *testing.T) {
	s, log := newTestServer(t)
	s.Identify(func(*http.Request) (*http.Request, error) { t.Error("Identify ran"); return nil, nil })
	var seen []string
	s.First(func(raw string) bool {
		seen = append(seen, raw)
		return strings.HasSuffix(raw, ".zip")
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if RequestID(r.Context()) != "" {
			t.Error("a request id was made")
		}
		_, _ = w.Write([]byte(ClientIP(r).String()))
	}), &huma.Operation{OperationID: "get-mod", Path: "/m{hex}_{version}.zip"})
	for _, c := range []struct{ target, raw string }{
		{"/m1_5.zip", "/m1_5.zip"},
		{"//m1_5.zip", "//m1_5.zip"},
		{"////m1_5.zip", "////m1_5.zip"},
		{"/a/../m1_5.zip", "/a/../m1_5.zip"},
		{"/m%31_5.zip", "/m%31_5.zip"},
		{"/m1_5.zip?x=1", "/m1_5.zip"},
		{"/m 1_5.zip", ""},
		{"http://host/m1_5.zip", "/m1_5.zip"},
		{"/m%20_5.zip", "/m%20_5.zip"},
	} {
		if c.raw == "" {
			continue
		}
		seen = nil
		w := call(s, "GET", c.target, "", "X-Forwarded-For", "203.0.113.9")
		if w.Code != 200 || w.Body.String() != "198.51.100.7" || len(seen) != 1 || seen[0] != c.raw {
			t.Errorf("%s: %d %q, matched on %q", c.target, w.Code, w.Body, seen)
		}
		for _, name := range []string{"X-Request-Id", "Content-Security-Policy", "X-Content-Type-Options"} {
			if w.Header().Get(name) != "" {
				t.Errorf("%s: header %s was added", c.target, name)
			}
		}
	}
	if strings.Contains(log.String(), `"msg":"request"`) {
		t.Error("the access log of a First route is its feature's")
	}
	if w := call(s, "GET", "/m1_5.rar", ""); w.Code != 404 {
		t.Errorf("not matched: %d", w.Code)
	}
}

func TestFirstAllocatesLittle(t *testing.T) {
	s, _ := newTestServer(t)
	s.First(func(string) bool { return true }, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	r := httptest.NewRequest("GET", "/m1_5.zip", nil)
	r.Body, r.ContentLength = http.NoBody, 0
	r = r.WithContext(context.WithValue(r.Context(), serverKey{}, s)) // as the http.Server does once per connection
	w := httptest.NewRecorder()
	if n := testing.AllocsPerRun(200, func() { s.ServeHTTP(w, r) }); n > 1 {
		t.Errorf("%v allocations per request, want at most 1", n)
	}
}

func TestSplitPattern(t *testing.T) {
	for _, c := range []struct{ pattern, method, path string }{
		{"/", "", "/"},
		{"GET /a", "GET", "/a"},
		{"GET  /a/{$}", "GET", "/a/"},
		{"POST example.org/a/{b...}", "POST", "/a/{b}"},
		{"example.org/a/{b}/c", "", "/a/{b}/c"},
	} {
		if m, p := splitPattern(c.pattern); m != c.method || p != c.path {
			t.Errorf("splitPattern(%q) = %q, %q", c.pattern, m, p)
		}
	}
}

func benchmarkCall(b *testing.B, s *Server, target string) {
	r := httptest.NewRequest("GET", target, nil)
	r.Body, r.ContentLength = http.NoBody, 0
	r = r.WithContext(context.WithValue(r.Context(), serverKey{}, s)) // as the http.Server does once per connection
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		s.ServeHTTP(w, r)
	}
}

func BenchmarkNew(b *testing.B) {
	c := config.Default()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{HTTP: c.HTTP, Limits: c.Limits, Metrics: c.Metrics}); err != nil {
			b.Fatal(err)
		}
	}
}
