package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

type (
	serverKey  struct{} // *Server, set once per connection
	requestKey struct{} // *requestInfo, set for requests that reach the mux
	prefix     = netip.Prefix
)

// requestInfo is what the middleware knows of a request on its way to the mux.
type requestInfo struct {
	server *Server
	id     string
	ip     netip.Addr
}

// RequestID returns the id of the request that ctx belongs to. It is "" on
// routes registered with First and outside of requests.
func RequestID(ctx context.Context) string {
	if info, ok := ctx.Value(requestKey{}).(*requestInfo); ok {
		return info.id
	}
	return ""
}

// ServeHTTP is the whole stack without listeners.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Context().Value(serverKey{}) == nil { // not through our http.Server
		r = r.WithContext(context.WithValue(r.Context(), serverKey{}, s))
	}
	s.beginAnswer(r)
	if len(s.first) > 0 {
		raw := RawPath(r)
		for _, rt := range s.first {
			if rt.match(raw) {
				s.serveFirst(w, r, rt)
				return
			}
		}
	}
	s.serveMux(w, r)
}

// RawPath returns the path of the request exactly as the client sent it:
// without the query, undecoded, with every slash.
func RawPath(r *http.Request) string {
	if !strings.HasPrefix(r.RequestURI, "/") {
		return r.URL.EscapedPath() // absolute form, or not from a wire
	}
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	return raw
}

// serveFirst runs a First route. What it allocates every game client pays.
func (s *Server) serveFirst(w http.ResponseWriter, r *http.Request, rt *route) {
	start := s.now()
	var body *requestBody
	if r.ContentLength != 0 {
		body = s.trackBody(w, r)
	}
	res := newResponse(w, body)
	s.metrics.inFlight.Inc()
	defer func() {
		p := recover()
		s.metrics.inFlight.Dec()
		if p == nil {
			res.finish()
			rt.metrics.observe(r.Method, res.status, s.now().Sub(start))
			res.release()
			return
		}
		rt.metrics.observe(r.Method, http.StatusInternalServerError, s.now().Sub(start))
		if abort := s.handlePanic(p, res, r, s.ids.next()); abort {
			panic(http.ErrAbortHandler)
		}
	}()
	rt.handler.ServeHTTP(res, r)
}

// serveMux runs everything else: recovery, id, address, access log, rate,
// then the route.
func (s *Server) serveMux(w http.ResponseWriter, r *http.Request) {
	start := s.now()
	info := &requestInfo{server: s, id: s.ids.next(), ip: s.clientIP(r)}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
	var body *requestBody
	if r.ContentLength != 0 {
		body = s.trackBody(w, r)
	}
	res := newResponse(w, body)
	res.Header()["X-Request-Id"] = []string{info.id}
	rt := s.metrics.unmatched
	quiet := false
	s.metrics.inFlight.Inc()
	defer func() {
		p := recover()
		if p != nil {
			if abort := s.handlePanic(p, res, r, info.id); abort {
				defer panic(http.ErrAbortHandler)
			}
		}
		s.metrics.inFlight.Dec()
		res.finish()
		took := s.now().Sub(start)
		rt.observe(r.Method, res.status, took)
		s.logAccess(r, res, info, took, quiet)
		if p == nil {
			res.release()
		}
	}()
	found := s.find(r)
	if found != nil {
		rt, quiet = found.metrics, found.quiet
	}
	if found == nil || !found.unlimited {
		if err := s.admit(info.ip); err != nil {
			WriteError(res, r, err)
			return
		}
	}
	if found == nil {
		quiet = s.serveUnmatched(res, r)
		return
	}
	s.mux.ServeHTTP(res, r)
}

// find returns the route the mux will choose, or nil when it would answer by
// itself: unknown path, wrong method, or a redirect to a cleaned path.
func (s *Server) find(r *http.Request) *route {
	h, _ := s.mux.Handler(r)
	rt, _ := h.(*route)
	return rt
}

