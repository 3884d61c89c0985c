// Package durabletest makes file systems fail and clocks stand still.
//
// Faulty fails the N-th call of an operation. Recorder remembers what was
// made durable and produces the disks that a power cut may leave. Clock is
// set by hand.
package durabletest

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// Op is an operation that Faulty can make fail.
type Op string

// The operations. Any counts all of them together.
const (
	Any      Op = "any"
	Open     Op = "open"   // to read
	Create   Op = "create" // to write: OpenFile with a flag, and CreateTemp
	Read     Op = "read"
	Write    Op = "write"
	Sync     Op = "sync"
	Truncate Op = "truncate"
	Close    Op = "close"
	Stat     Op = "stat"
	Rename   Op = "rename"
	Remove   Op = "remove"
	Mkdir    Op = "mkdir"
	ReadDir  Op = "readdir"
	SyncDir  Op = "syncdir"
	Free     Op = "free"
)

// Faulty is a file system whose calls fail as it was told. It is safe for
// concurrent use.
type Faulty struct {
	fs    durable.FS
	rules *rules
}

var _ durable.FS = (*Faulty)(nil)

// rules are shared by a Faulty and those it confines.
type rules struct {
	mu    sync.Mutex
	op    Op
	n     int // the failing call; 0 is none
	last  bool
	short bool
	err   error
	calls map[Op]int
	hits  int
}

// NewFaulty returns a file system that works as fsys does until Fail.
func NewFaulty(fsys durable.FS) *Faulty {
	return &Faulty{fs: fsys, rules: &rules{calls: make(map[Op]int)}}
}

// Fail makes the n-th call of op from now on fail with err, and with lasting
// all those after it. It replaces what was set before and counts anew. A
// file whose Sync failed also fails its next ones: no kernel promises more.
func (f *Faulty) Fail(op Op, n int, err error, lasting bool) {
	r := f.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	r.op, r.n, r.err, r.last, r.hits, r.short = op, n, err, lasting, 0, false
	clear(r.calls)
}

// Short makes a Write that fails write half of its bytes first.
func (f *Faulty) Short() {
	f.rules.mu.Lock()
	defer f.rules.mu.Unlock()
	f.rules.short = true
}

// Heal lets everything work again.
func (f *Faulty) Heal() { f.Fail(Any, 0, nil, false) }

// Calls returns how often op was called since Fail, Heal or the start.
func (f *Faulty) Calls(op Op) int {
	f.rules.mu.Lock()
	defer f.rules.mu.Unlock()
	return f.rules.calls[op]
}

// Hits returns how many calls have failed since Fail.
func (f *Faulty) Hits() int {
	f.rules.mu.Lock()
	defer f.rules.mu.Unlock()
	return f.rules.hits
}

// check counts a call and returns its failure.
func (r *rules) check(op Op, path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[op]++
	r.calls[Any]++
	if r.n == 0 || r.op != Any && r.op != op {
		return nil
	}
	if c := r.calls[r.op]; c == r.n || r.last && c > r.n {
		r.hits++
		return &fs.PathError{Op: string(op), Path: path, Err: r.err}
	}
	return nil
}

// Open opens a file to read.
func (f *Faulty) Open(name string) (durable.File, error) {
	if err := f.rules.check(Open, name); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.Open(name))
}

// OpenFile opens a file; with flag 0 it is Open.
func (f *Faulty) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	op := Create
	if flag == 0 {
		op = Open
	}
	if err := f.rules.check(op, name); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.OpenFile(name, flag, perm))
}

// CreateTemp makes a temporary file.
func (f *Faulty) CreateTemp(dir, pattern string) (durable.File, error) {
	if err := f.rules.check(Create, dir); err != nil {
		return nil, err
	}
	return f.wrap(f.fs.CreateTemp(dir, pattern))
}

func (f *Faulty) wrap(file durable.File, err error) (durable.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: file, rules: f.rules}, nil
}

// Rename renames a file.
func (f *Faulty) Rename(oldName, newName string) error {
	if err := f.rules.check(Rename, newName); err != nil {
		return err
	}
	return f.fs.Rename(oldName, newName)
}

// Remove removes a file.
func (f *Faulty) Remove(name string) error {
	if err := f.rules.check(Remove, name); err != nil {
		return err
	}
	return f.fs.Remove(name)
}

// RemoveAll removes a tree.
func (f *Faulty) RemoveAll(path string) error {
	if err := f.rules.check(Remove, path); err != nil {
		return err
	}
	return f.fs.RemoveAll(path)
}

// MkdirAll makes a directory with its parents.
func (f *Faulty) MkdirAll(path string, perm fs.FileMode) error {
	if err := f.rules.check(Mkdir, path); err != nil {
		return err
	}
	return f.fs.MkdirAll(path, perm)
}

// Stat describes a file.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) {
	if err := f.rules.check(Stat, name); err != nil {
		return nil, err
	}
	return f.fs.Stat(name)
}

// ReadDir lists a directory.
func (f *Faulty) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.rules.check(ReadDir, name); err != nil {
		return nil, err
	}
	return f.fs.ReadDir(name)
}

// SyncDir makes the names in a directory durable.
func (f *Faulty) SyncDir(dir string) error {
	if err := f.rules.check(SyncDir, dir); err != nil {
		return err
	}
	return f.fs.SyncDir(dir)
}

// Free returns the free space.
func (f *Faulty) Free(dir string) (int64, error) {
	if err := f.rules.check(Free, dir); err != nil {
		return 0, err
	}
	return f.fs.Free(dir)
}

// Confine returns a confined file system that fails by the same rules and
// counts with them. Confining itself never fails for them.
func (f *Faulty) Confine(dir string) (durable.FS, error) {
	below, err := f.fs.Confine(dir)
	if err != nil {
		return nil, err
	}
	return &Faulty{fs: below, rules: f.rules}, nil
}

// Close closes a confined file system.
func (f *Faulty) Close() error { return closeFS(f.fs) }

func closeFS(fsys durable.FS) error {
	if c, ok := fsys.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// faultyFile is a file of a Faulty.
type faultyFile struct {
	durable.File
	rules *rules

	mu   sync.Mutex
	lost error // Sync has failed once
}

// Unwrap returns the file below.
func (f *faultyFile) Unwrap() durable.File { return f.File }

func (f *faultyFile) Read(p []byte) (int, error) {
	if err := f.rules.check(Read, f.Name()); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.rules.check(Read, f.Name()); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultyFile) Write(p []byte) (int, error) {
	err := f.rules.check(Write, f.Name())
	if err == nil {
		return f.File.Write(p)
	}
	f.rules.mu.Lock()
	short := f.rules.short
	f.rules.mu.Unlock()
	if !short {
		return 0, err
	}
	n, werr := f.File.Write(p[:len(p)/2])
	return n, errors.Join(err, werr)
}

func (f *faultyFile) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost != nil {
		return f.lost
	}
	f.lost = f.rules.check(Sync, f.Name())
	if f.lost != nil {
		return f.lost
	}
	return f.File.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.rules.check(Truncate, f.Name()); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Stat() (fs.FileInfo, error) {
	if err := f.rules.check(Stat, f.Name()); err != nil {
		return nil, err
	}
	return f.File.Stat()
}

// Close closes the file even when it reports a failure, as close(2) does.
func (f *faultyFile) Close() error {
	return errors.Join(f.rules.check(Close, f.Name()), f.File.Close())
}
