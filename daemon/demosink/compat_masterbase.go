package demosink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// The files compat_masterbase*.go are the wire of MegaAntiCheat's masterbase
// and of its client, which branches on 401 (the key is wrong) and 403 (the
// session is in another state) and logs the bodies. A request is judged in
// this order: path, method, guards, parameters and body, handler. Nothing is
// ever redirected.

// Texts of the original.
const (
	textUnauthorized = "Unauthorized"
	textInternal     = "Internal Error Occurred!"
	textNotFound     = "Not Found"
	textMethod       = "Method Not Allowed"
)

const maxFaceBody = 64 << 10

// endpoint is one method of one path.
type endpoint struct {
	method, path string
	guards       []guard
	serve        func(*exchange) (any, error) // the answer becomes JSON, unless it is nil and already sent
	summary      string
	query        []string // parameters besides api_key
}

// guard refuses a request, or adds to the exchange.
type guard func(*exchange) error

// exchange is one request on its way.
type exchange struct {
	s      *Service
	w      http.ResponseWriter
	r      *http.Request
	path   string
	query  url.Values
	caller Caller
	server gameServer // of a session to be opened
	known  bool       // Steam knows it
	sent   int        // status, when the handler answered by itself
}

func (x *exchange) ctx() context.Context { return x.r.Context() }

// refusal is an answer other than success.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

// endpoints are all there is, in the order of the documentation.
func (s *Service) endpoints() []endpoint {
	key, inSession, analyst := guard(withKey), guard(inSession), guard(isAnalyst)
	pages := []string{"page_size", "page_number"}
	return []endpoint{
		{"GET", "/session_id", []guard{key, notInSession, realServer}, openSession, "Open a session for a recording", []string{"fake_ip", "map", "demo_name"}},
		{"GET", "/demos", []guard{upgrading, key}, streamDemo, "Stream a recording: a websocket with binary frames", []string{"session_id"}},
		{"POST", "/late_bytes", []guard{key, lateSession}, lateBytes, "Hand in the bytes of the header that the game fills in at the end", nil},
		{"GET", "/close_session", []guard{key, inSession}, closeSession, "Close the session", nil},
		{"POST", "/close_session", []guard{key, inSession}, closeWithLate, "Close the session with its late bytes", nil},
		{"POST", "/report", []guard{key}, report, "Report a player of the session", nil},
		{"GET", "/list_demos", []guard{key}, listOwn, "One's own recordings, the oldest first", pages},
		{"GET", "/analyst_list_demos", []guard{key, analyst}, listAll, "Everybody's recordings, the oldest first", pages},
		{"GET", "/demodata", []guard{key, sessionClosed, analyst}, demoData, "A recording", []string{"session_id"}},
		{"GET", "/db_export", []guard{key, analyst}, exportTable, "A table as PostgreSQL's CSV: demo_sessions or reports", []string{"table"}},
		{"GET", "/jobs", []guard{key, analyst}, listJobs, "Recordings that wait for their analysis, the oldest first", []string{"limit"}},
		{"PUT", "/analysis", []guard{key, analyst}, putAnalysis, "Hand in what an analysis found", []string{"session_id"}},
		{"POST", "/ingest", []guard{key, analyst}, ingest, "Take what analyses found into the tables", []string{"session_id"}},
		{"GET", "/broadcasts", nil, listBroadcasts, "Messages to all players, the newest first", nil},
	}
}

// face serves the endpoints.
type face struct {
	s      *Service
	routes map[string]map[string]*endpoint // by path and method
	all    []endpoint
	rate   *limit.Keyed[netip.Prefix]
	exempt limit.Networks
	log    *slog.Logger
}

const maxRateKeys = 1 << 16

func newFace(s *Service, log *slog.Logger) (*face, error) {
	exempt, err := limit.ParseNetworks(s.options.Limits.Exempt)
	if err != nil {
		return nil, err
	}
	rps := s.options.Limits.PerIPRPS
	f := &face{
		s: s, routes: map[string]map[string]*endpoint{}, all: s.endpoints(), exempt: exempt, log: log.With("component", "masterbase"),
		rate: limit.New[netip.Prefix](rps, int(rps*2), maxRateKeys, s.clock.Now),
	}
	for i, e := range f.all {
		if f.routes[e.path] == nil {
			f.routes[e.path] = map[string]*endpoint{}
		}
		f.routes[e.path][e.method] = &f.all[i]
	}
	return f, nil
}

