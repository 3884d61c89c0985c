package blob

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Adopter is a Store that can take a file over instead of copying it.
type Adopter interface {
	// Adopt makes the file at path the content of key, durably and in one
	// step, and replaces what the key held. Nobody may have it open for
	// writing. After nil it is not at path any more; after an error it still
	// is, unless only the sync of the folders failed: it is in place then,
	// whole, though a power cut may undo that. fault.Unavailable when path is
	// on another file system.
	Adopt(ctx context.Context, path, key string) (Info, error)
}

var _ Adopter = (*Disk)(nil)

// Adopt implements Adopter.
func (d *Disk) Adopt(ctx context.Context, path, key string) (Info, error) {
	target, err := d.enter(ctx, key)
	if err != nil {
		return Info{}, err
	}
	if err := d.folder(filepath.Dir(target)); err != nil {
		return Info{}, diskError(err, "No folder for %s can be made", key)
	}
	info, err := d.settle(path, key)
	if err != nil {
		return Info{}, diskError(err, "The file for %s cannot be made durable", key)
	}
	if err := d.outer.Rename(path, target); err != nil {
		return Info{}, diskError(err, "%s cannot be put in place", key)
	}
	if err := errors.Join(d.outer.SyncDir(filepath.Dir(target)), d.outer.SyncDir(filepath.Dir(path))); err != nil {
		return Info{}, diskError(err, "%s cannot be made durable", key)
	}
	return info, nil
}

// settle makes the content of a file durable and describes it.
func (d *Disk) settle(path, key string) (info Info, err error) {
	f, err := d.outer.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return Info{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	if !st.Mode().IsRegular() {
		return Info{}, fault.New(fault.Invalid, "%s is no regular file", filepath.Base(path))
	}
	return Info{key, st.Size(), st.ModTime()}, f.Sync()
}
