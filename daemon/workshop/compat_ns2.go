package workshop

import (
	"errors"
	"io/fs"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// This file is the wire of Natural Selection 2's mod backup servers: a plain
// GET of "/m<hex id>_<version>.zip" with any number of leading slashes. It is
// matched on the undecoded path before any router, because a router would
// redirect "//m…" and game clients follow no redirects.

const maxVersionDigits = 12

// parseNS2 reads an undecoded request path. It accepts exactly what
// ^/+m([0-9A-Fa-f]{1,16})_([0-9]{1,12})\.zip$ accepts.
func parseNS2(path string) (n Name, ok bool) {
	i := 0
	for i < len(path) && path[i] == '/' {
		i++
	}
	if i == 0 || i == len(path) || path[i] != 'm' {
		return n, false
	}
	i++
	hex := i
	for ; i < len(path); i++ {
		d := hexDigit(path[i])
		if d < 0 {
			break
		}
		if i-hex == 16 {
			return n, false
		}
		n.Item = n.Item<<4 | ItemID(d)
	}
	if i == hex || i == len(path) || path[i] != '_' {
		return n, false
	}
	i++
	dec := i
	for ; i < len(path) && '0' <= path[i] && path[i] <= '9'; i++ {
		if i-dec == maxVersionDigits {
			return n, false
		}
		n.Version = n.Version*10 + int64(path[i]-'0')
	}
	return n, i > dec && path[i:] == ".zip"
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// ns2 serves the face.
type ns2 struct {
	s         *Service
	mount     string // "" or "/ns2"
	keepAlive bool
	reasons   bool
	misses    *limit.Keyed[netip.Prefix]
	exempt    limit.Networks
	canned    [answerCount]cannedAnswer
	log       accessLog
}

// match reports whether a raw path is addressed to this face: everything
// below the mount, every path with a doubled leading slash (which a router
// would redirect), and what looks like the name of a zip of a mod. All else
// belongs to others.
func (f *ns2) match(path string) bool {
	if strings.HasPrefix(path, "//") {
		return true
	}
	if rest, ok := f.mounted(path); ok && rest != path {
		return true
	}
	return len(path) > 1 && (path[1]|0x20 == 'm' || path[1] == '%') && namesZip(path)
}

// namesZip reports whether ".zip" occurs in path in any spelling, or at
// least "zip" behind an underscore.
func namesZip(path string) bool {
	under := strings.IndexByte(path, '_') >= 0
	for i := 1; i+2 < len(path); i++ {
		if path[i]|0x20 == 'z' && path[i+1]|0x20 == 'i' && path[i+2]|0x20 == 'p' && (under || path[i-1] == '.') {
			return true
		}
	}
	return false
}

// mounted cuts the mount off the path and reports whether the rest is for us.
func (f *ns2) mounted(path string) (string, bool) {
	if f.mount == "" {
		return path, true
	}
	rest, ok := strings.CutPrefix(path, f.mount)
	if ok && (rest == "" || rest[0] == '/') {
		return rest, true
	}
	return path, true
}

// ServeHTTP answers one request of a game client, a peer or a browser.
func (f *ns2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{f: f, w: w, r: r, start: f.s.clock.Now()}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header()["Allow"] = []string{"GET, HEAD"}
		x.refuse(answerMethod)
		return
	}
	path, _ := f.mounted(web.RawPath(r))
	var ok bool
	x.name, ok = parseNS2(path)
	if !ok || r.URL.RawQuery != "" || r.URL.ForceQuery {
		x.name = Name{}
		x.refuse(answerFormat)
		return
	}
	q := request{name: x.name, diskOnly: onlyIfCached(r), mayStart: x.mayStart}
	a, st := f.s.decide(x.start, q)
	if a == answerServed {
		x.serve(q, st)
		return
	}
	x.refuse(a)
}

// onlyIfCached reports whether the client wants no more than what is stored
// here (RFC 9111 §5.2.1.7). Backup servers ask each other so, lest they ask
// in circles.
func onlyIfCached(r *http.Request) bool {
	for _, line := range r.Header["Cache-Control"] {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), "only-if-cached") {
				return true
			}
		}
	}
	return false
}

// exchange is one request and its answer.
type exchange struct {
	f     *ns2
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	name  Name
	retry time.Duration // of answerTooMany
	item  *stored
	cut   bool // less was sent than the header promised
}

// mayStart asks the abuse limiter.
func (x *exchange) mayStart() (ok bool) {
	ok, x.retry = x.f.admit(x.r)
	return ok
}

// admit counts a request that would start work against its address. wait is
// when the next one is admitted.
func (f *ns2) admit(r *http.Request) (ok bool, wait time.Duration) {
	ip := web.ClientIP(r)
	if f.exempt.Contains(ip) {
		return true, 0
	}
	return f.misses.Allow(limit.Prefix(ip))
}