// Register adds the face and the operations of the API to the server.
func (s *Service) Register(srv *web.Server) {
	srv.First(s.face.match, s.face, s.face.operations()...)
	s.registerIncoming(srv)
	s.registerLibrary(srv)
	s.registerEvidence(srv)
	s.registerRetention(srv)
}

// fold gives a raw path its canonical form: repeated slashes count once, and
// one at the end does not count.
func fold(raw string) string {
	if !strings.Contains(raw, "//") && (len(raw) < 2 || raw[len(raw)-1] != '/') {
		return raw
	}
	var b strings.Builder
	for part := range strings.SplitSeq(raw, "/") {
		if part != "" {
			b.WriteByte('/')
			b.WriteString(part)
		}
	}
	return b.String()
}

func (f *face) match(raw string) bool { return f.routes[fold(raw)] != nil }

// ServeHTTP answers one request.
func (f *face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: f.s, w: w, r: r, path: fold(web.RawPath(r))}
	began := f.s.clock.Now()
	status := f.answer(x)
	f.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", x.path), // never the query: it holds the key
		slog.Int("status", status), slog.Duration("took", f.s.clock.Now().Sub(began)),
		slog.String("ip", web.ClientIP(r).String()), slog.Int64("account", x.caller.Account))
}

// answer judges the request and sends the answer.
func (f *face) answer(x *exchange) (status int) {
	methods := f.routes[x.path]
	e := methods[x.r.Method]
	if e == nil {
		x.w.Header()["Allow"] = []string{allowed(methods)}
		if x.r.Method == http.MethodOptions {
			x.w.WriteHeader(http.StatusNoContent)
			return http.StatusNoContent
		}
		return x.refuse(refusal{http.StatusMethodNotAllowed, textMethod})
	}
	if ip := web.ClientIP(x.r); !f.exempt.Contains(ip) {
		if ok, wait := f.rate.Allow(limit.Prefix(ip)); !ok {
			web.SetRetryAfter(x.w.Header(), wait)
			return x.refuse(refusal{http.StatusTooManyRequests, "Too Many Requests"})
		}
	}
	x.query = x.r.URL.Query()
	for _, g := range e.guards {
		if err := g(x); err != nil {
			return x.refuse(err)
		}
	}
	body, err := e.serve(x)
	if err != nil {
		return x.refuse(err)
	}
	if x.sent != 0 {
		return x.sent
	}
	return x.succeed(body)
}

func allowed(methods map[string]*endpoint) string {
	names := []string{http.MethodOptions}
	for m := range methods {
		names = append(names, m)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// succeed sends an answer as compact JSON: 201 to a POST, else 200.
func (x *exchange) succeed(v any) int {
	status := http.StatusOK
	if x.r.Method == http.MethodPost {
		status = http.StatusCreated
	}
	body, err := json.Marshal(v)
	if err != nil {
		return x.refuse(err)
	}
	x.send(status, "application/json", body)
	return status
}

// refuse sends the text of an error.
func (x *exchange) refuse(err error) int {
	r := refusalOf(err)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.RetryAfter > 0 {
		web.SetRetryAfter(x.w.Header(), f.RetryAfter)
	}
	if r.status >= http.StatusInternalServerError {
		x.s.log.Warn("a request of a client failed", slog.String("path", x.path), slog.Int("status", r.status), slog.Any("error", err))
	}
	if r.text == "" {
		x.w.Header()["Content-Length"] = []string{"0"}
		x.w.WriteHeader(r.status)
		return r.status
	}
	x.send(r.status, "text/plain; charset=utf-8", []byte(r.text))
	return r.status
}

func (x *exchange) send(status int, mediaType string, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = []string{mediaType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Cache-Control"] = []string{"no-store"}
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // a client that is gone needs no answer
}

// refusalOf maps an error to what the client is told.
func refusalOf(err error) refusal {
	var r refusal
	var unknown unknownSession
	var server noServer
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &unknown):
		return refusal{http.StatusForbidden, unknown.Error()}
	case errors.As(err, &server):
		return refusal{http.StatusUnauthorized, server.Error()}
	case errors.Is(err, ErrLate), errors.Is(err, ErrLateStored), errors.Is(err, ErrLateSession):
		return refusal{http.StatusUnprocessableEntity, fault.Public(err)}
	case errors.Is(err, ErrInSession), errors.Is(err, ErrNoSession), errors.Is(err, ErrTarget):
		return refusal{http.StatusForbidden, fault.Public(err)}
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		return refusal{http.StatusUnauthorized, textUnauthorized}
	case fault.Conflict:
		return refusal{http.StatusConflict, fault.Public(err)}
	case fault.Unavailable:
		return refusal{http.StatusServiceUnavailable, fault.Public(err)}
	case fault.NoSpace:
		return refusal{http.StatusInsufficientStorage, fault.Public(err)}
	}
	return refusal{http.StatusInternalServerError, textInternal}
}

// param returns the first value of a parameter.
func (x *exchange) param(name string) (string, error) {
	if v, ok := x.query[name]; ok {
		return v[0], nil
	}
	return "", refusal{http.StatusBadRequest, "Missing required query parameter '" + name + "' for path " + x.path}
}

// invalid is the refusal of parameters and bodies of the wrong shape.
func (x *exchange) invalid() error {
	return refusal{http.StatusBadRequest, "Validation failed for " + x.r.Method + " " + x.path}
}

// body reads the request's body, JSON whatever its Content-Type, into fields.
// Unknown ones are ignored.
func (x *exchange) body(into *map[string]json.RawMessage) error {
	b, err := x.bytes(maxFaceBody)
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(b))) == 0 {
		return x.invalid()
	}
	if !json.Valid(b) {
		return refusal{http.StatusBadRequest, "JSON is malformed"}
	}
	if err := json.Unmarshal(b, into); err != nil || *into == nil {
		return x.invalid()
	}
	return nil
}

