package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
)

// response counts what goes out. It passes everything on: ReadFrom keeps
// sendfile, Unwrap lets http.ResponseController find deadlines, Flush and
// Hijack.
type response struct {
	http.ResponseWriter
	body     *requestBody // nil: the request has none
	status   int          // 0 until the head is written
	bytes    int64
	hijacked bool
}

var responses = sync.Pool{New: func() any { return new(response) }}

func newResponse(w http.ResponseWriter, body *requestBody) *response {
	res := responses.Get().(*response)
	*res = response{ResponseWriter: w, body: body}
	return res
}

// release gives the memory back. Only for handlers that returned: one that
// panicked may have left a goroutine behind that still writes.
func (w *response) release() {
	if w.hijacked {
		return
	}
	*w = response{}
	responses.Put(w)
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		w.status = status
		w.closeIfUnread()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) closeIfUnread() {
	if w.body != nil && !w.body.reusable() {
		w.Header()["Connection"] = headerClose
	}
}

// finish is called when the handler has returned.
func (w *response) finish() {
	if w.body == nil || w.hijacked {
		return
	}
	if w.status == 0 { // net/http will send an empty 200
		w.closeIfUnread()
	}
	w.body.finish()
}

var headerClose = []string{"close"} // never written to

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *response) WriteString(s string) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.WriteString(w.ResponseWriter, s)
	w.bytes += int64(n)
	return n, err
}

func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		n, err = rf.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
	}
	w.bytes += n
	return n, err
}

// Flush sends what is buffered.
func (w *response) Flush() { _ = w.FlushError() } // http.Flusher has no error

func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch f := w.ResponseWriter.(type) {
	case interface{ FlushError() error }:
		return f.FlushError()
	case http.Flusher:
		f.Flush()
		return nil
	}
	return http.ErrNotSupported
}

// Hijack takes the connection over; the answer's status is then unknown to us
// unless the handler tells it with Sent.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked = true
	}
	return c, rw, err
}

func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Sent tells what a handler sent on a connection that it took over with
// Hijack, for the log and the metrics. It does nothing to other writers than
// those a Server hands out.
func Sent(w http.ResponseWriter, status int, bytes int64) {
	for w != nil {
		if res, ok := w.(*response); ok {
			res.status, res.bytes = status, bytes
			return
		}
		below, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = below.Unwrap()
	}
}
