// Package web is the HTTP side that every feature shares: listeners,
// middleware, the shape of errors, one OpenAPI document of every route, health
// checks, metrics, live events and the serving of files. It knows nothing of
// accounts or mods: whoever needs to tell callers apart injects a function.
//
// A Server is made by New, features register their routes on it, Listen binds
// the addresses and Run serves until its context ends. Registration must be
// over before Run; from then on a Server is safe for concurrent use. The
// invariants are in DESIGN.md.
package web

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// Options say what a Server is made of. Log, Version and Now may be left
// empty.
type Options struct {
	HTTP    config.HTTP
	Limits  config.Limits
	Metrics config.Metrics
	// Traffic bounds and counts bytes; nil: as Limits says, without their
	// schedule.
	Traffic *limit.Traffic
	Log     *slog.Logger
	Version string           // shown in the OpenAPI document
	Now     func() time.Time // the clock of the rate limits and of durations
}

// Server owns the routes and the listeners. See the package comment.
type Server struct {
	options   Options
	log       *slog.Logger
	now       func() time.Time
	publicURL string
	proxies   limit.Networks // whose forwarding headers are believed
	exempt    limit.Networks // whom the per-address limits do not touch
	timeouts  timeouts
	ids       requestIDs

	mux      *http.ServeMux
	first    []*route
	identify func(*http.Request) (*http.Request, error)
	home     http.Handler
	notFound http.Handler
	program  http.Handler // answers programs at unknown addresses, nil: a problem document

	api      huma.API
	document document
	health   health
	metrics  *metrics
	events   *Hub
	rate     *limit.Keyed[prefix]
	traffic  *limit.Traffic
	caps     *connCaps

	http      *http.Server
	listeners []net.Listener
	fresh     freshConns
	stopping  atomic.Bool
}

// timeouts are fields so that tests need not wait.
type timeouts struct {
	header, idle, api, drain time.Duration

	firstRequest time.Duration // at the stop, for a connection that has not asked anything
	leftover     time.Duration // for the rest of a body that nobody read
	upload       time.Duration // for each uploadPiece of a body without another deadline
}

const (
	maxHeaderBytes = 16<<10 - 4096 // net/http adds 4096
	defaultBody    = 64 << 10
	uploadPiece    = 240 << 10 // with timeouts.upload: 8 KiB/s
	rateBurstScale = 2         // a page's first view asks for much at once
	maxRateKeys    = 1 << 16
)

// New wires a Server; it opens nothing. The error is a fault.Invalid that
// names a key when the options cannot be understood.
func New(o Options) (*Server, error) {
	s := &Server{
		options: o, log: o.Log, now: o.Now, mux: http.NewServeMux(),
		timeouts: timeouts{
			header: 10 * time.Second, idle: time.Minute, api: 10 * time.Second,
			drain: 5 * time.Second, firstRequest: 500 * time.Millisecond,
			leftover: time.Second, upload: 30 * time.Second,
		},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.options.Version = cmp.Or(o.Version, "dev")
	if err := s.readOptions(o); err != nil {
		return nil, err
	}
	s.ids = newRequestIDs()
	s.metrics = newMetrics()
	s.rate = limit.New[prefix](o.Limits.PerIPRPS, int(o.Limits.PerIPRPS*rateBurstScale), maxRateKeys, s.now)
	s.caps, s.traffic = newConnCaps(s), o.Traffic
	if s.traffic == nil {
		s.traffic = limit.NewTraffic(o.Limits, s.now, s.log)
	}
	s.metrics.watchTraffic(s.traffic)
	s.events = newHub(s.log, s.metrics.events)
	s.api = newAPI(s)
	s.http = s.newHTTPServer()
	s.registerOwnRoutes()
	return s, nil
}

func (s *Server) readOptions(o Options) (err error) {
	if s.proxies, err = limit.ParseNetworks(o.HTTP.TrustedProxies); err != nil {
		return fault.Wrap(err, fault.Invalid, "http.trusted_proxies cannot be read").
			WithFields(fault.Field{Name: "http.trusted_proxies", Message: err.Error()})
	}
	if s.exempt, err = limit.ParseNetworks(o.Limits.Exempt); err != nil {
		return fault.Wrap(err, fault.Invalid, "limits.exempt cannot be read").
			WithFields(fault.Field{Name: "limits.exempt", Message: err.Error()})
	}
	if o.HTTP.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(o.HTTP.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fault.New(fault.Invalid, "http.public_url must be an http or https address").
			WithFields(fault.Field{Name: "http.public_url", Message: "write for example http://mods.example.org:27020"})
	}
	s.publicURL = strings.TrimRight(o.HTTP.PublicURL, "/")
	return nil
}

func (s *Server) newHTTPServer() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.timeouts.header,
		IdleTimeout:       s.timeouts.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         &protocols,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState:         s.connState,
		ConnContext:       connContext,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), serverKey{}, s)
		},
	}
}

// API returns where huma operations are registered. Their errors become
// problem documents, see WriteError; their request bodies and run time are
// bounded, see MaxBody and Timeout.
func (s *Server) API() huma.API { return s.api }

