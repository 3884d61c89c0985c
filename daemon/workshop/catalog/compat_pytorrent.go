package catalog

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// This file and its siblings compat_pytorrent_*.go are the wire of PyTorrent:
// what clients written from its README and those known to exist rely on. All
// of it is GET, without a caller, and JSON with the exact content type
// "application/json": clients compare the whole value of the header.

const (
	typeJSON = "application/json"
	typeZIP  = "application/zip"
)

// Header values that are shared and never written to.
var (
	headerJSON   = []string{typeJSON}
	headerAny    = []string{"*"}
	headerExpose = []string{"Content-Type,Content-Disposition"}
	headerAllow  = []string{"GET, HEAD"}
	headerNoSave = []string{"no-store"}
	headerSniff  = []string{"nosniff"}
)

// endpoint answers one address. param is the decoded last part of the path of
// those that have one.
type endpoint func(x *exchange, param string)

// routes are the addresses, without slashes at their ends. Those that end with
// "/*" take one more part.
func routes() map[string]endpoint {
	return map[string]endpoint{
		"download/steam/*": downloadSteam,
		"download/*":       downloadCached,
		"mods/*/download":  downloadCached, // as the successor of PyTorrent calls it
		"update/steam/*":   updateSteam,
		"info/queue/size":  queueSize,
	}
}

// matches reports whether an undecoded path belongs to the face.
func matches(raw string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(raw, "/"), "/")
	switch first {
	case "list", "info", "condition", "statistics", "download", "update":
		return strings.HasPrefix(raw, "/")
	case "mods":
		return strings.HasPrefix(raw, "/") && strings.HasSuffix(strings.TrimSuffix(raw, "/"), "/download")
	}
	return false
}

// ServeHTTP answers one request of a client of the catalogue.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, w: w, r: r, start: s.clock.Now()}
	h := w.Header()
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = headerAny, headerExpose
	h["X-Content-Type-Options"] = headerSniff
	answer, param := s.find(web.RawPath(r))
	switch {
	case r.ContentLength != 0: // nobody reads the body
		h["Connection"] = []string{"close"}
		fallthrough
	default:
		switch {
		case answer == nil:
			x.write(http.StatusNotFound, []byte(`{"detail":"Not Found"}`))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h["Allow"] = headerAllow
			x.write(http.StatusMethodNotAllowed, []byte(`{"detail":"Method Not Allowed"}`))
		default:
			answer(x, param)
		}
	}
}

// find returns what answers a path, with or without a slash at its end.
func (s *Service) find(raw string) (endpoint, string) {
	path := strings.TrimSuffix(strings.TrimPrefix(raw, "/"), "/")
	if e, ok := s.routes[path]; ok {
		return e, ""
	}
	end := ""
	if short, ok := strings.CutSuffix(path, "/download"); ok && strings.HasPrefix(path, "mods/") {
		path, end = short, "/download"
	}
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 {
		return nil, ""
	}
	e, ok := s.routes[path[:cut]+"/*"+end]
	param, err := url.PathUnescape(path[cut+1:])
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
	query url.Values // nil until values is called
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

// invalid answers with what is wrong with a parameter; where is "path" or
// "query".
func (x *exchange) invalid(where, name, reason string) {
	b := appendString([]byte(`{"message":`), name+": "+reason)
	b = appendString(append(b, `,"error_id":422,"detail":[{"loc":["`+where+`",`...), name)
	b = appendString(append(b, `],"msg":`...), reason)
	x.write(http.StatusUnprocessableEntity, append(b, `,"type":"value_error"}]}`...))
}