// serve sends a stored version. The file is opened first and compared with
// what was checked when it was stored; the open handle is what is sent.
func (x *exchange) serve(q request, st *stored) {
	file, st, err := x.f.s.openStored(x.r.Context(), st)
	switch {
	case fault.Is(err, fault.NotFound):
		x.refuse(answerVanished)
		return
	case errors.Is(err, fs.ErrPermission) && !st.ours(): // waiting will not help
		x.refuse(x.f.s.decideWithout(x.start, q, st))
		return
	case err != nil: // changed, or no file handle left: come back later
		x.refuse(answerDownloading)
		return
	}
	defer file.Close() //nolint:errcheck // only read
	x.item = st
	x.f.s.hit(st, x.start)
	if !x.f.keepAlive {
		x.w.Header()["Connection"] = closeHeader
	}
	t := web.Tally{ResponseWriter: x.w}
	web.ServeFile(&t, x.r, web.File{
		Content: file, Size: st.Print.Size, ModTime: st.lastModified(x.start), ETag: st.etagText,
		SHA256: st.SHA256, ContentType: "application/zip",
		CacheControl: "public, max-age=31536000, immutable",
	})
	x.cut = x.r.Method != http.MethodHead && t.Bytes < t.Length
	x.f.s.metrics.served(t.Status, st.Source, t.Bytes)
	if x.r.Method != http.MethodHead && t.Whole() && st.Name.Item <= math.MaxInt64 {
		x.f.s.catalog.Delivered(int64(st.Name.Item), "ns2")
	}
	x.f.log.write(x, answerServed, t.Status, t.Bytes)
}

// refuse sends an answer without a file.
func (x *exchange) refuse(a answer) {
	x.f.s.metrics.answered(a)
	c := &x.f.canned[a]
	n := len(c.body)
	if x.r.Method == http.MethodHead {
		n = 0
	}
	if x.hijack(c, n > 0) {
		web.Sent(x.w, a.status(), int64(n))
	} else {
		x.plain(a, c, n > 0)
	}
	x.f.log.write(x, a, a.status(), int64(n))
}

var closeHeader = []string{"close"} // never written to

// closes reports whether the connection ends with this answer.
func (x *exchange) closes() bool { return !x.f.keepAlive || x.r.Close }

// plain sends the answer through net/http, which knows only the standard
// reason phrases.
func (x *exchange) plain(a answer, c *cannedAnswer, body bool) {
	h := x.w.Header()
	for _, f := range c.header {
		h[f.name] = f.value
	}
	if a == answerTooMany {
		h["Retry-After"] = []string{strconv.Itoa(x.retrySeconds())}
	}
	if !x.f.keepAlive {
		h["Connection"] = closeHeader
	}
	x.w.WriteHeader(a.status())
	if body {
		_, _ = x.w.Write(c.body) // a client that is gone needs no answer
	}
}

// hijack sends the answer with the original's status line, version 1.0 and
// its own reason text, and closes the connection. It reports false, having
// done nothing, where that is switched off or not possible.
func (x *exchange) hijack(c *cannedAnswer, body bool) bool {
	if !x.f.reasons || !x.closes() || x.r.ProtoMajor != 1 || x.r.ContentLength != 0 {
		return false
	}
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // nothing is left to do
	b := make([]byte, 0, 640)
	b = append(b, c.head...)
	b = x.start.UTC().AppendFormat(append(b, "Date: "...), http.TimeFormat)
	if c.retryAfter {
		b = strconv.AppendInt(append(b, "\r\nRetry-After: "...), int64(x.retrySeconds()), 10)
	}
	b = append(b, "\r\n\r\n"...)
	if body {
		b = append(b, c.body...)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second)) // if it fails, so does Write
	_, _ = conn.Write(b)
	return true
}

func (x *exchange) retrySeconds() int { return int(max(x.retry, time.Second).Seconds() + 0.999) }

// cannedAnswer is everything of an answer that is the same every time.
type cannedAnswer struct {
	head       []byte  // status line and headers as hijack sends them
	header     []field // the same headers for net/http
	body       []byte
	retryAfter bool // depends on the request
}

// field is a header field; its value is shared by all answers and never
// written to.
type field struct {
	name  string
	value []string
}

// can prepares the answer a.
func can(a answer) cannedAnswer {
	code, reason := strconv.Itoa(a.status()), a.reason()
	c := cannedAnswer{
		body: []byte("<!DOCTYPE html>\n<title>" + code + " " + reason + "</title>\n<h1>" + code + "</h1>\n<p>" + reason + "</p>\n"),
	}
	c.header = []field{
		{"Content-Type", []string{"text/html; charset=utf-8"}},
		{"Content-Length", []string{strconv.Itoa(len(c.body))}},
		{"Cache-Control", []string{"no-store"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Reason", []string{reason}},
	}
	if a.waiting() {
		c.header = append(c.header, field{"Retry-After", []string{"5"}})
	}
	head := "HTTP/1.0 " + code + " " + reason + "\r\n"
	for _, f := range c.header {
		head += f.name + ": " + f.value[0] + "\r\n"
	}
	if a == answerMethod {
		head += "Allow: GET, HEAD\r\n"
	}
	c.head = []byte(head + "Connection: close\r\n")
	c.retryAfter = a == answerTooMany
	return c
}

// NotFormat answers as the face does to a path that is no name of a version.
// It is for paths that nobody serves, asked for by a program.
func (s *Service) NotFormat(w http.ResponseWriter, r *http.Request) {
	x := exchange{f: s.face, w: w, r: r, start: s.clock.Now()}
	x.refuse(answerFormat)
}
