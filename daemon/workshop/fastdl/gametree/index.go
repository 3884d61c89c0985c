package gametree

import (
	"cmp"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// File is a file that may be served.
type File struct {
	// Path is the name relative to the game folder, with slashes, spelled as
	// on disk.
	Path string
	// Root is the game folder, Real the name below it to open: another one
	// than Path when links lie on the way.
	Root, Real string
	Size       int64
	ModTime    time.Time

	order int // of Root
}

// Name returns the absolute path, for people and logs.
func (f File) Name() string { return filepath.Join(f.Root, filepath.FromSlash(f.Path)) }

// Same reports whether the file on disk is the one that f describes, as far
// as its size and time tell.
func (f File) Same(o File) bool { return f.Size == o.Size && f.ModTime.Equal(o.ModTime) }

// Open opens the file and describes it anew from the open handle. It never
// leaves the root. It returns fault.NotFound when the file is gone and
// fault.Unavailable when it cannot be read.
func (f File) Open() (*os.File, File, error) {
	root, err := os.OpenRoot(f.Root)
	if err != nil {
		return nil, f, unreadable(err, f)
	}
	defer root.Close() //nolint:errcheck // only read
	file, err := root.Open(filepath.FromSlash(f.Real))
	if err != nil {
		return nil, f, unreadable(err, f)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = os.ErrNotExist
	}
	if err != nil {
		file.Close() //nolint:errcheck // only read
		return nil, f, unreadable(err, f)
	}
	f.Size, f.ModTime = info.Size(), info.ModTime()
	return file, f, nil
}

func unreadable(err error, f File) error {
	if os.IsNotExist(err) {
		return fault.Wrap(err, fault.NotFound, "%s is gone", f.Name())
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be read", f.Name()).WithHint("%s", hintReadable)
}

// Index holds the files of a tree. It is safe for concurrent use.
type Index struct {
	mu    sync.RWMutex
	files map[string][]File // by folded path, in the order of preference
	count int
}

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{files: map[string][]File{}} }

// Lookup finds a path in any case. The exact spelling wins, then the order of
// the roots, then the order of the names.
func (x *Index) Lookup(p string) (File, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	same := x.files[Fold(p)]
	for _, f := range same {
		if f.Path == p {
			return f, true
		}
	}
	if len(same) == 0 {
		return File{}, false
	}
	return same[0], true
}

// Add puts a file in, or replaces what is known of it.
func (x *Index) Add(f File) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := Fold(f.Path)
	same := slices.Clone(x.files[key]) // readers may hold the old one
	if i := slices.IndexFunc(same, func(o File) bool { return o.order == f.order && o.Path == f.Path }); i >= 0 {
		same[i] = f
	} else {
		same = append(same, f)
		x.count++
	}
	slices.SortFunc(same, func(a, b File) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Path, b.Path)) })
	x.files[key] = same
}

// Drop takes a file out that is gone.
func (x *Index) Drop(f File) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := Fold(f.Path)
	left := slices.DeleteFunc(slices.Clone(x.files[key]), func(o File) bool { return o.order == f.order && o.Path == f.Path })
	x.count -= len(x.files[key]) - len(left)
	x.files[key] = left
	if len(left) == 0 {
		delete(x.files, key)
	}
}

// Len returns how many files there are, counting those of the same name in
// several roots or cases each.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.count
}

// All yields the files in the order of their folded paths, those of one path
// together, the preferred first. It works on a snapshot.
func (x *Index) All() iter.Seq[[]File] {
	x.mu.RLock()
	keys := slices.Sorted(maps.Keys(x.files))
	groups := make([][]File, len(keys))
	for i, key := range keys {
		groups[i] = x.files[key]
	}
	x.mu.RUnlock()
	return slices.Values(groups)
}