// admit counts the request against its address.
func (s *Server) admit(ip netip.Addr) error {
	if s.exempt.Contains(ip) {
		return nil
	}
	ok, wait := s.rate.Allow(limit.Prefix(ip))
	if ok {
		return nil
	}
	s.metrics.rejected.rate.Inc()
	return fault.New(fault.TooMany, "Too many requests from your address").WithRetryAfter(wait)
}

// serveUnmatched answers what no route takes. The mux is asked with a
// recorder, so that its rules for Allow hold, but its text is not used. It
// reports whether the answer already has a line in the log.
func (s *Server) serveUnmatched(w http.ResponseWriter, r *http.Request) (logged bool) {
	setSecurityHeaders(w.Header())
	var rec recorder
	if path.Clean("/"+r.URL.Path) == strings.TrimSuffix(cmp.Or(r.URL.Path, "/"), "/") || r.URL.Path == "/" {
		h, _ := s.mux.Handler(r)
		h.ServeHTTP(&rec, r)
	}
	page := prefersHTML(r.Header.Values("Accept"))
	switch {
	case rec.status == http.StatusMethodNotAllowed:
		w.Header()["Allow"] = rec.Header()["Allow"]
		writeProblem(w, r, &Problem{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
			Detail: "This address does not take the method " + r.Method,
		})
	case rec.status/100 == 3 && page: // "/app" to "/app/", for people only
		w.Header()["Location"] = rec.Header()["Location"]
		w.WriteHeader(rec.status)
	case page && s.notFound != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.notFound.ServeHTTP(w, r)
	case s.program != nil && !strings.HasPrefix(r.URL.Path, "/api/"):
		s.program.ServeHTTP(w, r)
		return true
	default:
		WriteError(w, r, fault.New(fault.NotFound, "There is nothing at this address"))
	}
	return false
}

// recorder keeps the head of an answer and drops its body.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return len(p), nil
}

func (r *recorder) WriteHeader(status int) { r.status = cmp.Or(r.status, status) }

// tokenLength is that of 32 random bytes in base64url (RFC 4648 §5), which is
// how addresses are made that are a secret themselves.
const tokenLength = 43

// loggedPath is a path as logs show it: without the parts that may be secrets.
func loggedPath(raw string) string {
	if len(raw) <= tokenLength {
		return raw
	}
	parts := strings.Split(raw, "/")
	for i, p := range parts {
		if len(p) == tokenLength {
			parts[i] = p[:4] + "…"
		}
	}
	return strings.Join(parts, "/")
}

// handlePanic turns a panic into a 500, or reports that the answer is already
// under way and only closing the connection tells the client.
func (s *Server) handlePanic(p any, res *response, r *http.Request, id string) (abort bool) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	s.metrics.panics.Inc()
	s.log.LogAttrs(r.Context(), slog.LevelError, "a handler panicked",
		slog.String("request_id", id), slog.String("method", r.Method), slog.String("path", loggedPath(RawPath(r))),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if res.status != 0 || res.hijacked {
		return true
	}
	clear(res.Header())
	res.Header()["X-Request-Id"] = []string{id}
	writeProblem(res, r, &Problem{
		Status: http.StatusInternalServerError, Code: fault.Internal.String(), RequestID: id,
		Detail: fault.Public(nil),
	})
	return false
}

func (s *Server) logAccess(r *http.Request, res *response, info *requestInfo, took time.Duration, quiet bool) {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("method", r.Method), slog.String("path", loggedPath(RawPath(r))), // never the query: it may hold a secret
		slog.Int("status", res.status), slog.Int64("bytes", res.bytes), slog.Duration("took", took),
		slog.String("ip", info.ip.String()), slog.String("request_id", info.id))
	if wait := LimiterWait(r); wait > 0 {
		attrs = append(attrs, slog.Duration("limiter_wait", wait))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}