// Handle registers a plain handler under a pattern of http.ServeMux. The
// operations document it in the OpenAPI document: an empty Method or Path is
// taken from the pattern, path parameters that are not described are added. The
// first operation's MaxBody and Timeout options hold for the handler. Like
// ServeMux it panics on a pattern that is invalid or already taken.
func (s *Server) Handle(pattern string, h http.Handler, ops ...*huma.Operation) {
	s.handle(pattern, h, ops...)
}

func (s *Server) handle(pattern string, h http.Handler, ops ...*huma.Operation) *route {
	method, path := splitPattern(pattern)
	for _, op := range ops {
		op.Method, op.Path = cmp.Or(op.Method, method, http.MethodGet), cmp.Or(op.Path, path)
		s.document.add(s.api.OpenAPI(), op)
	}
	var op *huma.Operation
	if len(ops) > 0 {
		op = ops[0]
	}
	rt := s.newRoute(pattern, path, h, op)
	s.mux.Handle(pattern, rt)
	return rt
}

// First registers a handler that is asked before the mux: match sees the
// undecoded path exactly as it came (see RawPath), so that nothing cleans or
// redirects it. Such a route gets panic recovery and counters and nothing
// else: no request id, no access log, no rate limit, no Identify, no headers.
// The operations only document it. Handlers are asked in the order of
// registration. In the metrics the route has the path of the first operation.
func (s *Server) First(match func(rawPath string) bool, h http.Handler, ops ...*huma.Operation) {
	name := "first"
	for i, op := range ops {
		op.Method = cmp.Or(op.Method, http.MethodGet)
		if i == 0 {
			name = op.Path
		}
		s.document.add(s.api.OpenAPI(), op)
	}
	rt := s.newRoute(name, name, h, nil)
	rt.match = match
	s.first = append(s.first, rt)
}

// Document adds operations to the OpenAPI document without a handler.
func (s *Server) Document(ops ...*huma.Operation) {
	for _, op := range ops {
		s.document.add(s.api.OpenAPI(), op)
	}
}

// Identify sets who resolves the caller of a request, usually by putting a
// value into its context. An error ends the request with WriteError. It runs
// for every route of the mux except those of this package, which are open to
// anybody (the events are not and do run it).
func (s *Server) Identify(f func(r *http.Request) (*http.Request, error)) { s.identify = f }

// Home sets the page shown at "/" to a caller whose Accept prefers HTML.
func (s *Server) Home(h http.Handler) { s.home = h }

// NotFoundPage sets what answers a GET of an unknown path when Accept prefers
// HTML. It must set the status itself.
func (s *Server) NotFoundPage(h http.Handler) { s.notFound = h }

// NotFoundProgram sets what answers a request of an unknown path outside of
// the API by a program, in place of a problem document: the texts that old
// clients know. It must set the status and write to the log itself.
func (s *Server) NotFoundProgram(h http.Handler) { s.program = h }

// Registerer returns where features register their metrics.
func (s *Server) Registerer() prometheus.Registerer { return s.metrics.registry }

// Events returns the hub of live events.
func (s *Server) Events() *Hub { return s.events }

// Ready adds a check to /readyz. It gets a context that ends after two
// seconds; it is not started again while it still runs.
func (s *Server) Ready(name string, check func(context.Context) error) { s.health.add(name, check) }

// SetReady says whether the daemon as a whole takes work. It begins as false.
func (s *Server) SetReady(ready bool) { s.health.ready.Store(ready) }

func (s *Server) registerOwnRoutes() {
	s.registerHealth()
	s.registerMetrics()
	s.registerDocs()
	s.handle("GET /api/v1/events", s.events, eventsOperation()).noDeadline()
	s.handle("GET /{$}", http.HandlerFunc(s.serveHome), &huma.Operation{
		OperationID: "index__get", Path: "/", Summary: "The page, or \"OK\"", // as clients of the Savage metaserver call it
		Description: "The page when Accept prefers HTML, else the JSON string \"OK\".",
	}).open()
}

func (s *Server) serveHome(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept")
	if s.home != nil && prefersHTML(r.Header.Values("Accept")) {
		s.home.ServeHTTP(w, r)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.Header()["Content-Length"] = []string{"4"}
	_, _ = io.WriteString(w, `"OK"`) // four bytes, as clients of the Savage metaserver know it
}

// splitPattern takes a ServeMux pattern apart into its method and an OpenAPI
// path: "GET example.org/files/{path...}" is "GET" and "/files/{path}".
func splitPattern(pattern string) (method, path string) {
	path = pattern
	if before, after, ok := strings.Cut(pattern, " "); ok {
		method, path = before, strings.TrimLeft(after, " \t")
	}
	if i := strings.IndexByte(path, '/'); i > 0 {
		path = path[i:]
	}
	path = strings.ReplaceAll(strings.TrimSuffix(path, "{$}"), "...}", "}")
	return method, path
}

// adapter lets huma register on our mux, so that its operations go through
// the same limits as plain handlers.
type adapter struct{ s *Server }

func (a adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	a.s.document.stale()
	pattern := strings.ToUpper(op.Method) + " " + op.Path
	a.s.mux.Handle(pattern, a.s.newRoute(pattern, op.Path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h(humago.NewContext(op, r, w))
	}), op))
}

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.ServeHTTP(w, r) }
