//go:build !windows

package web

import "syscall"

// errAddrInUse is what binding a taken address fails with.
const errAddrInUse = syscall.EADDRINUSE
