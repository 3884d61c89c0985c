package web

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bulkBody is the shortest body that goes through the gate.
const bulkBody = 1 << 20

// openSlice is how many slices one call may send while the gate stands open.
const openSlice = 4

// fileSend is the state of the transfer that runs on a connection. It lives in
// the connection so that a slice costs no allocation.
type fileSend struct {
	in    int    // the file
	off   *int64 // nil: the file's own position
	want  int
	bulk  bool
	n     int
	err   error
	since time.Time     // when the socket was last found full
	wait  time.Duration // how long it stayed full
	step  func(fd uintptr) bool
}

// sendFile sends up to n bytes of f, from *off on or from the file's own
// position. It returns io.ErrUnexpectedEOF when a section turns out shorter.
func (c *conn) sendFile(f fileSource, off *int64, n int64) (sent int64, err error) {
	if c.raw == nil {
		return c.copyFile(f, off, n)
	}
	file, err := f.SyscallConn()
	if err != nil {
		return c.copyFile(f, off, n)
	}
	if err := c.release(); err != nil {
		return 0, err
	}
	// Control keeps the descriptor open, whoever closes the file meanwhile.
	cerr := file.Control(func(fd uintptr) { sent, err = c.sendDescriptor(int(fd), off, n) })
	c.settle()
	if sent == 0 && (cerr != nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS)) {
		return c.copyFile(f, off, n) // not a regular file
	}
	return sent, errors.Join(cerr, err)
}

func (c *conn) sendDescriptor(in int, off *int64, n int64) (sent int64, err error) {
	s := &c.send
	s.in, s.off, s.bulk = in, off, n >= bulkBody
	if s.step == nil {
		s.step = c.sendSlice
	}
	for sent < n {
		if s.want, err = c.may(int(min(n-sent, int64(openSlice*c.o.Slice)))); err != nil {
			return sent, err
		}
		if err := c.roll(time.Now()); err != nil {
			return sent, err
		}
		s.n, s.err, s.wait, s.since = 0, nil, 0, time.Time{}
		err := c.raw.Write(s.step)
		sent += int64(s.n)
		c.wrote(s.n)
		if err == nil {
			err = s.err
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if !c.mayGoOn(time.Since(s.since)) {
				return sent, err
			}
		case err != nil:
			return sent, err
		case s.wait >= slowWrite && !c.fastEnough(s.wait):
			return sent, errSlowClient
		case s.n == 0 && off == nil:
			return sent, nil // the end of the file
		case s.n == 0:
			return sent, io.ErrUnexpectedEOF
		}
	}
	return sent, nil
}

// sendSlice is called by the poller with the socket's descriptor; false means
// "call again when there is room".
func (c *conn) sendSlice(fd uintptr) bool {
	s := &c.send
	if !s.since.IsZero() {
		s.wait = time.Since(s.since)
	}
	if s.bulk && c.o.Bulk.enter() {
		defer c.o.Bulk.leave()
		s.want = min(s.want, c.o.Slice)
	}
	for {
		s.n, s.err = syscall.Sendfile(int(fd), s.in, s.off, s.want)
		switch s.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			s.n, s.err = 0, nil
			if s.since.IsZero() {
				s.since = time.Now()
			}
			return false
		}
		s.n = max(s.n, 0)
		if s.err != nil {
			s.err = os.NewSyscallError("sendfile", s.err)
		}
		return true
	}
}

// unacked is the number of bytes the kernel holds because the client's side
// has not acknowledged them.
func (c *conn) unacked() int64 {
	if c.raw == nil {
		return 0
	}
	var n int
	err := c.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	if err != nil {
		return 0
	}
	return int64(n)
}
