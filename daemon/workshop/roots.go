package workshop

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// Kind says what stands in an operator's folder for a version.
type Kind string

// The kinds.
const (
	Zip    Kind = "zip"    // m<hex>_<version>.zip, served as it is
	Folder Kind = "folder" // m<hex>_<version> or an installed item, packed when asked for
)

// Found is one version in one of the operator's folders.
type Found struct {
	Name Name
	Kind Kind
	// Root is the operator's folder, File the name in it as it is spelled
	// there, which may differ from the canonical one in case and zeros, or the
	// path of an installed item, content/<app>/<id>.
	Root, File string
	// Size is the file's size in bytes, 0 for a folder.
	Size    int64
	ModTime time.Time
	Print   Fingerprint
	// Checked is set once the whole zip was found good. A zip that is not
	// checked yet is served after a look at its directory.
	Checked bool
	// Damage is why the zip is not served, "" when nothing is known against it.
	Damage string

	unread string // why it could not be read
	barred bool   // the account may not read it: it counts as absent
	looked bool   // the directory of this zip is sound, as far as that goes
	proof  proof  // of an installed item
}

// Path returns the absolute path, for people and logs. Opening goes through
// Roots.
func (f Found) Path() string { return filepath.Join(f.Root, f.File) }

// Check is the outcome of reading a whole zip in an operator's folder.
type Check struct {
	Found Found
	// SHA256 of the file; nil when it is damaged.
	SHA256 []byte
	// Damage is nil for a good zip, else a fault.Invalid whose public text
	// is the reason.
	Damage error
	At     time.Time
}

// RootRecords remembers what checks of the operator's files found, so that a
// restart need not read them all again. Implementations are safe for
// concurrent use.
type RootRecords interface {
	// Verdict returns what the last check said of exactly this file: its
	// damage ("" = good). ok is false when the file was never checked or has
	// another fingerprint now. It is called often and must not block.
	Verdict(f Found) (damage string, ok bool)
	// Checked takes the outcome of a check. After an error the file is
	// checked again later.
	Checked(ctx context.Context, c Check) error
}

// RootStatus says how one of the operator's folders is doing.
type RootStatus struct {
	Path string
	// OK is false when the folder cannot be read at all.
	OK bool
	// Folders counts the installed items too.
	Zips, Folders int
	// Unchecked counts the zips that were not read in full yet.
	Unchecked int
	// ScannedAt is when the folder was last read in full.
	ScannedAt time.Time
	// Problems holds at most 100; More counts those left out.
	Problems []RootProblem
	More     int
}

// RootProblem is something about an operator's folder that he should know.
type RootProblem struct {
	Code string // root_missing, root_unreadable, root_empty, root_large, link_outside, name_twice, version_unknown, unreadable, damaged
	Text string
	Hint string
}

// RootsOptions is what Roots needs.
type RootsOptions struct {
	// Dirs are the operator's Workshop folders, absolute, the preferred first:
	// they hold m<hex>_<version>.zip files and m<hex>_<version> folders, or
	// items as Steam installs them, see libraryPlaces.
	Dirs   []string
	Limits modzip.Limits
	// Records may be nil: then every start checks every zip.
	Records RootRecords
	// Changed, when set, is told after each scan or probe which names
	// appeared, changed, went away or were found damaged. It is called from
	// goroutines of Roots without a lock held.
	Changed func([]Name)
	// CheckRate bounds background checks in bytes per second; 0 stands for
	// 32 MiB/s, a negative number for no bound.
	CheckRate int64
	Clock     durable.Clock
	Log       *slog.Logger
	// LogLevel is that of problems with the folders in the log; nil stands
	// for slog.LevelWarn.
	LogLevel slog.Leveler
}

