//go:build unix

package demosink

import (
	"io"
	"syscall"
)

// canReceive: reading can wait without a buffer.
const canReceive = true

// receiveNow reads without waiting. It reports false when nothing is there.
func (s *socket) receiveNow(fd uintptr) bool {
	c := chunks.Get().(*chunk)
	n, err := syscall.Read(int(fd), c[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), c[:])
	}
	if err == nil && n > 0 {
		s.held, s.n = c, n
		return true
	}
	chunks.Put(c)
	if err == syscall.EAGAIN {
		return false
	}
	s.err = io.EOF
	if err != nil {
		s.err = err
	}
	return true
}
