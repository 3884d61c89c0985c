package workshop

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// idleIO lets the calling goroutine read only when nobody else needs the
// disk, and returns what ends that. A system that does not know the call goes
// on as before.
func idleIO() (release func()) {
	const (
		whoProcess = 1       // the calling thread
		classIdle  = 3 << 13 // linux/ioprio.h
	)
	// The thread keeps the class, so it is never given back: it ends with
	// the goroutine.
	runtime.LockOSThread()
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, 0, classIdle)
	return func() {}
}
