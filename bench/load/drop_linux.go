package main

import (
	"io"

	"golang.org/x/sys/unix"
)

// dropSize is the most one system call throws away.
const dropSize = 1 << 20

// drop lets the kernel throw up to n bytes of the stream away (MSG_TRUNC, see
// tcp(7)), so that the client costs next to nothing and the server is what is
// measured. It returns how many there were.
func (c *client) drop(n int64) (int64, error) {
	var got int
	var err error
	if cap(c.head) < dropSize {
		c.head = append(make([]byte, 0, dropSize), c.head...)[:len(c.head)]
	}
	buf := c.head[:min(n, dropSize)]
	rerr := c.raw.Read(func(fd uintptr) bool {
		for {
			got, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_TRUNC|unix.MSG_DONTWAIT)
			switch err {
			case unix.EINTR:
				continue
			case unix.EAGAIN:
				return false
			}
			return true
		}
	})
	if rerr != nil {
		return 0, rerr
	}
	if err == nil && got == 0 {
		err = io.ErrUnexpectedEOF
	}
	return int64(max(got, 0)), err
}
