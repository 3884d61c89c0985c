package workshop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/vdf"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// libraryPlaces is where, below an operator's folder, Steam and its kin keep
// installed items: the mod storage of a Natural Selection 2 server (since
// build 340) or steamapps/workshop itself, steamapps, and the folder that
// holds steamapps, which is where a game, a server or SteamCMD is installed.
var libraryPlaces = []string{".", "workshop", filepath.Join("steamapps", "workshop")}

// library is the installed items of one app: content/<app>/<decimal id> and,
// beside content, the file appworkshop_<app>.acf that says which version each
// of them is. Values are immutable.
type library struct {
	dir   string // content/<app>, relative to the root
	state string // appworkshop_<app>.acf, relative to the root
	// dirPrint and print are the fingerprints of the two; print is zero when
	// there is no state file.
	dirPrint, print Fingerprint
	// items is what the state file says. It is nil when it cannot be read.
	items map[uint64]vdf.Installed
}

// same reports whether neither folder nor state file changed in between.
func (l *library) same(o *library) bool {
	return l.dir == o.dir && l.state == o.state && l.dirPrint == o.dirPrint && l.print == o.print
}

// proof is what says which version an installed item is. It is zero for a
// folder whose name says so.
type proof struct {
	state string // the state file, relative to the root
	item  vdf.Installed
}

// survey finds the libraries of the root. What their state files say is not
// read yet. newest is the latest modification time that it saw.
func (s *rootScan) survey() (libs []library, newest time.Time) {
	look := func(path string) (Fingerprint, bool) {
		info, err := s.root.Stat(path)
		if err != nil {
			return Fingerprint{}, false
		}
		newest = latest(newest, info.ModTime())
		return fingerprintOf(info), true
	}
	for _, place := range libraryPlaces {
		content := filepath.Join(place, "content")
		info, err := s.root.Stat(content)
		if err == nil && !info.IsDir() {
			continue
		}
		var f *os.File
		if err == nil {
			f, err = s.root.Open(content)
		}
		if err != nil {
			s.libraryProblem(content, err)
			continue
		}
		entries, err := f.ReadDir(maxApps)
		f.Close() //nolint:errcheck // only read
		if err != nil && !errors.Is(err, io.EOF) {
			continue // gone
		}
		for _, e := range entries {
			if app := decimal(e.Name()); app == 0 || app != uint64(uint32(app)) {
				continue
			}
			lib := library{dir: filepath.Join(content, e.Name()), state: filepath.Join(place, "appworkshop_"+e.Name()+".acf")}
			var ok bool
			if lib.dirPrint, ok = look(lib.dir); ok {
				lib.print, _ = look(lib.state)
				libs = append(libs, lib)
			}
		}
	}
	return libs, newest
}

// maxApps bounds the apps of one place; Steam has some hundred thousand, an
// installation a few.
const maxApps = 10_000

// decimal reads a number as Steam writes it, 0 for anything else.
func decimal(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0
	}
	return n
}

// libraryProblem reports what keeps a library from being read, unless there
// is none.
func (s *rootScan) libraryProblem(path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := s.root.Lstat(path); err != nil {
			return
		}
	}
	var mode fs.FileMode
	if info, err := s.root.Lstat(path); err == nil {
		mode = info.Mode().Type()
	}
	s.status.add(entryProblem(err, s.dir.path, path, mode))
}

// library enters the items of one library.
func (s *rootScan) library(ctx context.Context, lib *library) error {
	var stateErr error
	lib.items, lib.print, stateErr = readState(s.root, lib.state)
	f, err := s.root.Open(lib.dir)
	if err != nil {
		s.libraryProblem(lib.dir, err)
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	unproven := false
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := f.ReadDir(1024)
		for _, e := range batch {
			unproven = s.item(lib, e) || unproven
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.libraryProblem(lib.dir, err)
			return nil
		}
	}
	if unproven && lib.items == nil {
		s.status.add(stateProblem(s.dir.path, lib, stateErr))
	}
	return nil
}

// item enters one item of a library. It reports true for one whose version
// nothing says.
func (s *rootScan) item(lib *library, e fs.DirEntry) (unproven bool) {
	id := decimal(e.Name())
	if id == 0 {
		return false
	}
	n, p, ok := lib.version(id)
	if !ok {
		return true
	}
	if s.folders[n] != nil || s.full() {
		return false
	}
	file := filepath.Join(lib.dir, e.Name())
	f, err := statFound(s.root, s.dir.path, file, e.Type())
	switch {
	case err != nil:
		s.libraryProblem(file, err)
	case f != nil && f.Kind == Folder:
		f.Name, f.proof = n, p
		s.folders[n] = f
	}
	return false
}

