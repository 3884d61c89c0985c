package catalog

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// This file and its siblings compat_pytorrent_*.go are the wire of PyTorrent:
// what clients written from its README and those known to exist rely on. All
// of it is GET, without a caller, and JSON with the exact content type
// "application/json": clients compare the whole value of the header.

const (
	typeJSON = "application/json"
	typeZIP  = "application/zip"

	// startPatience is how long a request waits for the start to be over.
	startPatience = 5 * time.Second
)

// Header values that are shared and never written to.
var (
	headerJSON   = []string{typeJSON}
	headerAny    = []string{"*"}
	headerExpose = []string{"Content-Type,Content-Disposition"}
	headerAllow  = []string{"GET, HEAD"}
	headerNoSave = []string{"no-store"}
	headerSniff  = []string{"nosniff"}
	headerClose  = []string{"close"}
	headerVary   = []string{"Accept-Language"}
)

// endpoint answers one address. param is the decoded last part of the path of
// those that have one.
type endpoint func(x *exchange, param string)

// routes are the addresses, without slashes at their ends. A "*" stands for a
// part that the endpoint gets. Below "mods" and "games" are the names that the
// successor of PyTorrent gave them.
func routes() map[string]endpoint {
	return map[string]endpoint{
		"download/steam/*":         downloadSteam,
		"download/*":               downloadCached,
		"update/steam/*":           updateSteam,
		"list/mods":                listMods,
		"list/games":               listGames,
		"list/tags/*":              listTags,
		"list/tags/mods/*":         tagsOfMods,
		"list/genres":              listGenres,
		"list/genres/games/*":      genresOfGames,
		"list/resources_mods/*":    listResources,
		"info/mod/*":               infoMod,
		"info/game/*":              infoGame,
		"info/queue/size":          queueSize,
		"condition/mod/*":          condition,
		"statistics/delay":         statisticsDelay,
		"statistics/hour":          statisticsHour,
		"statistics/day":           statisticsDay,
		"statistics/info/all":      statisticsAll,
		"statistics/info/type_map": statisticsTypeMap,
		"mods":                     listMods,
		"mods/*":                   infoMod,
		"mods/*/download":          downloadCached,
		"mods/*/dependencies":      dependenciesOfMod,
		"mods/*/tags":              tagsOfMod,
		"games":                    listGames,
		"games/*":                  infoGame,
	}
}

// matches reports whether an undecoded path belongs to the face. Of what is
// below "mods" and "games" only the addresses in routes do, so that a name
// like m1f_2.zip stays with the face of game clients.
func matches(raw string) bool {
	path, ok := strings.CutPrefix(raw, "/")
	first, rest, _ := strings.Cut(path, "/")
	switch first {
	case "list", "info", "condition", "statistics", "download", "update":
		return ok
	case "mods", "games":
		id, _, _ := strings.Cut(rest, "/")
		_, err := strconv.ParseUint(id, 10, 64)
		return ok && (id == "" && strings.Trim(rest, "/") == "" || err == nil)
	}
	return false
}

// ServeHTTP answers one request of a client of the catalogue.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, w: w, r: r, start: s.clock.Now()}
	h := w.Header()
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = headerAny, headerExpose
	h["X-Content-Type-Options"] = headerSniff
	if r.ContentLength != 0 {
		h["Connection"] = headerClose // nobody reads the body
	}
	answer, param := s.find(web.RawPath(r))
	switch {
	case answer == nil:
		x.write(http.StatusNotFound, []byte(`{"detail":"Not Found"}`))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h["Allow"] = headerAllow
		x.write(http.StatusMethodNotAllowed, []byte(`{"detail":"Method Not Allowed"}`))
	case s.admit(x):
		answer(x, param)
	}
}

// admit counts the request against its address and answers if there were too
// many.
func (s *Service) admit(x *exchange) bool {
	ip := web.ClientIP(x.r)
	if s.exempt.Contains(ip) {
		return true
	}
	ok, wait := s.rate.Allow(limit.Prefix(ip))
	if !ok {
		web.SetRetryAfter(x.w.Header(), wait)
		x.fail(http.StatusTooManyRequests, "too many requests from your address", http.StatusTooManyRequests)
	}
	return ok
}

