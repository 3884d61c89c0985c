package workshop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	scanEvery = time.Minute
	// fullScanEvery is how often a folder is read although its modification
	// time says that nothing was added: network file systems cache it.
	fullScanEvery = 10 * time.Minute
	// mtimeGrain is the coarsest modification time of a file system in use
	// (FAT: two seconds). A change within it may not show.
	mtimeGrain = 2 * time.Second
	// maxRootEntries bounds the memory of one folder's index.
	maxRootEntries = 500_000

	hintReadable = "let the account that runs the daemon read the folder and everything in it"
)

func (r *Roots) runScans(ctx context.Context) {
	for {
		if err := r.Scan(ctx); err != nil {
			return
		}
		select {
		case <-r.o.Clock.After(scanEvery):
		case <-r.rescan:
		case <-ctx.Done():
			return
		}
	}
}

// Rescan asks Run to scan soon.
func (r *Roots) Rescan() { signal(r.rescan) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Scan reads the folders that may have changed and brings the index up to
// date. A folder that cannot be read becomes a problem in Status and never an
// error: the only error is ctx's.
func (r *Roots) Scan(ctx context.Context) error {
	r.scanMu.Lock()
	defer r.scanMu.Unlock()
	for _, d := range r.dirs {
		s := &rootScan{dir: d, started: r.o.Clock.Now(), zips: map[Name]*Found{}, folders: map[Name]*Found{}}
		unchanged, err := s.run(ctx, r.lastScan(d))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if unchanged {
			continue
		}
		if err != nil {
			s.zips, s.folders, s.libraries = nil, nil, nil
			s.status = RootStatus{Problems: []RootProblem{rootProblem(err, d.path)}}
		}
		r.apply(s, err)
	}
	signal(r.check)
	return nil
}

// lastScan is what the scan needs to know of the one before.
type lastScan struct {
	at, modTime time.Time
	settled     bool
	libraries   []library
}

func (r *Roots) lastScan(d *rootDir) lastScan {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return lastScan{at: d.status.ScannedAt, modTime: d.modTime, settled: d.settled && d.status.OK, libraries: d.libraries}
}

// rootScan is one reading of one folder.
type rootScan struct {
	dir       *rootDir
	root      *os.Root
	started   time.Time
	modTime   time.Time // of the folder
	newest    time.Time // of the folder and of the libraries
	zips      map[Name]*Found
	folders   map[Name]*Found
	libraries []library
	status    RootStatus
}

// run reads the folder. It reports unchanged when the folder has the
// modification time that the last scan saw, and its libraries are the same.
func (s *rootScan) run(ctx context.Context, last lastScan) (unchanged bool, err error) {
	// Opened anew each time: a handle kept would show the old directory after
	// a mount, and would keep the operator from unmounting.
	if s.root, err = os.OpenRoot(s.dir.path); err != nil {
		return false, err
	}
	defer s.root.Close() //nolint:errcheck // only read
	f, err := s.root.Open(".")
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	s.modTime = info.ModTime()
	s.libraries, s.newest = s.survey()
	s.newest = latest(s.newest, s.modTime)
	same := slices.EqualFunc(s.libraries, last.libraries, func(a, b library) bool { return a.same(&b) })
	if same && last.settled && last.modTime.Equal(s.modTime) && s.started.Sub(last.at) < fullScanEvery {
		return true, nil
	}
	return false, s.read(ctx, f)
}

// read takes everything that the folder and its libraries hold.
func (s *rootScan) read(ctx context.Context, f *os.File) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := f.ReadDir(1024)
		for _, entry := range batch {
			s.entry(entry.Name(), entry.Type())
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for i := range s.libraries {
		if err := s.library(ctx, &s.libraries[i]); err != nil {
			return err
		}
	}
	if len(s.zips)+len(s.folders)+len(s.status.Problems) == 0 {
		s.status.add(RootProblem{
			Code: "root_empty", Text: s.dir.path + " holds neither m<hex>_<version>.zip files nor m<hex>_<version> folders, and no installed items",
			Hint: "if mods should be there, check that the disk is mounted and that the path names the Workshop folder itself; " +
				"items that Steam installed lie in content/<app>/<id> of it",
		})
	}
	return nil
}

// full reports whether the index has no room for more, which is a problem of
// its own.
func (s *rootScan) full() bool {
	if len(s.zips)+len(s.folders) < maxRootEntries {
		return false
	}
	if s.status.More++; s.status.More == 1 {
		s.status.add(RootProblem{Code: "root_large", Text: fmt.Sprintf("%s holds more than %d versions; the rest is left out", s.dir.path, maxRootEntries)})
	}
	return true
}

// entry takes one name of the folder.
func (s *rootScan) entry(file string, mode fs.FileMode) {
	n, zip, ok := parseFile(file)
	if !ok || s.full() {
		return
	}
	f, err := statFound(s.root, s.dir.path, file, mode)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) || mode&fs.ModeSymlink != 0 {
			s.status.add(entryProblem(err, s.dir.path, file, mode))
		}
		return
	}
	if f == nil || zip != (f.Kind == Zip) {
		return
	}
	f.Name = n
	into, canonical := s.folders, n.String()
	if zip {
		into, canonical = s.zips, n.File()
	}
	if other := into[n]; other != nil {
		if file == canonical || other.File != canonical && file < other.File {
			other, into[n] = f, f
		}
		s.status.add(RootProblem{
			Code: "name_twice", Text: fmt.Sprintf("%s holds %s under several spellings; %s is used", s.dir.path, canonical, into[n].File),
			Hint: "keep the right one and remove or rename the other",
		})
		return
	}
	into[n] = f
}

