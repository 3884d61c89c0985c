//go:build !windows

package web

import "syscall"

// What binding fails with when the address is taken, and when the port needs
// a privilege.
const (
	errAddrInUse    = syscall.EADDRINUSE
	errMayNotListen = syscall.EACCES
)
