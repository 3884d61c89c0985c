package catalog

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// tally notes what is sent of a file, and names it. It keeps the fast paths
// of the writer below.
type tally struct {
	http.ResponseWriter
	disposition string // of answers with content

	status int
	length int64 // Content-Length
	bytes  int64
	begins bool // the content begins with the first byte of the file
}

// complete reports whether everything was sent that was promised, from the
// first byte of the file on: what counts as a download.
func (t *tally) complete() bool { return t.begins && t.bytes == t.length }

// WriteHeader sends the header.
func (t *tally) WriteHeader(status int) {
	h := t.Header()
	t.status = status
	switch status {
	case http.StatusOK:
		t.begins = true
	case http.StatusPartialContent: // one of several parts has no Content-Range here
		t.begins = strings.HasPrefix(h.Get("Content-Range"), "bytes 0-")
	}
	if status == http.StatusOK || status == http.StatusPartialContent {
		h["Content-Disposition"] = []string{t.disposition}
		t.length, _ = strconv.ParseInt(h.Get("Content-Length"), 10, 64) // ServeFile always states it
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p)
	t.bytes += int64(n)
	return n, err
}

// ReadFrom keeps sendfile.
func (t *tally) ReadFrom(src io.Reader) (n int64, err error) {
	if rf, ok := t.ResponseWriter.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{t.ResponseWriter}, src)
	}
	t.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController find the connection.
func (t *tally) Unwrap() http.ResponseWriter { return t.ResponseWriter }
