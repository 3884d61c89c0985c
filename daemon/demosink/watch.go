package demosink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	watchEvery = 10 * time.Second
	quietFor   = 30 * time.Second // after which nobody writes to a file any more
	maxWatched = 200_000          // files that are remembered
	saveEvery  = 100              // files that are taken in
)

// watcher takes in what appears in the operator's folders. They are looked
// through from time to time, which also works where the system tells nobody of
// changes, as on a network share. Nothing in them is ever written.
type watcher struct {
	s    *Service
	fs   durable.FS
	path string // of the memory

	taken   map[string]mark    // what became of files, by their path
	pending map[string]pending // files that were seen and are not taken yet
	unsaved int
	said    map[string]string // the last complaint, by folder
}

// mark is by what a file is known again.
type mark struct {
	Size    int64 `json:"size"`
	ModTime int64 `json:"mtime"` // Unix nanoseconds
}

type pending struct {
	mark
	since time.Time
}

func newWatcher(s *Service, fsys durable.FS, dataDir string) *watcher {
	return &watcher{
		s: s, fs: fsys, path: filepath.Join(dataDir, "watched.json"),
		taken: map[string]mark{}, pending: map[string]pending{}, said: map[string]string{},
	}
}

// run looks through the folders until ctx ends.
func (w *watcher) run(ctx context.Context) {
	if len(w.s.config.Watch) == 0 {
		return
	}
	if err := w.load(); err != nil { // everything is read once more, and found to be known
		w.s.log.Warn("which watched files were taken in already cannot be read", slog.Any("error", err))
	}
	for {
		for _, dir := range w.s.config.Watch {
			w.complain(ctx, dir, w.scan(ctx, dir))
		}
		w.save()
		select {
		case <-ctx.Done():
			return
		case <-w.s.clock.After(watchEvery):
		}
	}
}

// complain logs what is wrong with a folder, once.
func (w *watcher) complain(ctx context.Context, dir string, err error) {
	text := ""
	if err != nil && ctx.Err() == nil {
		text = err.Error()
	}
	if text != "" && text != w.said[dir] {
		w.s.log.Warn("a watched folder cannot be taken in now; it is tried again", slog.String("folder", dir), slog.Any("error", err))
	}
	w.said[dir] = text
}

// scan looks through one folder and those in it. Links are not followed, and
// nothing outside is opened.
func (w *watcher) scan(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only read
	present := map[string]struct{}{}
	var failed error
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // that part is looked at again next time
			failed = err
			return nil
		case !d.Type().IsRegular() || !looksLikeDemo(name):
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			failed = err
			return nil
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		present[path] = struct{}{}
		if !w.quiet(path, info) {
			return nil
		}
		return w.take(ctx, root, name, path, info)
	})
	if err = errors.Join(err, failed); err == nil {
		w.forget(dir, present)
	}
	return err
}

func looksLikeDemo(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{".dem", ".dem.bz2", ".dem.gz", ".zip"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// quiet reports whether a file is to be taken now: it was not taken as it is,
// and nobody has written to it for a while.
func (w *watcher) quiet(path string, info fs.FileInfo) bool {
	m := mark{info.Size(), info.ModTime().UnixNano()}
	if w.taken[path] == m || m.Size == 0 || len(w.taken)+len(w.pending) >= maxWatched {
		delete(w.pending, path)
		return false
	}
	now := w.s.clock.Now()
	if p, ok := w.pending[path]; !ok || p.mark != m {
		w.pending[path] = pending{m, now}
	}
	old := now.Sub(info.ModTime()) >= quietFor
	return old || now.Sub(w.pending[path].since) >= quietFor
}

// take makes a recording of a file. What is no demo is not looked at again
// until it changes. Any other error ends the scan.
func (w *watcher) take(ctx context.Context, root *os.Root, name, path string, info fs.FileInfo) error {
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	_, _, err = w.s.TakeFile(ctx, f, Arrival{Name: filepath.Base(path), Source: SourceWatch, EndAt: info.ModTime()})
	switch {
	case fault.Is(err, fault.Conflict): // somebody writes to it
		delete(w.pending, path)
		return nil
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge):
		w.s.log.Warn("a watched file is not taken in", slog.String("file", path), slog.Any("error", err))
	case err != nil:
		return err
	}
	delete(w.pending, path)
	w.taken[path] = mark{info.Size(), info.ModTime().UnixNano()}
	if w.unsaved++; w.unsaved >= saveEvery {
		w.save()
	}
	return nil
}

// forget drops what is not in a folder any more.
func (w *watcher) forget(dir string, present map[string]struct{}) {
	prefix := strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator)
	for path := range w.taken {
		if _, ok := present[path]; !ok && strings.HasPrefix(path, prefix) {
			delete(w.taken, path)
			w.unsaved++
		}
	}
	for path := range w.pending {
		if _, ok := present[path]; !ok && strings.HasPrefix(path, prefix) {
			delete(w.pending, path)
		}
	}
}

// maxMemory bounds the file that is read at the start.
const maxMemory = 256 << 20

func (w *watcher) load() error {
	f, err := w.fs.Open(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	taken := map[string]mark{}
	if err := json.NewDecoder(io.LimitReader(f, maxMemory)).Decode(&taken); err != nil {
		return err
	}
	w.taken = taken
	return nil
}

// save remembers what was taken. Without it the files are read again after a
// restart, and found to be known.
func (w *watcher) save() {
	if w.unsaved == 0 {
		return
	}
	err := durable.Replace(w.fs, w.path, 0o600, func(out io.Writer) error { return json.NewEncoder(out).Encode(w.taken) })
	if err != nil {
		w.s.log.Warn("which watched files were taken in cannot be written down", slog.Any("error", err))
		return
	}
	w.unsaved = 0
}
