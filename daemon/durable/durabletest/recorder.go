package durabletest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// Recorder is a file system that works as the one below it does and
// remembers every change beneath its root, and which of them a sync has made
// durable. CrashStates and Rewrite turn that into the disks that a power cut
// may leave. It is safe for concurrent use.
//
// What it promises is as little as POSIX does: content is durable after
// Sync of the file, a name after SyncDir of its directory. Until then any
// part of the content and any number of the directory's latest changes may
// be missing. A rename within one directory is one change.
type Recorder struct {
	fs   durable.FS
	tape *tape
}

var _ durable.FS = (*Recorder)(nil)

// tape is shared by a Recorder and those it confines.
type tape struct {
	root string

	mu      sync.Mutex
	log     []change
	live    map[string]int // relative path to inode, as readers see it
	inodes  int
	base    map[string]int // the tree at the start, which is durable
	content map[int][]byte // what the files of base held
}

type kind uint8

const (
	wrote     kind = iota // data at off of inode
	truncated             // inode to off bytes
	synced                // inode
	linked                // name in dir is inode
	unlinked              // name in dir is nothing
	renamed               // name in dir is now to in toDir
	dirSynced             // dir
)

// change is one entry of the log. Paths are relative to the root.
type change struct {
	kind     kind
	inode    int
	off      int64
	data     []byte
	path, to string
}

// dirInode marks a name that is a directory.
const dirInode = 0

// NewRecorder begins to record what happens below root on fsys. What is
// there already counts as durable.
func NewRecorder(fsys durable.FS, root string) (*Recorder, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	t := &tape{root: root, live: map[string]int{".": dirInode}, base: map[string]int{".": dirInode}, content: map[int][]byte{}}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel := t.rel(path)
		if e.IsDir() {
			t.live[rel], t.base[rel] = dirInode, dirInode
			return nil
		}
		t.inodes++
		t.live[rel], t.base[rel] = t.inodes, t.inodes
		t.content[t.inodes], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Recorder{fs: fsys, tape: t}, nil
}

