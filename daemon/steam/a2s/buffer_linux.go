package a2s

import (
	"net"
	"syscall"
)

// bufferOf returns the size of the receive buffer in bytes. Linux counts its
// own bookkeeping as as much again.
func bufferOf(conn *net.UDPConn) (size int, known bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		size, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		known = err == nil
	})
	return size / 2, known && err == nil
}
