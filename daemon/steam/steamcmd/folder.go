package steamcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The folders below Options.Dir. A name with suffix ".lock" is the lock of
// the folder beside it and is held while the folder is in use.
const (
	jobsDir    = "jobs"
	homesDir   = "homes"
	lockSuffix = ".lock"
)

// maxEntries bounds the files and folders of one job.
const maxEntries = 500_000

// folder is what one job has on the disk.
type folder struct {
	dir  string // absolute and free of symbolic links
	lock *os.File
}

// root is where SteamCMD installs to, done where delivered content is moved,
// so that nothing that SteamCMD does later can touch it.
func (f *folder) root() string { return filepath.Join(f.dir, "root") }
func (f *folder) done() string { return filepath.Join(f.dir, "done") }

// newFolder makes the folder of a job below dir.
func newFolder(dir string) (*folder, error) {
	jobs := filepath.Join(dir, jobsDir)
	if err := os.MkdirAll(jobs, 0o700); err != nil {
		return nil, err
	}
	// SteamCMD prints paths without symbolic links, so ours have none.
	jobs, err := filepath.EvalSymlinks(jobs)
	if err != nil {
		return nil, err
	}
	for {
		lock, err := os.CreateTemp(jobs, "*"+lockSuffix)
		if err != nil {
			return nil, err
		}
		ok, err := holdLock(lock)
		if err != nil {
			lock.Close()
			return nil, err
		}
		if !ok {
			continue // swept away by another process before it was locked
		}
		f := &folder{dir: strings.TrimSuffix(lock.Name(), lockSuffix), lock: lock}
		for _, d := range []string{f.dir, f.root(), f.done()} {
			if err := os.Mkdir(d, 0o700); err != nil {
				return nil, errors.Join(err, f.remove())
			}
		}
		return f, nil
	}
}

// holdLock locks a new file and reports whether its name is still its own.
// When it is not, the file is closed.
func holdLock(lock *os.File) (bool, error) {
	ok, err := tryLock(lock)
	if err != nil {
		return false, err
	}
	if ok {
		ours, err1 := lock.Stat()
		named, err2 := os.Stat(lock.Name())
		if err1 == nil && err2 == nil && os.SameFile(ours, named) {
			return true, nil
		}
	}
	lock.Close()
	return false, nil
}

// remove deletes the folder and its lock.
func (f *folder) remove() error {
	err := os.RemoveAll(f.dir)
	// Windows does not remove an open file; elsewhere the order does not
	// matter, because nobody opens the lock of a folder that is gone.
	err = errors.Join(err, f.lock.Close())
	return errors.Join(err, os.Remove(f.lock.Name()))
}

// clear removes what the next run should not find.
func (f *folder) clear(c Clear) error {
	switch c {
	case ClearCache:
		return os.RemoveAll(filepath.Join(f.root(), "steamapps", "workshop"))
	case ClearFolder:
		if err := os.RemoveAll(f.root()); err != nil {
			return err
		}
		return os.Mkdir(f.root(), 0o700)
	}
	return nil
}

// writable tries whether the disk takes a file.
func (f *folder) writable() error {
	probe := filepath.Join(f.dir, "probe")
	err := os.WriteFile(probe, make([]byte, 4<<10), 0o600)
	return errors.Join(err, os.RemoveAll(probe))
}

// sweepJobs removes the folders of jobs whose process is gone.
func sweepJobs(dir string) (removed int, err error) {
	jobs := filepath.Join(dir, jobsDir)
	entries, err := os.ReadDir(jobs)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), lockSuffix)
		if !ok {
			continue
		}
		lock, errOpen := os.OpenFile(filepath.Join(jobs, e.Name()), os.O_RDWR, 0)
		if errOpen != nil {
			continue // removed meanwhile
		}
		if free, errLock := tryLock(lock); !free {
			lock.Close()
			err = errors.Join(err, errLock)
			continue
		}
		err = errors.Join(err, (&folder{dir: filepath.Join(jobs, name), lock: lock}).remove())
		removed++
	}
	return removed, err
}

// home is the private home of a worker. Credentials that SteamCMD caches for
// an account are below it.
func (r *Runner) home(worker int) string {
	return filepath.Join(r.o.Dir, homesDir, strconv.Itoa(worker))
}

// lockHome makes the home of the worker and locks it. It reports false when
// another process uses it.
func (r *Runner) lockHome(worker int) (*os.File, bool, error) {
	home := r.home(worker)
	if err := os.MkdirAll(filepath.Join(home, "tmp"), 0o700); err != nil {
		return nil, false, err
	}
	lock, err := os.OpenFile(home+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	ok, err := tryLock(lock)
	if !ok {
		lock.Close()
	}
	return lock, ok, err
}

// usage is what folders hold.
type usage struct {
	bytes     int64 // sizes of the files
	allocated int64 // what they take up, which grows when a file has its final size from the beginning
	entries   int
}

func (u usage) add(v usage) usage {
	return usage{u.bytes + v.bytes, u.allocated + v.allocated, u.entries + v.entries}
}

// grew reports whether u holds more bytes than before.
func (u usage) grew(before usage) bool {
	return u.bytes > before.bytes || u.allocated > before.allocated
}

var errEntries = fmt.Errorf("more than %d files", maxEntries)

// measure adds up a folder, which may change meanwhile; a missing one is
// empty. It follows no symbolic links. Beyond maxEntries it stops.
func measure(dir string) (usage, error) {
	var u usage
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return skipGone(d, err)
		}
		if u.entries++; u.entries > maxEntries {
			return errEntries
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return skipGone(nil, err)
		}
		u.bytes += info.Size()
		u.allocated += allocated(info)
		return nil
	})
	return u, err
}

func skipGone(d fs.DirEntry, err error) error {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case d != nil && d.IsDir():
		return fs.SkipDir
	}
	return nil
}
