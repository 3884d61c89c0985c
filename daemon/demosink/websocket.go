package demosink

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// intake moves the frames of one connection into its stream. Nothing is held
// longer than it takes to write it, however long a frame is.
type intake struct {
	st     *stream
	ws     *websocket.Conn
	socket *socket
	buf    *chunk // nil while nothing is there
	n      int
}

var errText = errors.New("a frame is text")

// run takes frames until the connection ends and returns why.
func (in *intake) run() error {
	err := in.frames()
	if ferr := in.flush(); ferr != nil {
		err = ferr
	}
	in.release()
	return err
}

func (in *intake) frames() error {
	for {
		if err := in.await(); err != nil {
			return err
		}
		kind, r, err := in.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary {
			return errText
		}
		if err := in.frame(r); err != nil {
			return err
		}
	}
}

// frame takes one message.
func (in *intake) frame(r io.Reader) error {
	for {
		if err := in.await(); err != nil {
			return err
		}
		// The websocket fills what it is given, so it is given no more than
		// is there already.
		n, err := r.Read(in.buf[in.n:min(len(in.buf), in.n+in.socket.available())])
		in.n += n
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if in.n == len(in.buf) {
			if err := in.flush(); err != nil {
				return err
			}
		}
	}
}

// maxHeader is the longest header of a client's frame (RFC 6455 §5.2).
const maxHeader = 14

// await returns when something can be read. Before it waits, or the websocket
// may have to wait for the rest of a header, it writes what came; and before it
// waits it lets go of the buffer.
func (in *intake) await() error {
	available := in.socket.available()
	if available < maxHeader {
		if err := in.flush(); err != nil {
			return err
		}
	}
	if available == 0 {
		in.release()
		if err := in.socket.renew(); err != nil {
			return err
		}
		in.st.ranDry()
		began := time.Now()
		_, err := in.socket.buffer.Peek(1)
		in.st.goesOn(time.Since(began) >= dryFor)
		if err != nil {
			return err
		}
	}
	if in.buf == nil {
		in.buf = chunks.Get().(*chunk)
	}
	return nil
}

func (in *intake) flush() error {
	if in.n == 0 {
		return nil
	}
	err := in.st.write(in.buf[:in.n])
	in.n = 0
	return err
}

func (in *intake) release() {
	if in.buf != nil {
		chunks.Put(in.buf)
		in.buf = nil
	}
}

// serveStream upgrades the connection and lets what comes be taken by a
// goroutine of its own: the one that served the request, and everything that
// hangs on it, would cost each silent stream more than the stream itself. The
// stream is attached; it is detached afterwards.
func (s *Service) serveStream(w http.ResponseWriter, r *http.Request, st *stream) {
	h := &hijacker{ResponseWriter: w, idle: s.config.Idle.Std()}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil { // answered already
		s.detach(st, false)
		return
	}
	web.Sent(w, http.StatusSwitchingProtocols, 0)
	ws.SetReadLimit(-1)
	go s.take(st, ws, h.socket)
}

// take takes what a connection brings until it ends.
func (s *Service) take(st *stream, ws *websocket.Conn, c *socket) {
	began := s.clock.Now()
	st.connect(c)
	err := (&intake{st: st, ws: ws, socket: c}).guarded()
	why := s.why(st, err)
	clean := why.code == 0 && websocket.CloseStatus(err) != -1
	st.mu.Lock()
	st.socket = nil
	size := st.size
	st.mu.Unlock()
	s.detach(st, clean)
	c.drop()
	s.log.Info("a stream ended", slog.String("session", string(st.id)), slog.Int64("bytes", size), slog.Duration("took", s.clock.Now().Sub(began)),
		slog.Bool("clean", clean), slog.Int("close", why.code), slog.Any("cause", err))
	s.part(ws, c, why)
}

// guarded is run; a panic ends the connection and nothing else.
func (in *intake) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			in.st.s.log.Error("taking a stream panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = errDamaged
		}
	}()
	return in.run()
}

// why tells for what reason the server ends the connection; the code is 0
// when the client did.
func (s *Service) why(st *stream, err error) ending {
	switch {
	case errors.Is(err, errText):
		return st.endWith(endText)
	case errors.Is(err, errSessionFull):
		return st.endWith(endFull(st.limit))
	case errors.Is(err, errDiskFull):
		return st.endWith(endDisk)
	case errors.Is(err, errDamaged):
		return st.endWith(endDamaged)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return st.endWith(endIdle)
	case againstProtocol(err):
		return st.endWith(endProtocol)
	}
	return st.reason()
}

// againstProtocol reports whether a connection ended because of what the
// client sent, not because it is gone.
func againstProtocol(err error) bool {
	if err == nil || websocket.CloseStatus(err) != -1 {
		return false
	}
	_, system := errors.AsType[syscall.Errno](err)
	_, network := errors.AsType[net.Error](err)
	return !system && !network && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed)
}

// partFor is how long a client that is told why may take to hear it.
const partFor = 2 * time.Second

// part ends the connection, telling the client why if the server ends it.
func (s *Service) part(ws *websocket.Conn, c *socket, why ending) {
	if why.code == 0 || why == endRestart { // a restart was told before
		_ = ws.CloseNow() // it is gone either way
		return
	}
	c.linger(partFor)
	_ = ws.Close(websocket.StatusCode(why.code), why.reason) // as above
}

// endStreams tells every client that the server stops, takes what still comes
// for a moment, and returns when everything is stored.
func (s *Service) endStreams() {
	s.stop.Do(func() { close(s.ending) })
	var live []*stream
	for _, p := range s.players.snapshot() {
		p.mu.Lock()
		if p.live != nil {
			live = append(live, p.live)
		}
		p.mu.Unlock()
	}
	for _, st := range live {
		go st.restart()
	}
	for _, st := range live {
		<-st.done
	}
}

// restart ends the connection because the server stops.
func (st *stream) restart() {
	st.mu.Lock()
	c := st.socket
	st.mu.Unlock()
	st.cut(endRestart, stopFor)
	if c != nil {
		c.sendClose(endRestart)
	}
}
