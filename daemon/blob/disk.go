package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// tempPrefix begins the name of every file that is being written. It begins
// with a dot, so no key can name such a file.
const tempPrefix = ".qm-"

// Disk is a Store in one directory: the key is the path below it. Neither a
// key nor a symbolic link leads out of the directory.
type Disk struct {
	dir   string
	fs    durable.FS // below dir
	outer durable.FS // what Adopt takes files from

	mu      sync.Mutex
	writing map[string]struct{} // temporary files that Sweep must leave alone
	folders map[string]struct{} // whose names are known to be durable
}

// maxFolders bounds what is remembered of folders; beyond it they are synced
// again.
const maxFolders = 4096

var _ Store = (*Disk)(nil)

// OpenDisk opens the store in dir and makes the directory when it is absent.
// Close gives its handle back.
func OpenDisk(fsys durable.FS, dir string) (*Disk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(fsys, dir, 0o750); err != nil {
		return nil, diskError(err, "The folder for stored files cannot be made")
	}
	below, err := fsys.Confine(dir)
	if err != nil {
		return nil, diskError(err, "The folder for stored files cannot be opened")
	}
	return &Disk{dir: dir, fs: below, outer: fsys, writing: make(map[string]struct{}), folders: make(map[string]struct{})}, nil
}

// Close gives the directory's handle back. Objects that are open stay open.
func (d *Disk) Close() error {
	if c, ok := d.fs.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Path returns the absolute path of the file that holds key, whether it
// exists or not.
func (d *Disk) Path(key string) (string, error) {
	if err := ValidKey(key); err != nil {
		return "", err
	}
	return filepath.Join(d.dir, filepath.FromSlash(key)), nil
}

// Create begins a blob in a temporary file beside its target.
func (d *Disk) Create(ctx context.Context, key string) (Writer, error) {
	path, err := d.enter(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := d.folder(filepath.Dir(path)); err != nil {
		return nil, diskError(err, "No folder for %s can be made", key)
	}
	f, err := d.fs.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if err != nil {
		return nil, diskError(err, "No file for %s can be made", key)
	}
	d.mark(f.Name(), true)
	return &diskWriter{ctx: ctx, disk: d, file: f, key: key, path: path}, nil
}

// Open opens the blob's file.
func (d *Disk) Open(ctx context.Context, key string) (*Object, error) {
	path, err := d.enter(ctx, key)
	if err != nil {
		return nil, err
	}
	f, err := d.fs.Open(path)
	if err != nil {
		return nil, diskError(err, "%s cannot be opened", key)
	}
	info, err := f.Stat()
	file, real := durable.OSFile(f)
	if err == nil && info.Mode().IsRegular() && real {
		return &Object{File: file, Info: Info{key, info.Size(), info.ModTime()}}, nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, diskError(err, "%s cannot be read", key)
	}
	return nil, fault.New(fault.NotFound, "There is no %s", key)
}

// Stat describes the blob's file.
func (d *Disk) Stat(ctx context.Context, key string) (Info, error) {
	path, err := d.enter(ctx, key)
	if err != nil {
		return Info{}, err
	}
	info, err := d.fs.Stat(path)
	if err != nil {
		return Info{}, diskError(err, "%s cannot be looked up", key)
	}
	if !info.Mode().IsRegular() {
		return Info{}, fault.New(fault.NotFound, "There is no %s", key)
	}
	return Info{key, info.Size(), info.ModTime()}, nil
}

// Delete removes the blob's file. Its folders stay.
func (d *Disk) Delete(ctx context.Context, key string) error {
	path, err := d.enter(ctx, key)
	if err != nil {
		return err
	}
	info, err := d.fs.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = d.fs.Remove(path)
	}
	if absent(err) {
		return nil
	}
	if err == nil {
		err = d.fs.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return diskError(err, "%s cannot be deleted", key)
	}
	return nil
}

// Rename moves the blob's file.
func (d *Disk) Rename(ctx context.Context, from, to string) error {
	if _, err := d.Stat(ctx, from); err != nil {
		return err
	}
	old, err := d.enter(ctx, from)
	if err != nil {
		return err
	}
	path, err := d.enter(ctx, to)
	if err != nil {
		return err
	}
	if err := d.folder(filepath.Dir(path)); err != nil {
		return diskError(err, "No folder for %s can be made", to)
	}
	if err := d.fs.Rename(old, path); err != nil {
		return diskError(err, "%s cannot be renamed to %s", from, to)
	}
	err = d.fs.SyncDir(filepath.Dir(path))
	if filepath.Dir(old) != filepath.Dir(path) {
		err = errors.Join(err, d.fs.SyncDir(filepath.Dir(old)))
	}
	if err != nil {
		return diskError(err, "The new name of %s cannot be made durable", from)
	}
	return nil
}

// Free returns the bytes free on the directory's file system.
func (d *Disk) Free(context.Context) (int64, error) {
	n, err := d.fs.Free(d.dir)
	if err != nil {
		return 0, diskError(err, "The free space cannot be found out")
	}
	return n, nil
}

// List walks the folders that prefix can match.
func (d *Disk) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		start := ""
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			start = prefix[:i]
			if ValidKey(start) != nil {
				return // no key begins so
			}
		}
		d.walk(ctx, start, func(key string, entry fs.DirEntry) bool {
			if !strings.HasPrefix(key, prefix) || ValidKey(key) != nil {
				return true
			}
			info, err := d.Stat(ctx, key)
			if fault.Is(err, fault.NotFound) {
				return true // went while we looked, or is no file
			}
			return yield(info, err) && err == nil
		}, func(err error) { yield(Info{}, err) })
	}
}

