package steamcmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/steam/vdf"
)

// maxState bounds an appworkshop_<app>.acf.
const maxState = vdf.DefaultMaxBytes

// legacyName matches the single file of an item that was uploaded before
// Workshop content lived in depots: the handle of the upload, then this.
var legacyName = regexp.MustCompile(`^([0-9]{1,20})_legacy\.bin$`)

// Content is the delivered content of an item.
type Content struct {
	// Path is the folder with the content, absolute. It holds regular files
	// and folders and nothing else.
	Path  string
	Files int
	Bytes int64
	// Removed is how many symbolic links and special files were removed.
	Removed int
	// Legacy is the name of the only file of an item in the old manner,
	// "<handle>_legacy.bin": what the author uploaded, often a zip. Handle
	// is its first part. Both are "" for other items.
	Legacy, Handle string
	// Manifest, Updated and Size are what SteamCMD's state file says of the
	// content: the id of the depot manifest, the version in seconds since
	// 1970, the bytes. Where it says nothing they are "", 0 and 0; without
	// Updated there is no proof which version this is.
	Manifest string
	Updated  int64
	Size     int64
}

// escapeError is a path that is not where content may be.
type escapeError struct{ what string }

func (e *escapeError) Error() string { return e.what }

var errNoFiles = errors.New("no files")

// location is where SteamCMD says that content is.
type location struct {
	base   string // the folder that we own, free of symbolic links
	prefix string // from base to the folder that holds "steamapps", "." for none
	item   string // from base to the folder of the item
}

// locate proves that the path which SteamCMD printed leads to the item's
// folder below one of the bases, with no symbolic link on the way. Some
// builds do not heed force_install_dir and put content into the home.
func locate(printed string, app uint32, item uint64, bases ...string) (location, error) {
	suffix := path.Join("steamapps", "workshop", "content", strconv.FormatUint(uint64(app), 10), strconv.FormatUint(item, 10))
	if !filepath.IsAbs(printed) {
		return location{}, &escapeError{"the path of the content is not absolute"}
	}
	for _, name := range bases {
		base, err := filepath.EvalSymlinks(name)
		if err != nil {
			continue // never made
		}
		rel, ok := below(printed, base, name)
		if !ok {
			continue
		}
		rel = filepath.ToSlash(rel)
		if dir, name := path.Split(rel); legacyName.MatchString(name) {
			rel = path.Clean(dir)
		}
		prefix, ok := strings.CutSuffix("./"+rel, suffix)
		if !ok || !strings.HasSuffix(prefix, "/") {
			continue
		}
		return location{base, path.Clean(prefix), rel}, foldersOnly(base, rel)
	}
	return location{}, &escapeError{"the content is not where SteamCMD was told to put it"}
}

// below returns the path from one of the bases, which are names of the same
// folder, to the printed path.
func below(printed string, bases ...string) (string, bool) {
	for _, base := range bases {
		if rel, err := filepath.Rel(base, printed); err == nil && filepath.IsLocal(rel) {
			return rel, true
		}
	}
	return "", false
}

// foldersOnly fails unless each step from base to rel is a folder.
func foldersOnly(base, rel string) error {
	root, err := os.OpenRoot(base)
	if err != nil {
		return err
	}
	defer root.Close()
	for i := range len(rel) + 1 {
		if i < len(rel) && rel[i] != '/' {
			continue
		}
		info, err := root.Lstat(rel[:i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return errNoFiles
		case err != nil:
			return err
		case !info.IsDir():
			return &escapeError{"there is something other than a folder on the way to the content"}
		}
	}
	return nil
}

// take checks the content that SteamCMD says it has delivered and moves it
// to where SteamCMD does not come by again. No process of the run may be left.
func (f *folder) take(printed string, app uint32, item uint64, maxBytes int64, home string) (*Content, error) {
	at, err := locate(printed, app, item, f.root(), home)
	if err != nil {
		return nil, err
	}
	c := &Content{Path: filepath.Join(f.done(), strconv.FormatUint(item, 10))}
	if err := c.inspect(filepath.Join(at.base, filepath.FromSlash(at.item))); err != nil {
		return nil, err
	}
	if c.Bytes > maxBytes {
		return nil, fmt.Errorf("%w: %d bytes of at most %d", errTooLarge, c.Bytes, maxBytes)
	}
	if err := c.readState(at, app, item); err != nil {
		return nil, err
	}
	return c, os.Rename(filepath.Join(at.base, filepath.FromSlash(at.item)), c.Path)
}

var errTooLarge = errors.New("too large")

// inspect counts the files in dir and removes what is neither file nor
// folder, so that nobody who reads the content is led out of it.
func (c *Content) inspect(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	name, entries := "", 0
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			return fmt.Errorf("%w: %w", errTooLarge, errEntries)
		}
		switch {
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			c.Removed++
			return root.Remove(p)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, c.Files, c.Bytes = p, c.Files+1, c.Bytes+info.Size()
		return nil
	})
	if err != nil {
		return err
	}
	if c.Files == 0 {
		return errNoFiles
	}
	if m := legacyName.FindStringSubmatch(name); m != nil && c.Files == 1 {
		c.Legacy, c.Handle = m[0], m[1]
	}
	return nil
}

// readState takes the item's facts from the state file. A file that is
// missing or broken says nothing; only one that cannot be read is an error.
func (c *Content) readState(at location, app uint32, item uint64) error {
	root, err := os.OpenRoot(at.base)
	if err != nil {
		return err
	}
	defer root.Close()
	name := path.Join(at.prefix, "steamapps", "workshop", fmt.Sprintf("appworkshop_%d.acf", app))
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxState+1))
	if err != nil {
		return err
	}
	if w, err := vdf.ParseWorkshop(text); err == nil {
		in := w.Installed[item]
		c.Manifest, c.Updated, c.Size = in.Manifest, in.TimeUpdated, in.Size
	}
	return nil
}
