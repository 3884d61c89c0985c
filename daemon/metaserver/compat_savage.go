package metaserver

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// The files compat_savage*.go are the wire of the Savage metaserver, a
// FastAPI application, for clients that branch on its statuses and texts. A
// request is judged in this order: path, method, the syntax of the body,
// credentials, all fields together, and then what is asked for.

// endpoint is one method of one path.
type endpoint struct {
	method, path string // the path may have one parameter in braces
	op           string // begins the operation's id
	auth         authMode
	body         validation.Style
	maxBody      int64 // bytes; 0: maxFaceBody
	// serve answers. The answer becomes JSON, nil becomes null; a prepared
	// one goes out as it is, and what is already sent stays. A refusal,
	// validation.Errors or a fault is the answer of a failure.
	serve    func(*call) (any, error)
	doc      operationDoc
	rare     bool // asked for by people, not in a loop by programs: logged
	hidden   bool // an alias, not in the document
	untagged bool
}

// operationDoc is what the document says of an endpoint.
type operationDoc struct {
	summary string
	query   []*huma.Param
	request string       // name of the schema of the body, in components
	answer  *huma.Schema // of 200
	media   string       // of 200; "": application/json
	errors  []int        // besides 401 and 422
}

// call is one request on its way.
type call struct {
	s      *Service
	w      http.ResponseWriter
	r      *http.Request
	in     *validation.Input
	ip     netip.Addr
	user   accounts.Person // with the auth modes of users
	server int64           // with those of servers, else 0
	// credential is what that server showed.
	credential serverlist.Credential
	sent       int // status, when the handler answered by itself
}

// endpoints are all there is, in the order of the document.
func (s *Service) endpoints() []endpoint {
	return slices.Concat(s.userEndpoints(), s.statsEndpoints(), s.clanEndpoints(), s.skinEndpoints(), s.serverEndpoints(), s.matchEndpoints())
}

const (
	faceRoot    = "/v1"
	maxFaceBody = 64 << 10
	maxRateKeys = 1 << 16
)

// face serves the endpoints.
type face struct {
	s       *Service
	all     []endpoint
	fixed   map[string]map[string]*endpoint // by path and method
	pattern []*endpoint                     // with a parameter
	rate    *limit.Keyed[netip.Prefix]
	exempt  limit.Networks
}

func newFace(s *Service, exempt limit.Networks, rps float64) *face {
	f := &face{
		s: s, all: s.endpoints(), fixed: map[string]map[string]*endpoint{}, exempt: exempt,
		rate: limit.New[netip.Prefix](rps, int(rps*2), maxRateKeys, s.now),
	}
	for i := range f.all {
		e := &f.all[i]
		if strings.Contains(e.path, "{") {
			f.pattern = append(f.pattern, e)
			continue
		}
		if f.fixed[e.path] == nil {
			f.fixed[e.path] = map[string]*endpoint{}
		}
		f.fixed[e.path][e.method] = e
	}
	return f
}

// match takes every path below the root, the unknown ones too: their answers
// are JSON.
func (f *face) match(raw string) bool {
	return strings.HasPrefix(raw, faceRoot) && (len(raw) == len(faceRoot) || raw[len(faceRoot)] == '/')
}

// find returns the methods of a path and the parameter in it.
func (f *face) find(path string) (map[string]*endpoint, map[string]string) {
	if methods := f.fixed[path]; methods != nil {
		return methods, nil
	}
	for _, e := range f.pattern {
		before, rest, _ := strings.Cut(e.path, "{")
		name, after, _ := strings.Cut(rest, "}")
		value, ok := strings.CutPrefix(path, before)
		if !ok {
			continue
		}
		if value, ok = strings.CutSuffix(value, after); ok && value != "" && !strings.Contains(value, "/") {
			return map[string]*endpoint{e.method: e}, map[string]string{name: value}
		}
	}
	return nil, nil
}

// ServeHTTP answers one request.
func (f *face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{s: f.s, w: w, r: r, ip: web.ClientIP(r)}
	began := f.s.now()
	e, status := f.answer(c)
	level := slog.LevelDebug
	if e != nil && e.rare || status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if !f.s.log.Enabled(r.Context(), level) {
		return
	}
	f.s.log.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Duration("took", f.s.now().Sub(began)),
		slog.String("ip", c.ip.String()), slog.Int64("account", c.user.ID), slog.Int64("server", c.server))
}

// answer judges the request and sends the answer.
func (f *face) answer(c *call) (*endpoint, int) {
	methods, path := f.find(c.r.URL.Path)
	if methods == nil {
		if f.redirect(c) {
			return nil, http.StatusTemporaryRedirect
		}
		return nil, c.refuse(refuse(http.StatusNotFound, textNotFound))
	}
	e := methods[c.r.Method]
	if e == nil && c.r.Method == http.MethodHead {
		e = methods[http.MethodGet]
	}
	if e == nil {
		for method := range methods {
			c.w.Header()["Allow"] = []string{method}
		}
		return nil, c.refuse(refuse(http.StatusMethodNotAllowed, "Method Not Allowed"))
	}
	if !f.exempt.Contains(c.ip) {
		if ok, wait := f.rate.Allow(limit.Prefix(c.ip)); !ok {
			web.SetRetryAfter(c.w.Header(), wait)
			return e, c.refuse(refuse(http.StatusTooManyRequests, "Too many requests"))
		}
	}
	return e, f.serve(e, c, path)
}

// serve judges a request of an endpoint.
func (f *face) serve(e *endpoint, c *call, path map[string]string) int {
	ctx, cancel := context.WithTimeout(c.r.Context(), patience)
	defer cancel()
	c.r = c.r.WithContext(ctx)
	body, err := c.readBody(e)
	if err != nil {
		return c.refuse(err)
	}
	if err := c.authenticate(e.auth); err != nil {
		return c.refuse(err)
	}
	c.in = validation.New(parseQuery(c.r.URL.RawQuery), path, body)
	answer, err := e.serve(c)
	switch {
	case c.sent != 0:
		return c.sent
	case err != nil:
		return c.refuse(err)
	}
	return c.succeed(answer)
}

// redirect sends a path with a slash too many to the one without.
func (f *face) redirect(c *call) bool {
	path := strings.TrimRight(c.r.URL.Path, "/")
	if path == c.r.URL.Path {
		return false
	}
	if methods, _ := f.find(path); methods == nil {
		return false
	}
	to := web.BaseURL(c.r) + (&url.URL{Path: path}).EscapedPath()
	if c.r.URL.RawQuery != "" {
		to += "?" + c.r.URL.RawQuery
	}
	c.w.Header()["Location"] = []string{to}
	c.w.Header()["Content-Length"] = []string{"0"}
	c.w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}

// parseQuery reads a query as Python does: a broken escape stands for itself.
func parseQuery(raw string) url.Values {
	if raw == "" {
		return nil
	}
	values := url.Values{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		values[name] = append(values[name], value)
	}
	return values
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// patience bounds how long one request may take.
const patience = 20 * time.Second
