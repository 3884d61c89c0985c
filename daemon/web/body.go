package web

import (
	"io"
	"net/http"
	"time"
)

// requestBody watches over the body of a request. It bounds how slowly the
// body may come, and notes whether it was read to its end: when it was not,
// the connection is closed after the answer, since reading on is work that
// the sender chooses for us.
type requestBody struct {
	io.ReadCloser
	rc       *http.ResponseController
	upload   time.Duration
	leftover time.Duration
	chunked  bool
	done     bool
	held     bool  // somebody else has set a deadline for the whole request
	credit   int64 // bytes until the deadline is renewed
}

// trackBody puts a requestBody into r.
func (s *Server) trackBody(w http.ResponseWriter, r *http.Request) *requestBody {
	b := &requestBody{
		ReadCloser: r.Body, rc: http.NewResponseController(w),
		upload: s.timeouts.upload, leftover: s.timeouts.leftover,
		chunked: len(r.TransferEncoding) > 0,
	}
	if r.Body == nil {
		b.ReadCloser = http.NoBody
	}
	r.Body = b
	return b
}

// Read gives every uploadPiece its time, so that a long upload may take as
// long as it needs while a slow one ends.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.credit <= 0 && !b.held {
		_ = b.rc.SetReadDeadline(time.Now().Add(b.upload)) // only a recorder in a test cannot
		b.credit = uploadPiece
	}
	n, err := b.ReadCloser.Read(p)
	b.credit -= int64(n)
	if err == io.EOF {
		b.done = true
	}
	return n, err
}

// reusable reports whether the connection may carry another request. A
// chunked request may have had a Content-Length too, which net/http drops
// without a trace; RFC 9112 §6.1 demands that the connection be closed then.
func (b *requestBody) reusable() bool { return b.done && !b.chunked }

// finish bounds what net/http does after the handler: it reads on, to give the
// client a chance to see the answer, and by itself would wait for ever.
func (b *requestBody) finish() {
	if !b.done {
		_ = b.rc.SetReadDeadline(time.Now().Add(b.leftover)) // only a recorder in a test cannot
	}
}

// holdDeadline says that a deadline for the whole request stands.
func holdDeadline(body io.ReadCloser) {
	if b, ok := body.(*requestBody); ok {
		b.held = true
	}
}

// boundBody makes reading more than n bytes of the body fail with
// *http.MaxBytesError, which becomes 413.
func boundBody(w http.ResponseWriter, r *http.Request, n int64) {
	if n >= 0 && r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, n)
	}
}
