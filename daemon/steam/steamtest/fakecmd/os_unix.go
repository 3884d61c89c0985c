//go:build unix

package fakecmd

import (
	"os"
	"os/signal"
	"syscall"
)

// ignoreSignals makes every request to end go unheard.
func ignoreSignals() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
}

// crash ends the process by SIGABRT. Go's runtime would make an exit code of
// the signal, so a shell takes our place first.
func crash() {
	_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "ulimit -c 0; kill -ABRT $$"}, nil) // the test sees another exit
}

func makePipe(path string) { _ = syscall.Mkfifo(path, 0o600) } // the test sees none

// lockFile locks the file for this process.
func lockFile(path string) (unlock func(), ok bool) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, false
	}
	return func() { f.Close() }, true
}
