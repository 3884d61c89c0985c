package fastdl

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// lowPriority makes the calling goroutine use the processor and the disk only
// when nobody else needs them. A system that does not know a call goes on as
// before.
func lowPriority() {
	const (
		self      = 0       // the calling thread
		ioProcess = 1       // linux/ioprio.h: of one thread
		ioIdle    = 3 << 13 // linux/ioprio.h: the idle class
		lowest    = 19
	)
	// The thread keeps both, so it is never given back: it ends with the
	// goroutine.
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, self, lowest)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioProcess, self, ioIdle)
}