// bytes reads the request's body.
func (x *exchange) bytes(limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, refusal{http.StatusRequestEntityTooLarge, "Request Entity Too Large"}
	}
	if err != nil {
		return nil, refusal{http.StatusBadRequest, "The body cannot be read"}
	}
	return b, nil
}

// text reads a field that must be a string.
func (x *exchange) text(fields map[string]json.RawMessage, name string) (string, error) {
	raw, ok := fields[name]
	var v *string
	if !ok || json.Unmarshal(raw, &v) != nil || v == nil {
		return "", x.invalid()
	}
	return *v, nil
}

// withKey finds out who calls.
func withKey(x *exchange) (err error) {
	key := x.query.Get("api_key") // the first value
	if key == "" {
		return refusal{http.StatusUnauthorized, textUnauthorized}
	}
	x.caller, err = x.s.options.Accounts.ByKey(x.ctx(), key)
	return err
}

// parameters are those of the query.
func (e *endpoint) parameters() []string {
	if len(e.guards) == 0 { // public
		return e.query
	}
	return append([]string{"api_key"}, e.query...)
}

// optional reports whether a parameter may be left out.
func (e *endpoint) optional(name string) bool {
	switch name {
	case "demo_name", "limit", "page_size", "page_number":
		return true
	}
	return e.path == "/ingest" && name == "session_id"
}

// operations document the face.
func (f *face) operations() (ops []*huma.Operation) {
	text := map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}}
	for _, e := range f.all {
		op := &huma.Operation{
			OperationID: "masterbase-" + strings.ToLower(e.method) + "-" + strings.TrimPrefix(e.path, "/"), Method: e.method, Path: e.path,
			Tags: []string{"game clients"}, Summary: e.summary,
			Responses: map[string]*huma.Response{
				"400": {Description: "A parameter or the body is missing or has the wrong shape", Content: text},
				"401": {Description: "The key is missing or wrong", Content: text},
				"403": {Description: "The session is in another state", Content: text},
			},
		}
		for _, name := range e.parameters() {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Required: !e.optional(name), Schema: &huma.Schema{Type: "string"}})
		}
		switch {
		case e.path == "/demos":
			op.Responses["101"] = &huma.Response{Description: "The connection is a websocket now"}
			op.Responses["409"] = &huma.Response{Description: "The session has a connection already", Content: text}
		case e.method == http.MethodPost:
			op.Responses["201"] = &huma.Response{Description: "Done"}
			op.Responses["422"] = &huma.Response{Description: "What is handed in cannot be taken", Content: text}
		default:
			op.Responses["200"] = &huma.Response{Description: "Done"}
		}
		ops = append(ops, op)
	}
	return ops
}
