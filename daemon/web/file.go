package web

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// File is what ServeFile sends. Content stays open and unchanged in length
// until ServeFile returns; its position is neither used nor moved, so requests
// may share one handle.
type File struct {
	Content *os.File
	// Size is the length in bytes, from a Stat of Content itself: a file that
	// is replaced or removed meanwhile must not mix versions.
	Size int64
	// ModTime is sent as Last-Modified; zero: not sent.
	ModTime time.Time
	// ETag is a strong entity tag without its quotes, of characters that RFC
	// 9110 §8.8.3 admits; empty: not sent.
	ETag string
	// SHA256 of the whole content is sent as Repr-Digest (RFC 9530); nil: not
	// sent.
	SHA256 []byte
	// ContentType defaults to application/octet-stream; nothing is sniffed.
	ContentType string
	// CacheControl is sent with 200, 206 and 304; empty: not sent.
	CacheControl string
	// Disposition is the Content-Disposition (RFC 6266) of answers with
	// content, which names the file; empty: not sent.
	Disposition string
	// Refuse answers 412 and 416 in another form than plain text. A
	// Content-Range that belongs to the answer is set by then. nil: plain text.
	Refuse func(w http.ResponseWriter, status int)
}

// ServeFile answers a GET or HEAD request with f: conditional requests and
// ranges as in RFC 9110 §13 and §14, always with an exact Content-Length and
// never encoded. A Range header that is invalid, of a unit other than bytes,
// overlapping, or of more than ten ranges is ignored. Other methods get 405.
//
// Failures after the header can only be told by closing the connection, which
// net/http does because the length is not met.
func ServeFile(w http.ResponseWriter, r *http.Request, f File) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		serveFileError(w, r, http.StatusMethodNotAllowed)
		return
	}
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // nobody reads the body
	}
	f.ModTime = f.ModTime.Truncate(time.Second)
	switch checkConditions(r.Header, &f) {
	case http.StatusNotModified:
		f.setValidators(w.Header())
		w.WriteHeader(http.StatusNotModified)
		return
	case http.StatusPreconditionFailed:
		f.refuse(w, r, http.StatusPreconditionFailed)
		return
	}
	ranges, satisfiable := f.ranges(r.Header)
	if !satisfiable {
		w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(f.Size, 10))
		f.refuse(w, r, http.StatusRequestedRangeNotSatisfiable)
		return
	}
	switch len(ranges) {
	case 0:
		f.setHeader(w.Header(), f.Size)
		sendBody(w, r, http.StatusOK, &fileSection{f: f.Content, n: f.Size})
	case 1:
		ra := ranges[0]
		f.setHeader(w.Header(), ra.length)
		w.Header()["Content-Range"] = []string{ra.contentRange(f.Size)}
		sendBody(w, r, http.StatusPartialContent, &fileSection{f: f.Content, off: ra.start, n: ra.length})
	default:
		f.sendParts(w, r, ranges)
	}
}

// refuse answers a request that asks for what f does not have.
func (f *File) refuse(w http.ResponseWriter, r *http.Request, status int) {
	if f.Refuse != nil {
		f.Refuse(w, status)
		return
	}
	serveFileError(w, r, status)
}

// serveFileError answers without content of f.
func serveFileError(w http.ResponseWriter, r *http.Request, status int) {
	text := http.StatusText(status) + "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // a client that is gone needs no answer
	}
}

// setValidators sets the fields that a 304 has in common with a 200 (RFC 9110
// §15.4.5).
func (f *File) setValidators(h http.Header) {
	v := newFields(h)
	f.addValidators(v)
}

func (f *File) addValidators(v *fields) {
	if f.ETag != "" {
		v.set("Etag", append(append(append(v.text(), '"'), f.ETag...), '"'))
	}
	if f.hasModTime() {
		v.set("Last-Modified", f.ModTime.UTC().AppendFormat(v.text(), http.TimeFormat))
	}
	if f.CacheControl != "" {
		v.setString("Cache-Control", f.CacheControl)
	}
}

// hasModTime treats the Unix epoch like no time: file systems that keep no
// times report it.
func (f *File) hasModTime() bool {
	return !f.ModTime.IsZero() && f.ModTime.Unix() != 0
}

var ( // never written to
	acceptBytes = []string{"bytes"}
	noSniff     = []string{"nosniff"}
	octetStream = []string{"application/octet-stream"}
)

// setHeader sets the whole header of a 200 or 206 with n bytes of body.
func (f *File) setHeader(h http.Header, n int64) {
	v := newFields(h)
	f.addValidators(v)
	h["Accept-Ranges"] = acceptBytes
	h["X-Content-Type-Options"] = noSniff
	v.set("Content-Length", strconv.AppendInt(v.text(), n, 10))
	h["Content-Type"] = octetStream
	if f.ContentType != "" {
		v.setString("Content-Type", f.ContentType)
	}
	delete(h, "Content-Encoding")
	if len(f.SHA256) > 0 {
		v.set("Repr-Digest", append(base64.StdEncoding.AppendEncode(append(v.text(), "sha-256=:"...), f.SHA256), ':'))
	}
	if f.Disposition != "" {
		v.setString("Content-Disposition", f.Disposition)
	}
}

// fields fills a header with few allocations: the values of one answer share
// one array. Names must be canonical.
type fields struct {
	header http.Header
	values [8]string
	n      int
	buffer [96]byte
}

func newFields(h http.Header) *fields { return &fields{header: h} }

// text is where the next value may be built; set copies it.
func (v *fields) text() []byte { return v.buffer[:0] }

func (v *fields) set(name string, value []byte) { v.setString(name, string(value)) }

func (v *fields) setString(name, value string) {
	v.values[v.n] = value
	v.header[name] = v.values[v.n : v.n+1 : v.n+1]
	v.n++
}

// sendBody sends the header and, unless for HEAD, the section.
func sendBody(w http.ResponseWriter, r *http.Request, status int, s *fileSection) {
	if r.Method == http.MethodHead || s.n == 0 {
		w.WriteHeader(status)
		return
	}
	c := requestConn(r)
	if c != nil {
		c.holdHeader()
	}
	w.WriteHeader(status)
	_ = sendSection(w, s) // see ServeFile on failures
	if c != nil {
		_ = c.release()
	}
}

// sendSection flushes the header first because net/http would otherwise copy
// the first 512 bytes of the body itself.
func sendSection(w http.ResponseWriter, s *fileSection) error {
	_ = http.NewResponseController(w).Flush() // a writer that cannot has nothing to gain
	var err error
	if to, ok := w.(io.ReaderFrom); ok {
		_, err = to.ReadFrom(s)
	} else {
		_, err = io.Copy(w, s)
	}
	return err
}
