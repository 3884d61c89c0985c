package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/limit"
)

// connOptions sets how client connections are written to. The zero value of
// each field means its default.
type connOptions struct {
	// Stall is the longest wait for a client that takes no byte at all;
	// default 60 s.
	Stall time.Duration
	// MinRate is the fewest bytes per second a client must take while we wait
	// for it, averaged over MinRateWindow; defaults 1 KiB/s and 2 min.
	MinRate       int64
	MinRateWindow time.Duration
	// Slice is the most bytes one system call may send of a long body while
	// short answers are wanted too; default 256 KiB.
	Slice int
	// Bulk shares the processors between long transfers and everything else.
	// All listeners of one server should share one; default: a new one.
	Bulk *bulkGate
	// Traffic bounds and counts what is sent; nil: nothing does.
	Traffic *limit.Traffic
	// Shape tells whose rates apply to a connection; nil: everybody's.
	Shape *shapeRule
}

func (o connOptions) withDefaults() connOptions {
	if o.Stall <= 0 {
		o.Stall = 60 * time.Second
	}
	if o.MinRate <= 0 {
		o.MinRate = 1 << 10
	}
	if o.MinRateWindow <= 0 {
		o.MinRateWindow = 2 * time.Minute
	}
	if o.Slice <= 0 {
		o.Slice = 256 << 10
	}
	if o.Bulk == nil {
		o.Bulk = newBulkGate(0)
	}
	return o
}

// wrapListener returns l with every accepted connection wrapped, so that
// writes to it have a rolling deadline and a lowest speed, and files go out by
// sendfile in short slices. For TLS, wrap the plain listener and put TLS on
// top.
func wrapListener(l net.Listener, o connOptions) net.Listener {
	return &connListener{Listener: l, options: o.withDefaults()}
}

type connListener struct {
	net.Listener
	options connOptions
}

// Accept waits for the next connection.
func (l *connListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(c, &l.options), nil
}

// connKey is the context key of the connection a request came on.
type connKey struct{}

// connContext is the http.Server.ConnContext hook that lets ServeFile find the
// connection below a request and send a short file together with its header.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if below, ok := c.(*tls.Conn); ok {
		c = below.NetConn()
	}
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// errSlowClient ends a transfer to a client below the lowest speed.
var errSlowClient = errors.New("client takes data too slowly")

// conn is one client connection. Writes and ReadFrom are serialised by their
// caller (net/http, tls.Conn); the deadlines and Sent may be used at any time.
type conn struct {
	net.Conn
	o   *connOptions
	raw syscall.RawConn // nil: not a socket

	sent atomic.Int64 // bytes the kernel (or the peer) accepted

	mu       sync.Mutex
	explicit time.Time // deadline set by the caller; zero: none
	armed    time.Time // deadline the connection has now; zero: none
	closed   bool

	hold bool   // the header being written stays in held until the body comes
	held []byte // see hold
	pace pace
	seen int64 // see arrived
	send fileSend

	shape shapedConn
}

func newConn(c net.Conn, o *connOptions) *conn {
	w := &conn{Conn: c, o: o, pace: pace{min: o.MinRate, window: o.MinRateWindow}}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			w.raw = raw
		}
	}
	w.identify(o.Shape)
	return w
}

// Sent is the number of bytes handed to the network so far, header and body.
func (c *conn) Sent() int64 { return c.sent.Load() }

// NetConn is the connection below.
func (c *conn) NetConn() net.Conn { return c.Conn }

// CloseWrite shuts the sending side down; net/http looks for it so that a
// client can read the answer to a request that we refuse to read.
func (c *conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline sets a deadline that holds in addition to the rolling one.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() && c.explicit.IsZero() {
		return nil // net/http does this after every request: keep the rolling one
	}
	c.explicit, c.armed = t, t
	return c.Conn.SetWriteDeadline(t)
}

// roll renews the write deadline. To spare the runtime's timers it lets up to
// a quarter of the time pass before it does.
func (c *conn) roll(now time.Time) error {
	want := now.Add(c.o.Stall)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.explicit.IsZero() && c.explicit.Before(want) {
		want = c.explicit
	} else if want.Sub(c.armed) < c.o.Stall/4 {
		return nil
	}
	if want.Equal(c.armed) {
		return nil
	}
	c.armed = want
	return c.Conn.SetWriteDeadline(want)
}

// fastEnough is asked after we waited for the client.
func (c *conn) fastEnough(waited time.Duration) bool {
	return c.pace.add(waited, c.arrived())
}

// mayGoOn decides after a write that ran into the deadline whether the client
// still takes data. The kernel buffers much more than a slow client reads in a
// minute, so a full buffer alone says nothing: what counts is what arrived.
func (c *conn) mayGoOn(waited time.Duration) bool {
	c.mu.Lock()
	ours := c.explicit.IsZero() || !c.armed.Equal(c.explicit)
	c.armed = time.Time{}
	c.mu.Unlock()
	n := c.arrived()
	return ours && n > 0 && c.pace.add(waited, n)
}

// arrived counts the bytes that the client's side has acknowledged since it
// was last called, as far as the operating system tells. Only waits ask for
// it, so it may include bytes from before the wait; that is in the client's
// favour, once.
func (c *conn) arrived() int64 {
	now := c.sent.Load() - c.unacked()
	n := now - c.seen
	c.seen = now
	return n
}

// writePiece bounds one Write of the connection below, so that the rolling
// deadline spans few enough bytes for a client at the lowest speed.
const writePiece = 32 << 10

