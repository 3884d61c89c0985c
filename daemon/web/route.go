package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// route is what the mux holds for every pattern; nothing else is ever put on
// it. That is how a match of ours is told from the mux's own redirects and
// plain-text errors.
type route struct {
	server  *Server
	pattern string
	handler http.Handler
	match   func(rawPath string) bool // only for First
	metrics *routeMetrics

	maxBody   int64         // bytes; < 0 = unlimited
	timeout   time.Duration // 0 = none
	anonymous bool          // does not run Identify
	unlimited bool          // not counted by the per-address rate
	quiet     bool          // logged at debug
}

// Keys of huma.Operation.Metadata.
const (
	metaMaxBody = "quartermaster.max_body"
	metaTimeout = "quartermaster.timeout"
)

// MaxBody changes how many bytes of a request body an operation accepts; the
// default is 64 KiB. n < 0 lifts the limit. The caller gets 413 above it.
func MaxBody(n int64) func(*huma.Operation) {
	return func(op *huma.Operation) {
		setMeta(op, metaMaxBody, n)
		op.MaxBodyBytes = -1 // ours is the one that counts
	}
}

// Timeout changes how long reading the request, running the operation and
// writing its answer may take together; the default is 10 s for everything
// below /api/ and none elsewhere. d ≤ 0 lifts it. Without it a request's body
// must come at 8 KiB/s or more, and the answer has the deadlines of the
// connection; a handler that waits for something sets its own by
// http.ResponseController.
func Timeout(d time.Duration) func(*huma.Operation) {
	return func(op *huma.Operation) {
		setMeta(op, metaTimeout, d)
		op.BodyReadTimeout = -1
	}
}

func setMeta(op *huma.Operation, key string, value any) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[key] = value
}

func (s *Server) newRoute(pattern, path string, h http.Handler, op *huma.Operation) *route {
	rt := &route{
		server: s, pattern: pattern, handler: h, maxBody: defaultBody,
		metrics: s.metrics.route(path),
	}
	if path == "/app" || strings.HasPrefix(path, "/app/") {
		// The page is the same for everybody and pulls many small files at once.
		rt.anonymous, rt.unlimited, rt.quiet = true, true, strings.HasPrefix(path, "/app/static/")
	}
	if strings.HasPrefix(path, "/api/") {
		rt.timeout = s.timeouts.api
	}
	if op == nil {
		return rt
	}
	if n, ok := op.Metadata[metaMaxBody].(int64); ok {
		rt.maxBody = n
	}
	if d, ok := op.Metadata[metaTimeout].(time.Duration); ok {
		rt.timeout = max(d, 0)
	}
	return rt
}

// open marks a route of this package as one that anybody may ask often.
func (rt *route) open() *route {
	rt.anonymous, rt.unlimited = true, true
	return rt
}

// probe marks a route that monitoring asks all the time.
func (rt *route) probe() *route {
	rt.quiet = true
	return rt.open()
}

func (rt *route) noDeadline() *route {
	rt.timeout = 0
	return rt
}

// ServeHTTP is called by the mux, after Server.dispatch has decided that this
// route is the one.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := rt.server
	setSecurityHeaders(w.Header())
	if rt.timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), rt.timeout)
		defer cancel()
		r = r.WithContext(ctx)
		deadline := time.Now().Add(rt.timeout)
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(deadline) // only a recorder in a test cannot
		_ = rc.SetWriteDeadline(deadline)
	}
	if rt.timeout > 0 && r.Body != nil {
		holdDeadline(r.Body)
	}
	boundBody(w, r, rt.maxBody)
	if s.identify != nil && !rt.anonymous {
		known, err := s.identify(r)
		if err != nil {
			WriteError(w, r, err)
			return
		}
		r = known
	}
	rt.handler.ServeHTTP(w, r)
}

// setSecurityHeaders sets what holds for every answer of the mux. A handler
// may replace any of it. The policy lets a page load only its own files: no
// inline script or style, no frame around it, no other host.
func setSecurityHeaders(h http.Header) {
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = headerCSP
	h["Referrer-Policy"] = headerReferrer
	h["Cross-Origin-Resource-Policy"] = headerCORP
}

// Shared, never written to: Header.Set would allocate a slice for each.
var (
	headerReferrer = []string{"same-origin"}
	headerCORP     = []string{"same-origin"}
	headerCSP      = []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
)
