package web

import "golang.org/x/sys/windows"

// errAddrInUse is what binding a taken address fails with.
const errAddrInUse = windows.WSAEADDRINUSE