// Roots is the index of the operator's Workshop folders, which are only ever
// read. It is safe for concurrent use.
type Roots struct {
	o      RootsOptions
	mu     sync.RWMutex
	dirs   []*rootDir
	probes chan Name     // asked for, not in the index
	boosts chan Name     // served, not checked yet
	rescan chan struct{} // capacity 1
	check  chan struct{} // capacity 1: there may be something to check
	scanMu sync.Mutex    // one scan at a time
}

// rootDir is one folder; the fields below are guarded by Roots.mu.
type rootDir struct {
	path      string
	zips      map[Name]*Found
	folders   map[Name]*Found
	libraries []library
	status    RootStatus
	modTime   time.Time // of the directory at the last full scan
	settled   bool      // the last full scan saw everything up to modTime
}

// NewRoots returns an index that is empty until Scan or Run.
func NewRoots(o RootsOptions) *Roots {
	if o.CheckRate == 0 {
		o.CheckRate = 32 << 20
	}
	if o.LogLevel == nil {
		o.LogLevel = slog.LevelWarn
	}
	r := &Roots{
		o: o, probes: make(chan Name, 256), boosts: make(chan Name, 64),
		rescan: make(chan struct{}, 1), check: make(chan struct{}, 1),
	}
	for _, dir := range o.Dirs {
		r.dirs = append(r.dirs, &rootDir{path: dir, status: RootStatus{Path: dir, OK: true}})
	}
	return r
}

// Run keeps the index current and checks zips in the background until ctx
// ends. It returns nil then.
func (r *Roots) Run(ctx context.Context) error {
	if len(r.dirs) == 0 {
		<-ctx.Done()
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { r.runScans(ctx); return nil })
	g.Go(func() error { r.runProbes(ctx); return nil })
	g.Go(func() error { r.runChecks(ctx); return nil })
	return g.Wait()
}

// Lookup returns where n lies: a good zip before a folder, then the order of
// the folders. It reads memory only. What is not found is looked for on disk
// soon after, so that asking again finds what has just appeared. With ok
// false Found.Damage tells of a zip that is there but damaged. A zip that the
// account may not read counts as absent, until it may.
func (r *Roots) Lookup(n Name) (found Found, ok bool) {
	if len(r.dirs) == 0 {
		return Found{}, false
	}
	found, ok = r.lookup(n)
	if !ok {
		select {
		case r.probes <- n:
		default: // a scan will find it
		}
	}
	return found, ok
}

func (r *Roots) lookup(n Name) (found Found, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range r.dirs {
		if z := d.zips[n]; z != nil {
			switch {
			case z.Damage != "":
				found = *z
			case !z.barred:
				return *z, true
			}
		}
	}
	for _, d := range r.dirs {
		if f := d.folders[n]; f != nil {
			return *f, true
		}
	}
	return found, false
}

// All yields everything in the index, in no particular order. It works on a
// snapshot.
func (r *Roots) All() iter.Seq[Found] {
	r.mu.RLock()
	var all []Found
	for _, d := range r.dirs {
		for _, z := range d.zips {
			all = append(all, *z)
		}
		for _, f := range d.folders {
			all = append(all, *f)
		}
	}
	r.mu.RUnlock()
	return func(yield func(Found) bool) {
		for _, f := range all {
			if !yield(f) {
				return
			}
		}
	}
}

// Status tells how each folder is doing, in the configured order.
func (r *Roots) Status() []RootStatus {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]RootStatus, 0, len(r.dirs))
	for _, d := range r.dirs {
		s := d.status
		s.Zips, s.Folders = len(d.zips), len(d.folders)
		s.Problems = append([]RootProblem(nil), s.Problems...)
		for _, z := range d.zips {
			if p, ok := z.problem(); ok {
				s.add(p)
			}
			if z.Damage == "" && !z.Checked {
				s.Unchecked++
			}
		}
		all = append(all, s)
	}
	return all
}