// version says which version of the item is installed.
func (l *library) version(id uint64) (Name, proof, bool) {
	in := l.items[id]
	if in.TimeUpdated <= 0 || in.TimeUpdated > maxVersion {
		return Name{}, proof{}, false
	}
	return Name{Item: ItemID(id), Version: in.TimeUpdated}, proof{l.state, in}, true
}

// readState reads a state file. The error is fs.ErrNotExist without one.
func readState(root *os.Root, path string) (map[uint64]vdf.Installed, Fingerprint, error) {
	info, err := root.Stat(path)
	if err != nil {
		return nil, Fingerprint{}, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, fingerprintOf(info), fs.ErrInvalid
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, Fingerprint{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	if info, err = f.Stat(); err != nil {
		return nil, Fingerprint{}, err
	}
	print := fingerprintOf(info)
	text, err := io.ReadAll(io.LimitReader(f, vdf.DefaultMaxBytes+1))
	if err != nil {
		return nil, print, err
	}
	w, err := vdf.ParseWorkshop(text)
	if err != nil {
		return nil, print, err
	}
	return w.Installed, print, nil
}

// stateProblem says why nobody knows the versions of the items of a library.
func stateProblem(root string, lib *library, err error) RootProblem {
	p := RootProblem{
		Code: "version_unknown",
		Text: fmt.Sprintf("nobody knows the versions of the items in %s, because %s does not exist", filepath.Join(root, lib.dir), filepath.Join(root, lib.state)),
		Hint: "copy the file from where the items were installed, or name the folder that holds both in workshop.roots",
	}
	if !errors.Is(err, fs.ErrNotExist) {
		p.Text = fmt.Sprintf("nobody knows the versions of the items in %s, because %s cannot be read: %v",
			filepath.Join(root, lib.dir), filepath.Join(root, lib.state), reason(err))
		p.Hint = "the game server writes the file anew when it installs or updates an item; " + hintReadable
	}
	return p
}

// probeLibraries looks in the libraries of a root for the item of n, and
// reads a state file anew if it changed.
func (r *Roots) probeLibraries(root *os.Root, d *rootDir, n Name) (changed bool) {
	r.mu.RLock()
	libs, old := d.libraries, d.folders[n]
	r.mu.RUnlock()
	if old != nil && old.proof == (proof{}) {
		return false // a folder whose name says the version goes first
	}
	var found *Found
	for i := range libs {
		lib := r.refresh(root, d, i, libs[i])
		now, p, ok := lib.version(uint64(n.Item))
		if !ok || now != n || found != nil {
			continue
		}
		f, err := statFound(root, d.path, filepath.Join(lib.dir, n.Item.String()), fs.ModeSymlink)
		if err == nil && f != nil && f.Kind == Folder {
			f.Name, f.proof = n, p
			found = f
		}
	}
	switch {
	case found != nil:
		return r.put(d, found)
	case old != nil:
		r.drop(d, *old)
		return true
	}
	return false
}

// refresh returns the library as it is now, and keeps it.
func (r *Roots) refresh(root *os.Root, d *rootDir, i int, lib library) library {
	info, err := root.Stat(lib.state)
	if err == nil && fingerprintOf(info) == lib.print {
		return lib
	}
	items, print, err := readState(root, lib.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return lib // it may be being written; a scan reports what lasts
	}
	old := lib
	lib.items, lib.print = items, print
	r.mu.Lock()
	defer r.mu.Unlock()
	if i < len(d.libraries) && d.libraries[i].same(&old) {
		d.libraries = slices.Clone(d.libraries)
		d.libraries[i] = lib
		d.settled = false // a scan takes in what else it says
		signal(r.rescan)
	}
	return lib
}

// Proven returns nil if what f lies in is still known to be the version that
// f says: its name says it, or the state file that said so says the same now.
// Otherwise it is fault.Unavailable.
func (r *Roots) Proven(f Found) error {
	if f.proof == (proof{}) {
		return nil
	}
	root, err := os.OpenRoot(f.Root)
	if err != nil {
		return unreadable(err, f.Root)
	}
	defer root.Close() //nolint:errcheck // only read
	items, _, err := readState(root, f.proof.state)
	if err == nil && items[uint64(f.Name.Item)] == f.proof.item {
		return nil
	}
	return fault.Wrap(errors.Join(modzip.ErrBeingWritten, err), fault.Unavailable,
		"%s says something else about %s now", filepath.Join(f.Root, f.proof.state), f.Name.Item).WithRetryAfter(modzip.QuietFor)
}
