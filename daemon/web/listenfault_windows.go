package web

import "golang.org/x/sys/windows"

// What binding fails with when the address is taken, and when it is reserved
// by the system.
const (
	errAddrInUse    = windows.WSAEADDRINUSE
	errMayNotListen = windows.WSAEACCES
)
