package fastdl

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// This file is the wire: a plain GET of "/fastdl/<name>/<path>". It is
// matched on the undecoded path before any router, because clients follow no
// redirects, and answers in less than 1 kB of header, because some give up on
// more. What is not there is 404 with no body: clients have saved a page that
// explained the error as the map.

const (
	prefix = "fastdl/"
	// patience is how long a client waits for a file that is being
	// decompressed. Without it it falls back to the game's own channel.
	patience = 15 * time.Second
	// firstScan is how long a client waits for the folders to be read at the
	// start.
	firstScan  = 5 * time.Second
	maxWaiting = 64
	maxProbing = 8
	// tries bounds how often a lookup begins again because a file went away.
	tries = 4

	cacheControl = "public, max-age=300"
	typePlain    = "application/octet-stream"
	typePacked   = "application/x-bzip2"
)

// match reports whether an undecoded path is addressed to the face: any
// number of slashes and the fixed first name. A slash too many comes from an
// address that ends with one.
func match(raw string) bool {
	i := 0
	for i < len(raw) && raw[i] == '/' {
		i++
	}
	return i > 0 && (strings.HasPrefix(raw[i:], prefix) || raw[i:] == prefix[:len(prefix)-1])
}

// ServeHTTP answers one request of a game client.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{s: s, w: w, r: r, start: s.clock.Now()}
	below := strings.TrimPrefix(strings.TrimLeft(web.RawPath(r), "/"), prefix)
	name, rest, _ := strings.Cut(strings.TrimLeft(below, "/"), "/")
	x.tree = s.tree(name)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header()["Allow"] = []string{"GET, HEAD"}
		x.refuse(http.StatusMethodNotAllowed)
	case x.tree == nil:
		x.refuse(http.StatusNotFound)
	case !x.tree.admits(r.Referer()):
		x.refuse(http.StatusForbidden)
	default:
		x.answer(rest)
	}
	x.finish()
}

// exchange is one request and its answer.
type exchange struct {
	s     *Service
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	tree  *tree
	tally web.Tally
	path  string // "" when it names no file
}

func (x *exchange) answer(raw string) {
	p, ok := gametree.ParsePath(raw)
	if !ok {
		x.refuse(http.StatusNotFound)
		return
	}
	x.path = p
	scan := x.tree.firstScan(x.r.Context(), x.s)
	if scan == nil {
		x.refuse(http.StatusNotFound)
		return
	}
	c, result := x.s.find(x.r.Context(), x.tree, scan, p)
	if result != found {
		if result == missing {
			x.miss(p)
		}
		x.refuse(http.StatusNotFound)
		return
	}
	defer c.file.Close() //nolint:errcheck // only read
	x.tally.ResponseWriter = x.w
	web.ServeFile(&x.tally, x.r, web.File{
		Content: c.file, Size: c.size, ModTime: c.modTime, ETag: c.etag, ContentType: contentType(p), CacheControl: cacheControl,
	})
}

func contentType(p string) string {
	if _, isPacked := gametree.CutSuffix(p); isPacked {
		return typePacked
	}
	return typePlain
}

// miss remembers what was asked for in vain. What is never served is not
// wanted by players but by those who look for passwords.
func (x *exchange) miss(p string) {
	x.tree.missed.Add(1)
	plain, isPacked := gametree.CutSuffix(p)
	if x.tree.rules.Judge(plain) != gametree.Denied {
		x.tree.misses.note(plain, isPacked, serverOf(x.r.Referer()), x.start)
	}
}

// refuse answers without a body.
func (x *exchange) refuse(status int) {
	h := x.w.Header()
	h["Content-Length"] = lengthZero
	h["Cache-Control"] = noStore
	if x.r.ContentLength != 0 {
		h["Connection"] = closing // nobody reads the body
	}
	x.tally.Status = status
	x.w.WriteHeader(status)
}

var ( // never written to
	lengthZero = []string{"0"}
	noStore    = []string{"no-store"}
	closing    = []string{"close"}
)

// finish counts and logs.
func (x *exchange) finish() {
	name := ""
	if x.tree != nil {
		name = x.tree.config.Name
		x.tree.requests.Add(1)
		x.tree.sent.Add(x.tally.Bytes)
	}
	x.s.metrics.answered(name, x.tally.Status, x.tally.Bytes)
	if x.s.options.Sent != nil && x.r.Method == http.MethodGet && x.tally.ResponseWriter != nil && x.tally.Whole() {
		x.s.options.Sent()
	}
	ctx := x.r.Context()
	if !x.s.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	if ok, _ := x.s.lines.Allow(struct{}{}); !ok {
		return
	}
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs, slog.Any("ip", web.ClientIP(x.r)), slog.String("path", web.Clip(web.RawPath(x.r), 300)),
		slog.Int("status", x.tally.Status), slog.Int64("bytes", x.tally.Bytes), slog.Bool("complete", x.tally.Err == nil),
		slog.Int64("ms", x.s.clock.Now().Sub(x.start).Milliseconds()))
	if server := serverOf(x.r.Referer()); server != "" {
		attrs = append(attrs, slog.String("server", server))
	}
	attrs = web.AppendClient(attrs, x.r)
	x.s.log.LogAttrs(ctx, slog.LevelInfo, x.r.Method, attrs...)
}

