package masterbase

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Kind is a kind of file, called as the bucket in which masterbase keeps it.
type Kind string

// Kinds.
const (
	Demos    Kind = "demoblobs" // <id>.dem, late bytes in their place
	Analyses Kind = "jsonblobs" // <id>.json
)

func (k Kind) file(id string) string {
	if k == Analyses {
		return id + ".json"
	}
	return id + ".dem"
}

// File is the bytes of a file. The caller closes it.
type File struct {
	io.ReadCloser
	Size int64
}

// Files is where the files are.
type Files interface {
	// Open opens a file of a session, whose number must be valid;
	// fault.NotFound when there is none. Reading ends with ctx.
	Open(ctx context.Context, kind Kind, id string) (File, error)
	// Demos calls fn with the session and the size of every recording.
	Demos(ctx context.Context, fn func(id string, size int64)) error
	// Close gives back what is held.
	Close() error
}

// demoOf returns the session of a file of Demos, "" when it is none.
func demoOf(file string) string {
	if id, ok := strings.CutSuffix(file, ".dem"); ok && ValidID(id) {
		return id
	}
	return ""
}

// Folder is Files in a folder that holds folders named as the buckets.
type Folder struct {
	name string
	root *os.Root
}

var _ Files = (*Folder)(nil)

// OpenFolder opens a folder. Neither a number nor a link leads out of it. The
// error is fault.NotFound when it does not hold what it should.
func OpenFolder(name string) (*Folder, error) {
	root, err := os.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "There is no folder %s", name)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Forbidden, "%s cannot be opened as a folder", name)
	}
	info, err := root.Stat(string(Demos))
	if err != nil || !info.IsDir() {
		return nil, errors.Join(fault.New(fault.NotFound, "%s holds no folder %s", name, Demos).
			WithHint("name the folder that holds %s and %s", Demos, Analyses), root.Close())
	}
	return &Folder{name, root}, nil
}

// Close implements Files.
func (f *Folder) Close() error { return f.root.Close() }

// Demos implements Files.
func (f *Folder) Demos(ctx context.Context, fn func(id string, size int64)) (err error) {
	dir, err := f.root.Open(string(Demos))
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only read
	for err == nil {
		if err = ctx.Err(); err != nil {
			return err
		}
		var entries []fs.DirEntry
		entries, err = dir.ReadDir(1000)
		for _, e := range entries {
			id := demoOf(e.Name())
			if id == "" {
				continue
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // gone otherwise
				fn(id, info.Size())
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fault.Wrap(err, fault.Forbidden, "%s cannot be read", filepath.Join(f.name, string(Demos)))
}

// Open implements Files.
func (f *Folder) Open(ctx context.Context, kind Kind, id string) (File, error) {
	if !ValidID(id) {
		return File{}, errFile
	}
	name := path.Join(string(kind), kind.file(id))
	shown := filepath.Join(f.name, filepath.FromSlash(name))
	info, err := f.root.Stat(name) // first, since opening a pipe would wait
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return File{}, errFile
	case err != nil:
		return File{}, fault.Wrap(err, fault.Forbidden, "%s cannot be read", shown)
	case info.IsDir(): // as the server of the bucket stores it
		return File{}, fault.New(fault.Invalid, "%s is a folder, as in the data of a MinIO server, and not the file itself", shown).
			WithHint("name the server with --bucket, or copy the files out of it first")
	case !info.Mode().IsRegular():
		return File{}, fault.New(fault.Invalid, "%s is not a file", shown)
	}
	in, err := f.root.Open(name)
	if err != nil {
		return File{}, fault.Wrap(err, fault.Forbidden, "%s cannot be read", shown)
	}
	return File{stopping{ctx, in, shown}, info.Size()}, nil
}

var errFile = fault.New(fault.NotFound, "There is no such file")

// stopping ends with its context, and names the file in errors.
type stopping struct {
	ctx  context.Context
	file *os.File
	name string
}

// Read implements io.Reader.
func (s stopping) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.file.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault.Wrap(err, fault.Unavailable, "%s cannot be read", s.name)
	}
	return n, err
}

// Close implements io.Closer.
func (s stopping) Close() error { return s.file.Close() }
