package demosink

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// chunk is what is read from a connection at a time. A connection holds one
// only while it has bytes in it: thousands of connections that are mostly
// silent need little memory.
type chunk [32 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// socket is a client's connection below the websocket. It knows how much can
// be read without waiting. One goroutine reads; Write and endAfter may be
// called by any.
type socket struct {
	net.Conn
	raw     syscall.RawConn // nil: reading takes the caller's buffer
	receive func(fd uintptr) bool
	buffer  *bufio.Reader // of the websocket, above this
	idle    time.Duration

	// Of the reader:
	held    *chunk
	pending []byte // part of held
	n       int    // of the system call
	err     error

	writing sync.Mutex
	mu      sync.Mutex
	until   time.Time // the read deadline
	final   bool      // it is not moved any more
}

// hijacker hands the websocket a socket in place of the plain connection.
type hijacker struct {
	http.ResponseWriter
	idle   time.Duration
	socket *socket
}

const controlBuffer = 256 // a control frame has at most 127 bytes

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		_ = c.Close() // the first error says more
		return nil, nil, err
	}
	boundBacklog(c)
	s := &socket{Conn: c, raw: rawConn(c), buffer: rw.Reader, idle: h.idle}
	s.receive = s.receiveNow
	h.socket = s
	return s, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(s, controlBuffer)), nil
}

// backlog bounds what the system acknowledges for us before we have read it;
// it takes up to twice as much. When a process dies this is what it loses, and
// under load it would otherwise be megabytes of many seconds.
const backlog = 256 << 10

func boundBacklog(c net.Conn) {
	for {
		if b, ok := c.(interface{ SetReadBuffer(bytes int) error }); ok {
			_ = b.SetReadBuffer(backlog) // only a hint
			return
		}
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		c = below.NetConn()
	}
}

// rawConn returns the system's side of a connection whose bytes reach us
// unchanged, or nil.
func rawConn(c net.Conn) syscall.RawConn {
	for {
		if _, encrypted := c.(*tls.Conn); encrypted || !canReceive {
			return nil
		}
		if s, ok := c.(syscall.Conn); ok {
			raw, err := s.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		}
		below, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = below.NetConn()
	}
}

// Read hands out what is pending. When that is nothing it waits, holding no
// memory, and then takes as much as there is.
func (s *socket) Read(p []byte) (int, error) {
	if s.raw == nil {
		return s.Conn.Read(p)
	}
	if len(s.pending) == 0 {
		if err := s.raw.Read(s.receive); err != nil {
			return 0, err
		}
		if s.held == nil {
			return 0, s.err
		}
		s.pending = s.held[:s.n]
	}
	n := copy(p, s.pending)
	if s.pending = s.pending[n:]; len(s.pending) == 0 {
		s.drop()
	}
	return n, nil
}

func (s *socket) drop() {
	if s.held != nil {
		chunks.Put(s.held)
		s.held, s.pending = nil, nil
	}
}

// available is how many bytes can be read without waiting.
func (s *socket) available() int { return s.buffer.Buffered() + len(s.pending) }

// Write sends p whole; frames of two writers do not mix.
func (s *socket) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.Conn.Write(p)
}

// renew moves the read deadline, unless that is final. To spare the timers it
// lets an eighth of the time pass first.
func (s *socket) renew() error {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final || s.until.Sub(now) > s.idle-s.idle/8 {
		return nil
	}
	s.until = now.Add(s.idle)
	return s.SetReadDeadline(s.until)
}

// endAfter makes reading end after d at the latest, whatever comes.
func (s *socket) endAfter(d time.Duration) {
	until := time.Now().Add(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final && !until.Before(s.until) {
		return
	}
	s.final, s.until = true, until
	_ = s.SetReadDeadline(until) // fails only on a connection that is closed
}

// linger lets the peer be read for d once more.
func (s *socket) linger(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.final, s.until = true, time.Now().Add(d)
	_ = s.SetReadDeadline(s.until) // as above
}

// sendClose writes a Close frame (RFC 6455 §5.5.1) without waiting for the
// peer's.
func (s *socket) sendClose(e ending) {
	frame := append(make([]byte, 0, 127), 0x88, byte(2+len(e.reason)), byte(e.code>>8), byte(e.code))
	_ = s.SetWriteDeadline(time.Now().Add(stopFor)) // if it fails, so does Write
	_, _ = s.Write(append(frame, e.reason...))      // who is gone needs no word
}