// statFound describes a file or folder, nil if it is neither. A link is
// followed as long as it stays inside the root.
func statFound(root *os.Root, dir, file string, mode fs.FileMode) (*Found, error) {
	stat := root.Lstat
	if mode&fs.ModeSymlink != 0 {
		stat = root.Stat
	}
	info, err := stat(file)
	if err != nil {
		return nil, err
	}
	f := &Found{Root: dir, File: file, ModTime: info.ModTime(), Print: fingerprintOf(info)}
	switch {
	case info.IsDir():
		f.Kind = Folder
	case info.Mode().IsRegular():
		f.Kind, f.Size = Zip, info.Size()
	default:
		return nil, nil
	}
	return f, nil
}

// apply puts a finished scan into the index.
func (r *Roots) apply(s *rootScan, failed error) {
	d := s.dir
	for _, z := range s.zips {
		r.recall(z)
	}
	r.mu.Lock()
	// What this process found goes over what is written down.
	for n, z := range s.zips {
		if old := d.zips[n]; old != nil && old.Print == z.Print && old.File == z.File && (old.Checked || old.Damage != "" || old.unread != "") {
			z.Checked, z.Damage, z.unread, z.barred = old.Checked, old.Damage, old.unread, old.barred
		}
	}
	changed := append(differences(d.zips, s.zips), differences(d.folders, s.folders)...)
	before := d.status
	d.zips, d.folders, d.libraries = s.zips, s.folders, s.libraries
	d.modTime, d.settled = s.modTime, failed == nil && s.started.Sub(s.newest) > mtimeGrain
	d.status = s.status
	d.status.Path, d.status.OK, d.status.ScannedAt = d.path, failed == nil, s.started
	r.mu.Unlock()
	r.report(before, s.status, failed, d.path)
	r.changed(changed)
}

// recall takes over what an earlier run of the daemon found.
func (r *Roots) recall(z *Found) {
	if r.o.Records == nil || z.Checked || z.Damage != "" {
		return
	}
	if damage, ok := r.o.Records.Verdict(*z); ok {
		z.Damage, z.Checked = damage, damage == ""
	}
}

func differences(old, now map[Name]*Found) []Name {
	var names []Name
	for n, f := range now {
		if o := old[n]; o == nil || *o != *f {
			names = append(names, n)
		}
	}
	for n := range old {
		if now[n] == nil {
			names = append(names, n)
		}
	}
	return names
}

func (r *Roots) changed(names []Name) {
	if len(names) > 0 && r.o.Changed != nil {
		r.o.Changed(names)
	}
}

// report logs what is new, so that a lasting problem does not fill the log.
func (r *Roots) report(before, now RootStatus, failed error, path string) {
	known := make(map[string]bool, len(before.Problems))
	for _, p := range before.Problems {
		known[p.Text] = true
	}
	for _, p := range now.Problems {
		if !known[p.Text] {
			Problem(p).log(r.o.Log, r.o.LogLevel.Level())
		}
	}
	if failed == nil && !before.OK {
		r.o.Log.Info("the Workshop folder can be read again", "path", path)
	}
}

// rootProblem describes a folder that cannot be read.
func rootProblem(err error, path string) RootProblem {
	if errors.Is(err, fs.ErrNotExist) {
		return RootProblem{
			Code: "root_missing", Text: "the Workshop folder " + path + " does not exist",
			Hint: "check workshop.roots and whether the disk is mounted; the folder is looked for every minute",
		}
	}
	return RootProblem{
		Code: "root_unreadable", Text: fmt.Sprintf("the Workshop folder %s cannot be read: %v", path, reason(err)),
		Hint: hintReadable,
	}
}

func entryProblem(err error, dir, file string, mode fs.FileMode) RootProblem {
	if mode&fs.ModeSymlink != 0 {
		return RootProblem{
			Code: "link_outside", Text: fmt.Sprintf("%s in %s is a link that leaves the folder or leads nowhere; it is not followed", file, dir),
			Hint: "add the folder that holds the target to workshop.roots, not the target itself, and name the target there m<hex>_<version>; remove a link that leads nowhere",
		}
	}
	return RootProblem{
		Code: "unreadable", Text: fmt.Sprintf("%s in %s cannot be read: %v", file, dir, reason(err)),
		Hint: hintReadable,
	}
}

// reason is the bare cause of a file system error, without the path.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func unreadable(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.NotFound, "%s is gone", path)
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be read", path).
		WithHint(hintReadable).
		WithRetryAfter(scanEvery)
}