// Write sends p whole or fails.
func (c *conn) Write(p []byte) (int, error) {
	if c.hold && len(c.held)+len(p) <= maxHeld {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if err := c.release(); err != nil {
		return 0, err
	}
	return c.write(p)
}

func (c *conn) write(p []byte) (int, error) {
	c.o.Bulk.sentShort()
	c.prefer(len(p))
	return c.push(p)
}

// push is write for what belongs to a long body.
func (c *conn) push(p []byte) (n int, err error) {
	for n < len(p) {
		piece, err := c.may(min(writePiece, len(p)-n))
		if err != nil {
			return n, err
		}
		start := time.Now()
		if err := c.roll(start); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n : n+piece])
		n += m
		c.wrote(m)
		waited := time.Since(start)
		switch {
		case err == nil && waited < slowWrite:
		case err == nil:
			if !c.fastEnough(waited) {
				return n, errSlowClient
			}
		case !errors.Is(err, os.ErrDeadlineExceeded) || !c.mayGoOn(waited):
			return n, err
		}
	}
	return n, nil
}

// slowWrite is the time from which on a write counts as waiting for the
// client rather than as work of ours.
const slowWrite = 5 * time.Millisecond

// maxHeld bounds a header kept back to be sent together with its body.
const maxHeld = 4 << 10

// holdHeader keeps what is written next until release or ReadFrom.
func (c *conn) holdHeader() { c.hold = true }

// release ends holdHeader and sends what was held.
func (c *conn) release() error {
	c.hold = false
	if len(c.held) == 0 {
		return nil
	}
	held := c.held
	c.held = held[:0]
	c.prefer(len(held))
	_, err := c.push(held)
	return err
}

// fileSource is a reader over a regular file; *os.File and types that embed it.
type fileSource interface {
	io.Reader
	io.ReaderAt
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// fileSection reads n bytes of a file from off on. It leaves the file's own
// position alone, so that one handle can serve several requests.
type fileSection struct {
	f      *os.File
	off, n int64
}

// Read implements io.Reader for writers that do not know fileSection.
func (s *fileSection) Read(p []byte) (int, error) {
	if s.n <= 0 {
		return 0, io.EOF
	}
	n, err := s.f.ReadAt(p[:min(int64(len(p)), s.n)], s.off)
	s.off += int64(n)
	s.n -= int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadFrom sends what src holds. Parts of files go out without being copied
// through user space where the system can do that.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	switch s := src.(type) {
	case *fileSection:
		return c.sendSection(s)
	case *io.LimitedReader:
		if f, ok := s.R.(fileSource); ok {
			n, err := c.sendFile(f, nil, s.N)
			s.N -= n
			return n, err
		}
	case fileSource:
		return c.sendFile(s, nil, 1<<62)
	}
	return io.Copy(writerOnly{c}, src)
}

// writerOnly hides ReadFrom.
type writerOnly struct{ io.Writer }

// smallBody is the longest body that is read into memory and sent in one
// write together with its header. Above it the copy costs more than the second
// system call.
const smallBody = 32 << 10

var smallBuffers = sync.Pool{New: func() any { return new([maxHeld + smallBody]byte) }}

func (c *conn) sendSection(s *fileSection) (int64, error) {
	c.hold = false
	if s.n > smallBody {
		n, err := c.sendFile(s.f, &s.off, s.n)
		s.n -= n
		return n, err
	}
	buf := smallBuffers.Get().(*[maxHeld + smallBody]byte)
	defer smallBuffers.Put(buf)
	head := copy(buf[:], c.held)
	c.held = c.held[:0]
	n, err := s.f.ReadAt(buf[head:head+int(s.n)], s.off)
	sent, werr := c.write(buf[:head+n])
	body := int64(max(sent-head, 0))
	s.off += body
	s.n -= body
	switch {
	case werr != nil:
		return body, werr
	case s.n == 0:
		return body, nil // also when ReadAt met the end exactly
	case err == nil || err == io.EOF:
		return body, io.ErrUnexpectedEOF
	}
	return body, err
}

// copyFile is sendFile for systems and connections without sendfile. A nil off
// means the file's own position.
func (c *conn) copyFile(f fileSource, off *int64, n int64) (int64, error) {
	if err := c.release(); err != nil {
		return 0, err
	}
	var src io.Reader = f
	if off != nil {
		src = io.NewSectionReader(f, *off, n)
	}
	sent, err := io.Copy(writerOnly{c}, io.LimitReader(src, n))
	if off != nil {
		*off += sent
	}
	return sent, err
}

// pace measures how fast a client takes data while we wait for it. Time in
// which there is nothing to send does not count against the client.
type pace struct {
	min    int64 // bytes per second
	window time.Duration

	waited time.Duration
	bytes  int64
}

// add records that bytes arrived in the time waited, and reports whether the
// client is fast enough.
func (p *pace) add(waited time.Duration, bytes int64) bool {
	p.waited += waited
	p.bytes += bytes
	if p.waited < p.window {
		return true
	}
	ok := float64(p.bytes) >= float64(p.min)*p.waited.Seconds()
	p.waited, p.bytes = 0, 0
	return ok
}

// requestConn is the connection r came on when its bytes reach the network
// unchanged, or nil.
func requestConn(r *http.Request) *conn {
	if r.TLS != nil {
		return nil // the bytes have to pass through the encryption above
	}
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
