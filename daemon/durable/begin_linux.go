package durable

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// BeginSync has the system begin to write what f holds, without waiting. It
// promises nothing: Sync does, and finds less to do. Done for many files before
// the first is synced, the disk works on all of them at once, and what the file
// system writes about them is written once.
func BeginSync(f File) {
	s, ok := f.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	// An error is kept by the system for Sync.
	_ = raw.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), 0, 0, unix.SYNC_FILE_RANGE_WRITE) })
}
