package web

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// Tally is a ResponseWriter that notes what is sent through it, for logs and
// counters, and keeps the fast paths of the writer below. The zero value with
// a ResponseWriter is ready. Like that writer it is for one goroutine.
type Tally struct {
	http.ResponseWriter
	Status int   // 0 until the head is written
	Length int64 // Content-Length of the head, 0 if it has none
	Bytes  int64 // of the body
	Err    error // of the last write
}

// WriteHeader notes the head and sends it.
func (t *Tally) WriteHeader(status int) {
	t.Status = status
	t.Length, _ = strconv.ParseInt(t.Header().Get("Content-Length"), 10, 64) // a 304 has none
	t.ResponseWriter.WriteHeader(status)
}

func (t *Tally) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p)
	t.Bytes, t.Err = t.Bytes+int64(n), err
	return n, err
}

// ReadFrom keeps sendfile.
func (t *Tally) ReadFrom(src io.Reader) (n int64, err error) {
	if rf, ok := t.ResponseWriter.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{t.ResponseWriter}, src)
	}
	t.Bytes, t.Err = t.Bytes+n, err
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (t *Tally) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Whole reports whether content was sent to its end as far as the head
// promised, from the first byte of the file on: what counts as a download, in
// one go or as the beginning of one. It is false for the answer to HEAD.
func (t *Tally) Whole() bool {
	begins := t.Status == http.StatusOK ||
		t.Status == http.StatusPartialContent && strings.HasPrefix(t.Header().Get("Content-Range"), "bytes 0-")
	return begins && t.Bytes == t.Length && t.Err == nil
}

// maxLogged bounds a header in a log, in bytes.
const maxLogged = 200

// AppendClient adds to a line about an answer how long it waited for a byte
// rate, which part the client asked for and what it calls itself.
func AppendClient(attrs []slog.Attr, r *http.Request) []slog.Attr {
	if wait := LimiterWait(r); wait > 0 {
		attrs = append(attrs, slog.Int64("limiter_wait_ms", wait.Milliseconds()))
	}
	if part := r.Header.Get("Range"); part != "" {
		attrs = append(attrs, slog.String("range", Clip(part, maxLogged)))
	}
	return append(attrs, slog.String("user_agent", Clip(r.UserAgent(), maxLogged)))
}

// Clip shortens to n bytes what a client chose the length of.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