// rel returns the path below the root, "" for one outside.
func (t *tape) rel(path string) string {
	rel, err := filepath.Rel(t.root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// Changes returns the number of changes so far. A test notes it when
// something is acknowledged: every State from then on must hold it.
func (r *Recorder) Changes() int {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	return len(r.tape.log)
}

// Open opens a file to read.
func (r *Recorder) Open(name string) (durable.File, error) { return r.fs.Open(name) }

// OpenFile opens a file.
func (r *Recorder) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := r.fs.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return t.opened(f, flag&os.O_TRUNC != 0), nil
}

// CreateTemp makes a temporary file.
func (r *Recorder) CreateTemp(dir, pattern string) (durable.File, error) {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := r.fs.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return t.opened(f, false), nil
}

// opened wraps a file and notes its name when it is new. mu is held.
func (t *tape) opened(f durable.File, cut bool) durable.File {
	rel := t.rel(f.Name())
	if rel == "" {
		return f
	}
	inode, known := t.live[rel]
	switch {
	case !known:
		t.inodes++
		inode = t.inodes
		t.live[rel] = inode
		t.log = append(t.log, change{kind: linked, path: rel, inode: inode})
	case inode != dirInode && cut:
		t.log = append(t.log, change{kind: truncated, inode: inode})
	}
	return &recordedFile{File: f, tape: t, inode: inode}
}

// Rename renames a file or directory.
func (r *Recorder) Rename(oldName, newName string) error {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.fs.Rename(oldName, newName); err != nil {
		return err
	}
	c := change{kind: renamed, path: t.rel(oldName), to: t.rel(newName)}
	c.apply(t.live)
	t.log = append(t.log, c)
	return nil
}

// Remove removes a file or an empty directory.
func (r *Recorder) Remove(name string) error {
	return r.remove(name, r.fs.Remove)
}

// RemoveAll removes a tree.
func (r *Recorder) RemoveAll(path string) error {
	return r.remove(path, r.fs.RemoveAll)
}

func (r *Recorder) remove(name string, remove func(string) error) error {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := remove(name); err != nil {
		return err
	}
	c := change{kind: unlinked, path: t.rel(name)}
	c.apply(t.live)
	t.log = append(t.log, c)
	return nil
}

// MkdirAll makes a directory with its parents.
func (r *Recorder) MkdirAll(path string, perm fs.FileMode) error {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.fs.MkdirAll(path, perm); err != nil {
		return err
	}
	rel := t.rel(path)
	if rel == "" {
		return nil
	}
	for i := 0; i <= len(rel); i++ {
		if i < len(rel) && rel[i] != '/' {
			continue
		}
		if _, known := t.live[rel[:i]]; !known && i > 0 {
			c := change{kind: linked, path: rel[:i], inode: dirInode}
			c.apply(t.live)
			t.log = append(t.log, c)
		}
	}
	return nil
}

// Stat describes a file.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) { return r.fs.Stat(name) }

// ReadDir lists a directory.
func (r *Recorder) ReadDir(name string) ([]fs.DirEntry, error) { return r.fs.ReadDir(name) }

// SyncDir makes the names in a directory durable.
func (r *Recorder) SyncDir(dir string) error {
	t := r.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.fs.SyncDir(dir); err != nil {
		return err
	}
	t.log = append(t.log, change{kind: dirSynced, path: t.rel(dir)})
	return nil
}

// Free returns the free space.
func (r *Recorder) Free(dir string) (int64, error) { return r.fs.Free(dir) }

// Confine returns a confined file system that records on the same tape.
func (r *Recorder) Confine(dir string) (durable.FS, error) {
	below, err := r.fs.Confine(dir)
	if err != nil {
		return nil, err
	}
	return &Recorder{fs: below, tape: r.tape}, nil
}

// Close closes a confined file system.
func (r *Recorder) Close() error { return closeFS(r.fs) }

// apply changes a tree of names. A change whose directory is not there has
// no effect.
func (c change) apply(tree map[string]int) {
	switch c.kind {
	case linked:
		if parent, ok := tree[dir(c.path)]; ok && parent == dirInode {
			tree[c.path] = c.inode
		}
	case unlinked:
		move(tree, c.path, "")
	case renamed:
		if parent, ok := tree[dir(c.to)]; ok && parent == dirInode {
			move(tree, c.path, c.to)
		} else {
			move(tree, c.path, "")
		}
	}
}

// move renames path and all below it; to "" removes them.
func move(tree map[string]int, path, to string) {
	moved := map[string]int{}
	for name, inode := range tree {
		rest, below := strings.CutPrefix(name, path)
		if !below || rest != "" && rest[0] != '/' || path == "" {
			continue
		}
		delete(tree, name)
		if to != "" {
			moved[to+rest] = inode
		}
	}
	for name, inode := range moved {
		tree[name] = inode
	}
}

func dir(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

// recordedFile is a file of a Recorder.
type recordedFile struct {
	durable.File
	tape  *tape
	inode int
}

// Unwrap returns the file below.
func (f *recordedFile) Unwrap() durable.File { return f.File }

func (f *recordedFile) Write(p []byte) (int, error) {
	f.tape.mu.Lock()
	defer f.tape.mu.Unlock()
	n, err := f.File.Write(p)
	end, serr := f.Seek(0, io.SeekCurrent)
	if serr != nil {
		return n, errors.Join(err, serr)
	}
	f.tape.log = append(f.tape.log, change{kind: wrote, inode: f.inode, off: end - int64(n), data: append([]byte(nil), p[:n]...)})
	return n, err
}

func (f *recordedFile) Truncate(size int64) error {
	f.tape.mu.Lock()
	defer f.tape.mu.Unlock()
	if err := f.File.Truncate(size); err != nil {
		return err
	}
	f.tape.log = append(f.tape.log, change{kind: truncated, inode: f.inode, off: size})
	return nil
}

func (f *recordedFile) Sync() error {
	f.tape.mu.Lock()
	defer f.tape.mu.Unlock()
	if err := f.File.Sync(); err != nil {
		return err
	}
	f.tape.log = append(f.tape.log, change{kind: synced, inode: f.inode})
	return nil
}