// problem is what is wrong with the one file.
func (f *Found) problem() (RootProblem, bool) {
	switch {
	case f.Damage != "":
		return RootProblem{
			Code: "damaged", Text: f.Path() + " is " + damagedText(f.Damage),
			Hint: "replace or remove the file; until then the version is looked for elsewhere",
		}, true
	case f.unread != "":
		return RootProblem{Code: "unreadable", Text: f.Path() + " cannot be read: " + f.unread, Hint: hintReadable}, true
	}
	return RootProblem{}, false
}

// damagedText says of a zip in one of the operator's folders that it is damaged
// and why: in problems, in the log, and as the reason of the version.
func damagedText(why string) string { return damagedPrefix + why }

const damagedPrefix = "damaged and not served: "

func (s *RootStatus) add(p RootProblem) {
	if len(s.Problems) >= 100 {
		s.More++
		return
	}
	s.Problems = append(s.Problems, p)
}

// Open opens the zip of n for serving. The file is the one that Found
// describes: size and fingerprint are read from the open file. It returns
// fault.NotFound when no folder holds a zip of n, fault.Invalid when it is
// damaged, and fault.Unavailable when it is still being written or cannot be
// read now. The error is an fs.ErrPermission, too, when nothing else keeps the
// zip from being served than that the account may not read it.
func (r *Roots) Open(ctx context.Context, n Name) (*os.File, Found, error) {
	var failed error
	for _, d := range r.dirs {
		r.mu.RLock()
		var z Found
		have := d.zips[n]
		if have != nil {
			z = *have
		}
		r.mu.RUnlock()
		if have == nil {
			continue
		}
		f, z, err := r.openZip(ctx, d, z)
		if err == nil {
			return f, z, nil
		}
		if failed == nil || !errors.Is(err, fs.ErrPermission) {
			failed = err
		}
	}
	if failed == nil {
		failed = fault.New(fault.NotFound, "%s is in none of the Workshop folders", n.File())
	}
	return nil, Found{}, failed
}

// OpenFolder opens the folder of n for packing; the caller closes it. It
// returns fault.NotFound when no root holds one.
func (r *Roots) OpenFolder(ctx context.Context, n Name) (*os.Root, Found, error) {
	r.Probe(ctx, n)
	r.mu.RLock()
	var found *Found
	for _, d := range r.dirs {
		if found = d.folders[n]; found != nil {
			break
		}
	}
	r.mu.RUnlock()
	if found == nil {
		return nil, Found{}, fault.New(fault.NotFound, "%s is in none of the Workshop folders", n)
	}
	root, err := os.OpenRoot(found.Root)
	if err != nil {
		return nil, Found{}, unreadable(err, found.Root)
	}
	defer root.Close() //nolint:errcheck // only read
	folder, err := root.OpenRoot(found.File)
	if err != nil {
		return nil, Found{}, unreadable(err, found.Path())
	}
	return folder, *found, nil
}

// maxVersion has the twelve digits that a request may have.
const maxVersion = 999_999_999_999

// parseStem reads "m<hex>_<version>" in any case and with leading zeros.
func parseStem(s string) (Name, bool) {
	if s == "" || s[0] != 'm' && s[0] != 'M' {
		return Name{}, false
	}
	hex, dec, ok := strings.Cut(s[1:], "_")
	if !ok || hex == "" || dec == "" || strings.Trim(hex, "0123456789abcdefABCDEF") != "" || strings.Trim(dec, "0123456789") != "" {
		return Name{}, false
	}
	item, err := strconv.ParseUint(hex, 16, 64)
	if err != nil {
		return Name{}, false
	}
	version, err := strconv.ParseInt(dec, 10, 64)
	if err != nil || version > maxVersion {
		return Name{}, false
	}
	return Name{Item: ItemID(item), Version: version}, true
}

// parseFile reads a name in a Workshop folder, with or without ".zip".
func parseFile(file string) (n Name, zip, ok bool) {
	stem := file
	if i := len(file) - len(".zip"); i > 0 && strings.EqualFold(file[i:], ".zip") {
		stem, zip = file[:i], true
	}
	n, ok = parseStem(stem)
	return n, zip, ok
}