// firstScan waits for the index, which is there but for the first moments.
func (t *tree) firstScan(ctx context.Context, s *Service) *gametree.Scan {
	select {
	case <-t.ready:
	default:
		select {
		case <-t.ready:
		case <-s.clock.After(firstScan):
		case <-ctx.Done():
		}
	}
	scan, _ := t.state()
	return scan
}

// content is an open file to be sent. The caller closes it.
type content struct {
	file    *os.File
	size    int64
	modTime time.Time
	etag    string
}

// outcome says how a search ended.
type outcome int

const (
	found   outcome = iota
	missing         // there is no such file, or none that can be sent
	notNow          // it may be there later
)

// find opens what the path p means.
func (s *Service) find(ctx context.Context, t *tree, scan *gametree.Scan, p string) (content, outcome) {
	probed := false
	for range tries {
		o, ok := t.origin(scan.Index, p)
		if !ok && !probed {
			probed = true
			if s.probe(t, scan, p) {
				continue
			}
		}
		if !ok {
			return content{}, missing
		}
		c, result, err := s.open(ctx, t, o)
		if !fault.Is(err, fault.NotFound) {
			return c, result
		}
		scan.Index.Drop(o.file)
	}
	return content{}, missing
}

// probe looks on the disk for a file that came after the last scan. It is
// bounded: a client that asks for what is not there must not keep the disk
// busy.
func (s *Service) probe(t *tree, scan *gametree.Scan, p string) bool {
	select {
	case s.probing <- struct{}{}:
		defer func() { <-s.probing }()
	default:
		return false
	}
	other := p + gametree.Suffix
	if plain, isPacked := gametree.CutSuffix(p); isPacked {
		other = plain
	}
	for _, name := range []string{p, other} {
		if _, err := scan.Probe(t.rules, name); err == nil {
			return true
		}
	}
	return false
}

// open opens an origin. A fault.NotFound means that its file is gone.
func (s *Service) open(ctx context.Context, t *tree, o origin) (content, outcome, error) {
	file, now, err := o.file.Open()
	if err != nil {
		return content{}, missing, err
	}
	if o.form == asIs && now.Size > 0 {
		return content{file, now.Size, now.ModTime, plainTag(now)}, found, nil
	}
	file.Close() //nolint:errcheck // only read
	switch o.form {
	case packed:
		c, result := s.packed(ctx, t, now)
		return c, result, nil
	case expanded:
		c, result := s.expanded(ctx, t, now)
		return c, result, nil
	}
	return content{}, missing, nil // an empty file is worse than none
}

// plainTag is an entity tag of size and time: the content of a file of
// hundreds of megabytes is not read before it is sent.
func plainTag(f gametree.File) string {
	b := strconv.AppendInt(make([]byte, 0, 40), f.Size, 16)
	b = append(b, '-')
	return string(strconv.AppendInt(b, f.ModTime.UnixNano(), 16))
}

// packed returns the compressed form of a file, or asks for it to be made.
// Nobody waits: the client asks for the plain file next.
func (s *Service) packed(ctx context.Context, t *tree, f gametree.File) (content, outcome) {
	if ok, _ := t.worth(f); !ok {
		return content{}, notNow
	}
	key := madeKey{t.config.Name, f.Path, packed}
	c, known := s.kept(ctx, key, f)
	if c.file != nil {
		return c, found
	}
	if !known {
		s.pack.ask(key, f, s.clock.Now())
	}
	return content{}, notNow
}

// expanded returns the plain form of a compressed file and waits for it to be
// made: the client has nothing else to ask for.
func (s *Service) expanded(ctx context.Context, t *tree, f gametree.File) (content, outcome) {
	key := madeKey{t.config.Name, f.Path, expanded}
	c, known := s.kept(ctx, key, f)
	switch {
	case c.file != nil:
		return c, found
	case known:
		return content{}, missing // it is broken
	}
	j := s.expand.ask(key, f, s.clock.Now())
	if j == nil {
		return content{}, notNow
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return content{}, notNow
	}
	select {
	case <-j.done:
	case <-s.clock.After(patience):
		return content{}, notNow
	case <-ctx.Done():
		return content{}, notNow
	}
	if c, known = s.kept(ctx, key, f); c.file != nil {
		return c, found
	}
	if known {
		return content{}, missing
	}
	return content{}, notNow
}

// kept opens what was made of f. known is true when it is clear what became
// of it, also if there is nothing to open.
func (s *Service) kept(ctx context.Context, key madeKey, f gametree.File) (c content, known bool) {
	m, ok := s.made.get(key)
	if !ok || !m.of(f) {
		return c, false
	}
	if m.State != madeReady {
		return c, true
	}
	object, err := s.blobs.Open(ctx, m.Blob)
	if err != nil {
		return c, false
	}
	if object.Info.Size != m.BlobSize || object.Info.ModTime.UnixNano() != m.BlobTime {
		object.Close() //nolint:errcheck // only read
		return c, false
	}
	s.made.touch(key, s.clock.Now())
	return content{object.File, m.BlobSize, f.ModTime, hex.EncodeToString(m.BlobSHA256[:16])}, true
}
