package modzip

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// QuietFor is how long a folder must stay the same before it is packed: the
// game may still be unpacking into it.
const QuietFor = 10 * time.Second

// File is one regular file of a folder.
type File struct {
	Name    string // relative to the folder, with slashes
	Size    int64
	ModTime time.Time
}

// Listing is what a folder held at one moment, sorted by the bytes of the
// names.
type Listing struct {
	Files []File
	Bytes int64 // sum of the sizes
	// Changed is when the file system last changed anything in the folder:
	// content, names or attributes. It is zero where the system does not say.
	Changed time.Time
}

// Equal reports whether both listings have the same names, sizes and times.
func (l *Listing) Equal(other *Listing) bool {
	return slices.EqualFunc(l.Files, other.Files, func(a, b File) bool {
		return a.Name == b.Name && a.Size == b.Size && a.ModTime.Equal(b.ModTime)
	})
}

// Scan lists the regular files below root, dotfiles included. Links to files
// inside the folder count as files, links to folders are not followed, and a
// link that leaves the folder or leads nowhere is fault.Invalid, as are names
// that cannot be packed. Folders without a file leave no trace.
func Scan(ctx context.Context, root *os.Root, o Limits) (*Listing, error) {
	s := scan{root: root, limits: o.withDefaults(), names: newNames(), list: new(Listing), dirs: []string{"."}}
	for folders := 0; len(s.dirs) > 0; folders++ {
		if folders > s.limits.Entries {
			return nil, fault.New(fault.TooLarge, "the mod's folder holds more than %d folders", s.limits.Entries)
		}
		dir := s.dirs[len(s.dirs)-1]
		s.dirs = s.dirs[:len(s.dirs)-1]
		if err := s.dir(ctx, dir); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(s.list.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return s.list, nil
}

// Quiet returns the listing of a folder that has been the same for QuietFor.
// Where the file system says so, that is known at once; otherwise Quiet waits
// and lists the folder again, and returns fault.Unavailable when something
// changed in between. now and after are the clock's.
func Quiet(ctx context.Context, root *os.Root, now time.Time, after func(time.Duration) <-chan time.Time, o Limits) (*Listing, error) {
	before, err := Scan(ctx, root, o)
	if err != nil {
		return nil, err
	}
	if !before.Changed.IsZero() && now.Sub(before.Changed) >= QuietFor {
		return before, nil
	}
	select {
	case <-after(QuietFor):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	later, err := Scan(ctx, root, o)
	if err != nil {
		return nil, err
	}
	if !later.Equal(before) {
		return nil, errChanged("the mod's folder is still being written")
	}
	return later, nil
}

// ErrBeingWritten is in the chain of an error that says that the folder
// changed while it was looked at: it is not a failure, only too early.
var ErrBeingWritten = errors.New("it changed while it was read")

func errChanged(text string) error {
	return fault.Wrap(ErrBeingWritten, fault.Unavailable, "%s", text).WithRetryAfter(QuietFor)
}

// scan is the state of one Scan.
type scan struct {
	root   *os.Root
	limits Limits
	names  *names
	list   *Listing
	dirs   []string // still to be read

	unknown bool // an entry had no change time
}

func (s *scan) dir(ctx context.Context, dir string) error {
	// The folder's own root saves walking the whole path for every file.
	here, err := s.root.OpenRoot(dir)
	if err != nil {
		return readFault(err, dir)
	}
	defer here.Close() //nolint:errcheck // only read
	f, err := here.Open(".")
	if err != nil {
		return readFault(err, dir)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return readFault(err, dir)
	}
	s.changed(info)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// In portions, so that a folder of a million files costs no more
		// memory than the bound allows.
		batch, err := f.ReadDir(512)
		for _, d := range batch {
			if err := s.entry(here, dir, d.Name(), d.Type()); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readFault(err, dir)
		}
	}
}

func (s *scan) entry(here *os.Root, dir, base string, mode fs.FileMode) error {
	name := path.Join(dir, base)
	if reason := packName(name); reason != "" {
		return fault.New(fault.Invalid, "the mod's folder cannot be packed: %q: %s", name, reason)
	}
	if mode.IsDir() {
		if len(s.dirs) > s.limits.Entries {
			return fault.New(fault.TooLarge, "the mod's folder holds more than %d folders", s.limits.Entries)
		}
		s.dirs = append(s.dirs, name)
		return nil
	}
	link := mode&fs.ModeSymlink != 0
	var info fs.FileInfo
	var err error
	if link {
		info, err = s.root.Stat(name) // fails when the link leaves the mod's folder
	} else {
		info, err = here.Lstat(base)
	}
	switch {
	case err != nil && link:
		return fault.Wrap(err, fault.Invalid, "the mod's folder cannot be packed: %q is a link that leaves the folder or leads nowhere", name)
	case err != nil:
		return readFault(err, name)
	case link && info.IsDir():
		return nil
	case !info.Mode().IsRegular():
		return fault.New(fault.Invalid, "the mod's folder cannot be packed: %q is not a regular file", name)
	}
	s.changed(info)
	return s.add(File{Name: name, Size: info.Size(), ModTime: info.ModTime()})
}

// changed keeps the latest change. One entry without a change time makes the
// whole unknown, for which the zero time stands.
func (s *scan) changed(info fs.FileInfo) {
	t := changeTime(info)
	switch {
	case t.IsZero() || s.unknown:
		s.unknown, s.list.Changed = true, time.Time{}
	case t.After(s.list.Changed):
		s.list.Changed = t
	}
}

func (s *scan) add(f File) error {
	if len(s.list.Files) >= s.limits.Entries {
		return fault.New(fault.TooLarge, "the mod's folder holds more than %d files", s.limits.Entries)
	}
	if s.list.Bytes += f.Size; s.list.Bytes > s.limits.Bytes {
		return fault.New(fault.TooLarge, "the mod's folder holds more than %d bytes", s.limits.Bytes)
	}
	if reason := s.names.add(f.Name); reason != "" {
		return fault.New(fault.Invalid, "the mod's folder cannot be packed: %q: %s", f.Name, reason)
	}
	s.list.Files = append(s.list.Files, f)
	return nil
}

// readFault turns an error of the file system into a fault: a file that went
// away is a folder that is still being written, anything else is for the
// operator to mend.
func readFault(err error, name string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errChanged("the mod's folder is still being written")
	}
	return fault.Wrap(err, fault.Unavailable, "%q in the mod's folder cannot be read", name).
		WithHint("check that the account that runs the daemon may read the folder and everything in it").
		WithRetryAfter(QuietFor)
}
