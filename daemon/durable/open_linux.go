package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OpenLiteral opens the file name for reading if the path is literal: no part
// of it is a symbolic link, so that what is opened lies where the name says.
// With false nothing was decided and the caller must walk the path itself. It
// is one system call where a walk takes several.
func OpenLiteral(name string) (f *os.File, decided bool, err error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(unix.AT_FDCWD, name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), true, nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EACCES), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
			return nil, true, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return nil, false, nil // a link on the way, or a kernel or sandbox without the call
	}
}