// Sweep removes temporary files of writers that no longer exist.
func (d *Disk) Sweep(ctx context.Context, olderThan time.Time) (int, error) {
	var removed int
	var failed error
	d.walk(ctx, "", func(key string, entry fs.DirEntry) bool {
		if !strings.HasPrefix(entry.Name(), tempPrefix) {
			return true
		}
		path := filepath.Join(d.dir, filepath.FromSlash(key))
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(olderThan) || d.isWriting(path) {
			return true
		}
		if err := d.fs.Remove(path); err != nil && !absent(err) {
			failed = errors.Join(failed, err)
			return true
		}
		removed++
		return true
	}, func(err error) { failed = errors.Join(failed, err) })
	if failed != nil {
		return removed, diskError(failed, "Left-over temporary files cannot be removed")
	}
	return removed, nil
}

// walk shows every entry below start that is no directory, as a path with
// slashes relative to the store, until show is false.
func (d *Disk) walk(ctx context.Context, start string, show func(string, fs.DirEntry) bool, fail func(error)) {
	type level struct {
		path    string
		entries []fs.DirEntry
	}
	read := func(path string) (level, bool) {
		entries, err := d.fs.ReadDir(filepath.Join(d.dir, filepath.FromSlash(path)))
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !absent(err) {
			fail(diskError(err, "The folder %q cannot be read", path))
			return level{}, false
		}
		return level{path, entries}, true
	}
	first, ok := read(start)
	for stack := []level{first}; ok && len(stack) > 0; {
		top := &stack[len(stack)-1]
		if len(top.entries) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		entry := top.entries[0]
		top.entries = top.entries[1:]
		path := entry.Name()
		if top.path != "" {
			path = top.path + "/" + path
		}
		if !entry.IsDir() {
			ok = show(path, entry)
			continue
		}
		if ValidKey(path) != nil {
			continue // not ours
		}
		var next level
		if next, ok = read(path); ok {
			stack = append(stack, next)
		}
	}
}

// enter checks what every operation checks first.
func (d *Disk) enter(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return d.Path(key)
}

// folder makes a folder durably, with its parents. That it exists is not
// enough: another writer may have made it a moment ago and not synced yet.
func (d *Disk) folder(path string) error {
	d.mu.Lock()
	_, known := d.folders[path]
	d.mu.Unlock()
	if known {
		if _, err := d.fs.Stat(path); !absent(err) {
			return err
		}
	}
	if err := d.fs.MkdirAll(path, 0o750); err != nil {
		return err
	}
	for p := path; p != d.dir; p = filepath.Dir(p) {
		if err := d.fs.SyncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.folders) >= maxFolders {
		clear(d.folders)
	}
	d.folders[path] = struct{}{}
	return nil
}

func (d *Disk) mark(path string, writing bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if writing {
		d.writing[path] = struct{}{}
	} else {
		delete(d.writing, path)
	}
}

func (d *Disk) isWriting(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.writing[path]
	return ok
}
