package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Disk is the operating system's file system. Its files are *os.File, so
// that sendfile and its like stay possible.
var Disk FS = disk{}

type disk struct{}

func (disk) Open(name string) (File, error) { return opened(os.Open(name)) }

func (disk) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	return opened(os.OpenFile(name, flag, perm))
}

func (disk) CreateTemp(dir, pattern string) (File, error) {
	return opened(os.CreateTemp(dir, pattern))
}

func (disk) Rename(oldName, newName string) error         { return os.Rename(oldName, newName) }
func (disk) Remove(name string) error                     { return os.Remove(name) }
func (disk) RemoveAll(path string) error                  { return os.RemoveAll(path) }
func (disk) MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }
func (disk) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error)   { return os.ReadDir(name) }
func (disk) Free(dir string) (int64, error)               { return free(dir) }

func (disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

func (disk) Confine(dir string) (FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return &confined{root: root, dir: abs}, nil
}

// opened keeps a nil *os.File from becoming a File that is not nil.
func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

// confined is a Disk below one directory, by way of os.Root.
type confined struct {
	root *os.Root
	dir  string
}

// rel turns an absolute name into one relative to the root.
func (c *confined) rel(op, name string) (string, error) {
	rel, err := filepath.Rel(c.dir, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", &fs.PathError{Op: op, Path: name, Err: errors.New("path leads out of " + c.dir)}
	}
	return rel, nil
}

func (c *confined) Open(name string) (File, error) {
	rel, err := c.rel("open", name)
	if err != nil {
		return nil, err
	}
	if f, decided, err := OpenLiteral(filepath.Join(c.dir, rel)); err != nil {
		return nil, err
	} else if decided {
		return f, nil
	}
	return c.OpenFile(name, os.O_RDONLY, 0)
}

func (c *confined) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	rel, err := c.rel("open", name)
	if err != nil {
		return nil, err
	}
	f, err := c.root.OpenFile(rel, flag, perm)
	if err != nil {
		return nil, err
	}
	return &confinedFile{File: f, name: name}, nil
}

func (c *confined) CreateTemp(dir, pattern string) (File, error) {
	before, after := pattern, ""
	if i := strings.LastIndexByte(pattern, '*'); i >= 0 {
		before, after = pattern[:i], pattern[i+1:]
	}
	// 128 random bits: a name that is taken already means something is wrong,
	// and O_EXCL then says so.
	name := filepath.Join(dir, before+strings.ToLower(rand.Text())+after)
	return c.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (c *confined) Rename(oldName, newName string) error {
	from, err := c.rel("rename", oldName)
	if err != nil {
		return err
	}
	to, err := c.rel("rename", newName)
	if err != nil {
		return err
	}
	return c.root.Rename(from, to)
}

func (c *confined) Remove(name string) error {
	rel, err := c.rel("remove", name)
	if err != nil {
		return err
	}
	return c.root.Remove(rel)
}

func (c *confined) RemoveAll(path string) error {
	rel, err := c.rel("removeall", path)
	if err != nil {
		return err
	}
	return c.root.RemoveAll(rel)
}

func (c *confined) MkdirAll(path string, perm fs.FileMode) error {
	rel, err := c.rel("mkdir", path)
	if err != nil {
		return err
	}
	return c.root.MkdirAll(rel, perm)
}

func (c *confined) Stat(name string) (fs.FileInfo, error) {
	rel, err := c.rel("stat", name)
	if err != nil {
		return nil, err
	}
	return c.root.Stat(rel)
}

func (c *confined) ReadDir(name string) ([]fs.DirEntry, error) {
	rel, err := c.rel("readdir", name)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(c.root.FS(), filepath.ToSlash(rel))
}

func (c *confined) SyncDir(dir string) error {
	rel, err := c.rel("syncdir", dir)
	if err != nil {
		return err
	}
	f, err := c.root.Open(rel)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(f), f.Close())
}

func (c *confined) Free(dir string) (int64, error) {
	if _, err := c.rel("free", dir); err != nil {
		return 0, err
	}
	return free(dir)
}

func (c *confined) Confine(dir string) (FS, error) {
	rel, err := c.rel("confine", dir)
	if err != nil {
		return nil, err
	}
	root, err := c.root.OpenRoot(rel)
	if err != nil {
		return nil, err
	}
	return &confined{root: root, dir: filepath.Join(c.dir, rel)}, nil
}

// Close gives the directory's handle back. Open files stay open.
func (c *confined) Close() error { return c.root.Close() }

// confinedFile answers Name with the absolute name, as Disk does; an *os.File
// of an os.Root may know only a part of it.
type confinedFile struct {
	*os.File
	name string
}

func (f *confinedFile) Name() string { return f.name }

// OSFile returns the operating system's file below f, looking through
// wrappers that have an Unwrap method. It is false when there is none.
func OSFile(f File) (*os.File, bool) {
	for {
		switch v := f.(type) {
		case *os.File:
			return v, true
		case *confinedFile:
			return v.File, true
		case interface{ Unwrap() File }:
			f = v.Unwrap()
		default:
			return nil, false
		}
	}
}
