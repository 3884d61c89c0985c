package blob

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// diskWriter fills a temporary file and renames it over its target.
type diskWriter struct {
	ctx  context.Context
	disk *Disk
	file durable.File
	key  string
	path string
	size int64
	bad  error // the first failed write; the file is lost then
	done bool
}

// Write appends to the temporary file.
func (w *diskWriter) Write(p []byte) (int, error) {
	if w.done {
		return 0, fs.ErrClosed
	}
	if w.bad == nil {
		w.bad = w.ctx.Err()
	}
	if w.bad != nil {
		return 0, w.bad
	}
	n, err := w.file.Write(p)
	w.size += int64(n)
	if err != nil {
		w.bad = diskError(err, "%s cannot be written", w.key)
	}
	return n, w.bad
}

// Commit syncs the file, gives it its name and syncs the folder.
func (w *diskWriter) Commit(ctx context.Context) (Info, error) {
	if w.done {
		return Info{}, fs.ErrClosed
	}
	info, err := w.seal(ctx)
	if err != nil {
		return Info{}, errors.Join(err, w.Abort())
	}
	if err := w.disk.fs.Rename(w.file.Name(), w.path); err != nil {
		return Info{}, errors.Join(diskError(err, "%s cannot be put in place", w.key), w.remove())
	}
	w.disk.mark(w.file.Name(), false)
	if err := w.disk.fs.SyncDir(filepath.Dir(w.path)); err != nil {
		return Info{}, diskError(err, "%s cannot be made durable", w.key)
	}
	return info, nil
}

// seal makes the content durable and closes the file; on success only the
// name is missing.
func (w *diskWriter) seal(ctx context.Context) (Info, error) {
	if err := errors.Join(w.bad, ctx.Err()); err != nil {
		return Info{}, err
	}
	if err := w.file.Sync(); err != nil {
		return Info{}, diskError(err, "%s cannot be made durable", w.key)
	}
	st, err := w.file.Stat()
	if err != nil {
		return Info{}, diskError(err, "%s cannot be looked up", w.key)
	}
	w.done = true
	if err := w.file.Close(); err != nil {
		return Info{}, errors.Join(diskError(err, "%s cannot be closed", w.key), w.remove())
	}
	return Info{w.key, st.Size(), st.ModTime()}, nil
}

// Abort removes the temporary file.
func (w *diskWriter) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	return errors.Join(w.file.Close(), w.remove())
}

func (w *diskWriter) remove() error {
	w.disk.mark(w.file.Name(), false)
	if err := w.disk.fs.Remove(w.file.Name()); err != nil && !absent(err) {
		return err
	}
	return nil
}

// absent reports whether err says that there is no such file; a file where a
// folder would have to be means the same to a reader.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// diskError gives an error of the file system its kind.
func diskError(err error, format string, args ...any) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case absent(err):
		return fault.Wrap(err, fault.NotFound, format, args...)
	case durable.NoSpace(err):
		return fault.Wrap(err, fault.NoSpace, format, args...).
			WithHint("The disk is full. Free some space; nothing stored is lost.").
			WithRetryAfter(30 * time.Second)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fault.Wrap(err, fault.Unavailable, format, args...).
			WithHint("Too many files are open. Raise the limit of open files of the service.").
			WithRetryAfter(5 * time.Second)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Unavailable, format, args...).
			WithHint("The service's user may not write there. Check the owner of the data directory.")
	}
	return fault.Wrap(err, fault.Unavailable, format, args...).WithRetryAfter(30 * time.Second)
}
