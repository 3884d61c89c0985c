package durabletest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

func TestFaultyFailsTheCallItWasTold(t *testing.T) {
	dir := t.TempDir()
	f := NewFaulty(durable.Disk)
	stat := func(n int) (failed []int) {
		for i := 1; i <= n; i++ {
			if _, err := f.Stat(dir); errors.Is(err, syscall.EIO) {
				failed = append(failed, i)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		return failed
	}
	tests := []struct {
		name    string
		op      Op
		n       int
		lasting bool
		want    []int
	}{
		{"second", Stat, 2, false, []int{2}},
		{"second and later", Stat, 2, true, []int{2, 3, 4}},
		{"any", Any, 3, false, []int{3}},
		{"another operation", Write, 1, true, nil},
		{"none", Stat, 0, true, nil},
	}
	for _, tt := range tests {
		f.Fail(tt.op, tt.n, syscall.EIO, tt.lasting)
		if diff := cmp.Diff(tt.want, stat(4)); diff != "" {
			t.Errorf("%s: failed calls (-want +got):\n%s", tt.name, diff)
		}
		if got := f.Hits(); got != len(tt.want) {
			t.Errorf("%s: %d hits, want %d", tt.name, got, len(tt.want))
		}
	}
	f.Heal()
	if failed := stat(3); failed != nil || f.Calls(Stat) != 3 {
		t.Errorf("healed: failed %v after %d calls", failed, f.Calls(Stat))
	}
}

func TestFaultyWritesShortAndSyncsOnce(t *testing.T) {
	f := NewFaulty(durable.Disk)
	file, err := f.CreateTemp(t.TempDir(), "*")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f.Fail(Write, 1, syscall.ENOSPC, false)
	f.Short()
	if n, err := file.Write([]byte("abcdef")); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write = %d, %v, want 3 and no space", n, err)
	}
	f.Fail(Sync, 1, syscall.EIO, false)
	for range 2 {
		if err := file.Sync(); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync = %v, want EIO each time", err)
		}
	}
	if _, ok := durable.OSFile(file); !ok {
		t.Error("the file of the system cannot be reached")
	}
}

// write makes a file with some of the steps that make it durable.
func write(t *testing.T, fsys durable.FS, path, content string, sync bool) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// states returns the sets of files at the end of the tape.
func states(t *testing.T, r *Recorder) (most, none map[string]string) {
	t.Helper()
	read := func(loss string) map[string]string {
		dir := filepath.Join(t.TempDir(), "after")
		if err := r.Rewrite(dir, State{r.Changes(), loss, 0}); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			files[filepath.ToSlash(rel)] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	return read("most"), read("none")
}

// trace is something done to a folder that held the file "old", and what is
// there after a power cut.
type trace struct {
	name       string
	do         func(t *testing.T, fsys durable.FS, dir string) error
	most, none map[string]string
}

// files makes a map of names and contents.
func files(f ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(f); i += 2 {
		m[f[i]] = f[i+1]
	}
	return m
}

func fileTraces() []trace {
	return []trace{{"nothing", func(*testing.T, durable.FS, string) error { return nil },
		files("old", "old content"), files("old", "old content")},
		{"no sync at all", func(t *testing.T, fsys durable.FS, dir string) error {
			write(t, fsys, filepath.Join(dir, "a"), "new", false)
			return nil
		}, files("old", "old content"), files("old", "old content", "a", "new")},
		{"no sync of the directory", func(t *testing.T, fsys durable.FS, dir string) error {
			write(t, fsys, filepath.Join(dir, "a"), "new", true)
			return nil
		}, files("old", "old content"), files("old", "old content", "a", "new")},
		{"no sync of the file", func(t *testing.T, fsys durable.FS, dir string) error {
			write(t, fsys, filepath.Join(dir, "a"), "new", false)
			return fsys.SyncDir(dir)
		}, files("old", "old content", "a", ""), files("old", "old content", "a", "new")},
		{"renamed without a sync", func(t *testing.T, fsys durable.FS, dir string) error {
			write(t, fsys, filepath.Join(dir, "a"), "new", true)
			return fsys.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "old"))
		}, files("old", "old content"), files("old", "new")},
	}
}

func nameTraces() []trace {
	return []trace{
		{"replaced", func(t *testing.T, fsys durable.FS, dir string) error {
			return durable.Replace(fsys, filepath.Join(dir, "old"), 0o600, func(w io.Writer) error {
				_, err := io.WriteString(w, "new")
				return err
			})
		}, files("old", "new"), files("old", "new")},
		{"in a directory that is not durable", func(t *testing.T, fsys durable.FS, dir string) error {
			sub := filepath.Join(dir, "x", "y")
			if err := fsys.MkdirAll(sub, 0o700); err != nil {
				return err
			}
			write(t, fsys, filepath.Join(sub, "a"), "new", true)
			return fsys.SyncDir(sub)
		}, files("old", "old content"), files("old", "old content", "x/y/a", "new")},
		{"in a durable directory", func(t *testing.T, fsys durable.FS, dir string) error {
			sub := filepath.Join(dir, "x", "y")
			if err := durable.MkdirAll(fsys, sub, 0o700); err != nil {
				return err
			}
			write(t, fsys, filepath.Join(sub, "a"), "new", true)
			return fsys.SyncDir(sub)
		}, files("old", "old content", "x/y/a", "new"), files("old", "old content", "x/y/a", "new")},
		{"removed without a sync", func(t *testing.T, fsys durable.FS, dir string) error {
			return fsys.Remove(filepath.Join(dir, "old"))
		}, files("old", "old content"), files()},
		{"cut without a sync", func(t *testing.T, fsys durable.FS, dir string) error {
			write(t, fsys, filepath.Join(dir, "old"), "n", false)
			return nil
		}, files("old", "old content"), files("old", "n")},
	}
}

func TestRecorderKnowsWhatIsDurable(t *testing.T) {
	for _, tt := range slices.Concat(fileTraces(), nameTraces()) {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "old"), []byte("old content"), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := NewRecorder(durable.Disk, dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.do(t, r, dir); err != nil {
				t.Fatal(err)
			}
			most, none := states(t, r)
			if diff := cmp.Diff(tt.most, most); diff != "" {
				t.Errorf("with the most loss (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.none, none); diff != "" {
				t.Errorf("without loss (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCrashStatesComeBackBySeed(t *testing.T) {
	dir := t.TempDir()
	r, err := NewRecorder(durable.Disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		write(t, r, filepath.Join(dir, "a"), "some content", true)
		write(t, r, filepath.Join(dir, "b"), "some content", false)
	}
	var first, second []State
	for s := range r.CrashStates(7, 2) {
		first = append(first, s)
	}
	for s := range r.CrashStates(7, 2) {
		second = append(second, s)
	}
	if diff := cmp.Diff(first, second); diff != "" || len(first) < 12 {
		t.Errorf("%d states, differing (-first +second):\n%s", len(first), diff)
	}
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := NewClock(start)
	early, late, at := c.After(time.Second), c.After(time.Minute), c.After(0)
	c.Await(2)
	if got := <-at; !got.Equal(start) {
		t.Errorf("After(0) sent %v", got)
	}
	c.Advance(time.Second)
	if got := <-early; !got.Equal(start.Add(time.Second)) {
		t.Errorf("After sent %v", got)
	}
	select {
	case got := <-late:
		t.Errorf("woken too early at %v", got)
	default:
	}
	c.Set(start.Add(time.Hour))
	<-late
	if got := c.Now(); !got.Equal(start.Add(time.Hour)) {
		t.Errorf("Now = %v", got)
	}
}
