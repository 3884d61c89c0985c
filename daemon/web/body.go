package web

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
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
	deadline time.Time

	traffic *limit.Traffic
	sender  netip.Prefix
	exempt  bool // from limits.upload_rate
	short   bool // may come ahead of longer ones
	ctx     context.Context
	stream  limit.Stream
}

// trackBody puts a requestBody into r.
func (s *Server) trackBody(w http.ResponseWriter, r *http.Request) *requestBody {
	b := &requestBody{
		ReadCloser: r.Body, rc: http.NewResponseController(w),
		upload: s.timeouts.upload, leftover: s.timeouts.leftover,
		chunked: len(r.TransferEncoding) > 0,
		traffic: s.traffic, short: r.ContentLength >= 0 && r.ContentLength <= defaultBody, ctx: r.Context(),
	}
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		b.sender, b.exempt = c.shape.client, c.shape.exempt
	}
	if r.Body == nil {
		b.ReadCloser = http.NoBody
	}
	r.Body = b
	return b
}

// Read gives every uploadPiece its time, so that a long upload may take as
// long as it needs while a slow one ends. The time in which we do not read
// because of limits.upload_rate is added.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.credit <= 0 && !b.held {
		b.until(time.Now().Add(b.upload))
		b.credit = uploadPiece
	}
	granted := 0
	if b.traffic.In.On() && !b.exempt && len(p) > 0 {
		var err error
		if granted, err = b.turn(len(p)); err != nil {
			return 0, err
		}
		p = p[:granted]
	}
	n, err := b.ReadCloser.Read(p)
	b.traffic.In.Return(b.sender, granted-n)
	b.traffic.CountReceived(n)
	b.credit -= int64(n)
	if err == io.EOF {
		b.done = true
	}
	return n, err
}

// turn waits until some of n bytes may be read.
func (b *requestBody) turn(n int) (int, error) {
	if b.short && b.traffic.In.Small(b.sender, n) {
		return n, nil
	}
	granted, waited, err := b.traffic.In.Take(b.ctx, &b.stream, b.sender, n)
	if waited > 0 && !b.held {
		b.until(b.deadline.Add(waited))
	}
	return granted, err
}

func (b *requestBody) until(t time.Time) {
	b.deadline = t
	_ = b.rc.SetReadDeadline(t) // only a recorder in a test cannot
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
