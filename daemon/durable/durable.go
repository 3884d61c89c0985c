// Package durable writes files so that they survive a power cut, behind a
// small file-system interface that tests can make fail.
//
// The order that makes a file durable is always the same: write a temporary
// file in the target's own directory, fsync it, rename it over the target,
// fsync the directory. Readers then see the old content or the new, never a
// mixture, and what Replace acknowledged is still there after the power
// returns. DESIGN.md holds the invariants.
//
// The package also holds the clock that the rest of the daemon is given, so
// that tests can set it.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// File is an open file. The operating system's *os.File has all of it.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	io.ReaderAt
	io.Closer

	// Sync returns when the content is on stable storage. After an error the
	// file must be given up, never synced again: the kernel may have marked
	// the lost pages clean, and a second Sync would then lie.
	Sync() error
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Name() string
}

// FS is the part of a file system that durable state needs. Names are
// absolute paths of the operating system. Errors are those of package os, so
// errors.Is with fs.ErrNotExist and syscall numbers works. Implementations
// are safe for concurrent use.
type FS interface {
	Open(name string) (File, error)
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// CreateTemp makes a new file in dir, mode 0600, whose name is pattern
	// with its last "*" replaced by a random string.
	CreateTemp(dir, pattern string) (File, error)
	// Rename replaces newName in one step where the system can.
	Rename(oldName, newName string) error
	Remove(name string) error
	RemoveAll(path string) error
	MkdirAll(path string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir returns when the names in dir are on stable storage. It does
	// nothing on Windows, which has no such call and keeps names in a
	// journal.
	SyncDir(dir string) error
	// Free returns the bytes an unprivileged program can still write below
	// dir.
	Free(dir string) (int64, error)
	// Confine returns an FS that reaches only what is below dir: names stay
	// absolute, but neither ".." nor a symbolic link leads out. Callers that
	// are done with it close it when it is an io.Closer.
	Confine(dir string) (FS, error)
}

// Replace writes a file through write and puts it at path in one step: after
// a nil return the new content is on stable storage, after an error the old
// content, or its absence, still stands and no temporary file is left. The
// one exception is a failed sync of the directory: the new content is then
// in place, but a power cut may undo it. The directory must exist.
func Replace(fsys FS, path string, perm fs.FileMode, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	f, err := fsys.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if err := fill(f, perm, write); err != nil {
		return fmt.Errorf("replace %s: %w", path, errors.Join(err, fsys.Remove(f.Name())))
	}
	if err := fsys.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("replace %s: %w", path, errors.Join(err, fsys.Remove(f.Name())))
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	return nil
}

// fill writes, syncs and closes f. The descriptor is closed on every path.
func fill(f File, perm fs.FileMode, write func(io.Writer) error) error {
	err := write(f)
	if err == nil {
		err = chmod(f, perm)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// chmod sets the mode where there is one. Temporary files begin at 0600, so
// a file that has none is only ever too private.
func chmod(f File, perm fs.FileMode) error {
	if file, ok := OSFile(f); ok {
		return file.Chmod(perm)
	}
	return nil
}

// MkdirAll makes path with its missing parents and syncs every directory
// that got a new name, so that what is later made durable inside cannot
// vanish with its parent.
func MkdirAll(fsys FS, path string, perm fs.FileMode) error {
	var missing []string
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		info, err := fsys.Stat(p)
		if err == nil && info.IsDir() {
			break
		}
		if err == nil {
			return &fs.PathError{Op: "mkdir", Path: p, Err: errors.New("a file is in the way")}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	if len(missing) == 0 {
		return nil
	}
	if err := fsys.MkdirAll(path, perm); err != nil {
		return err
	}
	for _, p := range missing {
		if err := fsys.SyncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}