// find returns what answers a path, with or without a slash at its end.
func (s *Service) find(raw string) (endpoint, string) {
	path := strings.TrimSuffix(strings.TrimPrefix(raw, "/"), "/")
	if e, ok := s.routes[path]; ok {
		return e, ""
	}
	from, to := strings.LastIndexByte(path, '/'), len(path)
	if strings.HasPrefix(path, "mods/") && strings.Count(path, "/") == 2 {
		from, to = len("mods"), from
	}
	if from < 0 {
		return nil, ""
	}
	e, ok := s.routes[path[:from]+"/*"+path[to:]]
	param, err := url.PathUnescape(path[from+1 : to])
	if !ok || err != nil || param == "" {
		return nil, ""
	}
	return e, param
}

// exchange is one request and its answer.
type exchange struct {
	s     *Service
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
}

// counts reports whether the request counts: HEAD touches no counter.
func (x *exchange) counts() bool { return x.r.Method == http.MethodGet }

// count adds one to a counter, unless the request does not count.
func (x *exchange) count(kind string) {
	if x.counts() {
		x.s.count(kind)
	}
}

// timing notes how long the answer took until now, unless the request does
// not count.
func (x *exchange) timing(kind string) {
	if x.counts() {
		x.s.timing(kind, x.start, x.s.clock.Now().Sub(x.start))
	}
}

// write answers with JSON.
func (x *exchange) write(status int, body []byte) {
	h := x.w.Header()
	h["Content-Type"] = headerJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Cache-Control"] = headerNoSave
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // a client that is gone needs no answer
	}
}

// fail answers with an error in the form that clients branch on.
func (x *exchange) fail(status int, message string, errorID int) {
	b := append([]byte(`{"message":`), appendString(nil, message)...)
	b = append(b, `,"error_id":`...)
	b = strconv.AppendInt(b, int64(errorID), 10)
	x.write(status, append(b, '}'))
}

// reject answers with what is wrong with some parameters. The error id is no
// 0, which clients take for "queued".
func (x *exchange) reject(problems []paramProblem) {
	b := appendString([]byte(`{"message":`), problems[0].name+": "+problems[0].reason)
	b = append(b, `,"error_id":422,"detail":[`...)
	for i, p := range problems {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"loc":[`...), p.where)
		b = appendString(append(b, ','), p.name)
		b = appendString(append(b, `],"msg":`...), p.reason)
		b = append(b, `,"type":"value_error"}`...)
	}
	x.write(http.StatusUnprocessableEntity, append(b, `]}`...))
}

// params returns the parameters of the query.
func (x *exchange) params() *params {
	p := new(params)
	if x.r.URL.RawQuery != "" {
		p.query = x.r.URL.Query()
	}
	return p
}

// begin rejects parameters that cannot be used, counts the request and makes
// sure that the catalogue is up to date. It reports whether to go on.
func (x *exchange) begin(kind string, p *params) bool {
	if p != nil && len(p.problems) > 0 {
		x.reject(p.problems)
		return false
	}
	if kind != "" {
		x.count(kind)
	}
	select {
	case <-x.s.loaded:
	default:
		if !x.awaitLoad() {
			return false
		}
	}
	x.s.settle()
	return true
}

// awaitLoad waits for the start to be over.
func (x *exchange) awaitLoad() bool {
	select {
	case <-x.s.loaded:
		return true
	case <-x.r.Context().Done():
	case <-x.s.clock.After(startPatience):
	}
	web.SetRetryAfter(x.w.Header(), startPatience)
	x.fail(http.StatusServiceUnavailable, "the server is starting", http.StatusServiceUnavailable)
	return false
}

// broken answers when the database failed us.
func (x *exchange) broken(err error) {
	if x.r.Context().Err() == nil {
		x.s.log.Error("a request of the catalogue failed", "path", x.r.URL.Path, "error", err)
	}
	web.SetRetryAfter(x.w.Header(), startPatience)
	x.fail(http.StatusServiceUnavailable, "the catalogue cannot be read", http.StatusServiceUnavailable)
}
