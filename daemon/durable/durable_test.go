package durable_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alone checks that dir holds nothing but the named files.
func alone(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second, longer", ""} {
		if err := durable.Replace(durable.Disk, path, 0o640, text(content)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("content %q, want %q", got, content)
		}
	}
	alone(t, dir, "file")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o640 && runtime.GOOS != "windows" {
		t.Errorf("mode %o, want 640", mode)
	}
}

func TestReplaceKeepsTheOldAfterAnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := durable.Replace(durable.Disk, path, 0o600, text("old")); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := durable.Replace(durable.Disk, path, 0o600, func(w io.Writer) error {
		return errors.Join(text("half of the n")(w), boom)
	})
	if !errors.Is(err, boom) || read(t, path) != "old" {
		t.Errorf("error %v, content %q", err, read(t, path))
	}
	alone(t, dir, "file")
}

// Each call in turn fails, once and for good. The content is the old or the
// new, whole; success is told only of the new; nothing is left behind.
func TestR3_ReplaceWithFailingCalls(t *testing.T) {
	for _, errno := range []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE, syscall.EDQUOT} {
		for _, lasting := range []bool{false, true} {
			for n := 1; ; n++ {
				dir := t.TempDir()
				path := filepath.Join(dir, "file")
				if err := durable.Replace(durable.Disk, path, 0o600, text("old")); err != nil {
					t.Fatal(err)
				}
				f := durabletest.NewFaulty(durable.Disk)
				f.Fail(durabletest.Any, n, errno, lasting)
				f.Short()
				err := durable.Replace(f, path, 0o600, text("new"))
				if f.Hits() == 0 {
					if err != nil || read(t, path) != "new" || n < 5 {
						t.Errorf("without a failure: %v, after %d calls", err, n)
					}
					break
				}
				if !errors.Is(err, errno) {
					t.Errorf("call %d, lasting %v: error %v, want %v", n, lasting, err, errno)
				}
				if got := read(t, path); got != "old" && got != "new" {
					t.Errorf("call %d, lasting %v: content %q", n, lasting, got)
				}
				if !lasting { // a disk that allows nothing allows no cleaning either
					alone(t, dir, "file")
				}
			}
		}
	}
}

func TestR2_ReplaceSurvivesPowerCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	r, err := durabletest.NewRecorder(durable.Disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	contents := []string{"first", "second, longer", "3"}
	var acknowledged []int
	for _, content := range contents {
		if err := durable.Replace(r, filepath.Join(dir, "file"), 0o600, text(content)); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, r.Changes())
	}
	after := filepath.Join(t.TempDir(), "after")
	for s := range r.CrashStates(seed, 4) {
		if err := r.Rewrite(after, s); err != nil {
			t.Fatal(err)
		}
		least := -1
		for i, at := range acknowledged {
			if s.At >= at {
				least = i
			}
		}
		got, err := os.ReadFile(filepath.Join(after, "file"))
		found := -1
		for i, content := range contents {
			if err == nil && string(got) == content {
				found = i
			}
		}
		absent := errors.Is(err, fs.ErrNotExist) && least == -1
		if found < least || found == -1 && !absent {
			t.Errorf("%v: content %q, %v; acknowledged was number %d", s, got, err, least)
		}
	}
}

func TestConfinedStaysInside(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" { // links need a privilege there
		if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
	}
	below, err := durable.Disk.Confine(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer below.(io.Closer).Close()
	for _, path := range []string{secret, filepath.Join(dir, "..", filepath.Base(outside), "secret"), filepath.Join(dir, "link", "secret")} {
		if f, err := below.Open(path); err == nil {
			f.Close()
			t.Errorf("Open(%s) succeeds", path)
		}
		if f, err := below.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			f.Close()
			t.Errorf("OpenFile(%s) succeeds", path)
		}
		if _, err := below.Stat(path); err == nil {
			t.Errorf("Stat(%s) succeeds", path)
		}
		if err := below.Remove(path); err == nil {
			t.Errorf("Remove(%s) succeeds", path)
		}
		if err := below.Rename(path, filepath.Join(dir, "stolen")); err == nil {
			t.Errorf("Rename(%s) succeeds", path)
		}
		if err := below.MkdirAll(filepath.Join(path, "x"), 0o700); err == nil {
			t.Errorf("MkdirAll(%s/x) succeeds", path)
		}
		if f, err := below.CreateTemp(filepath.Dir(path), "*"); err == nil {
			f.Close()
			t.Errorf("CreateTemp in %s succeeds", filepath.Dir(path))
		}
	}
	if got := read(t, secret); got != "secret" {
		t.Errorf("outside is %q", got)
	}
}

// Confined and free file systems do the same with what is inside.
func TestFileSystems(t *testing.T) {
	for name, confine := range map[string]bool{"free": false, "confined": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fsys := durable.Disk
			if confine {
				below, err := durable.Disk.Confine(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer below.(io.Closer).Close()
				fsys = below
			}
			sub := filepath.Join(dir, "a", "b")
			if err := durable.MkdirAll(fsys, sub, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(sub, "file")
			if err := durable.Replace(fsys, path, 0o600, text("content")); err != nil {
				t.Fatal(err)
			}
			f, err := fsys.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, ok := durable.OSFile(f); !ok || f.Name() != path {
				t.Errorf("file %q is not the system's own", f.Name())
			}
			moved := filepath.Join(dir, "moved")
			if err := fsys.Rename(path, moved); err != nil {
				t.Fatal(err)
			}
			if info, err := fsys.Stat(moved); err != nil || info.Size() != 7 {
				t.Errorf("Stat = %v, %v", info, err)
			}
			entries, err := fsys.ReadDir(dir)
			if err != nil || len(entries) != 2 {
				t.Errorf("ReadDir = %v, %v", entries, err)
			}
			if n, err := fsys.Free(dir); err != nil || n <= 0 {
				t.Errorf("Free = %d, %v", n, err)
			}
			if err := errors.Join(fsys.Remove(moved), fsys.RemoveAll(filepath.Join(dir, "a"))); err != nil {
				t.Error(err)
			}
			if err := fsys.SyncDir(dir); err != nil {
				t.Error(err)
			}
			if _, err := fsys.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat of a removed file: %v", err)
			}
			alone(t, dir)
		})
	}
}

func TestMkdirAllRefusesAFileInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := durable.Replace(durable.Disk, path, 0o600, text("")); err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirAll(durable.Disk, path, 0o700); err == nil {
		t.Error("MkdirAll over a file succeeds")
	}
}

func TestLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	take := func(exclusive bool) *durable.FileLock {
		t.Helper()
		l, err := durable.TryLock(path, exclusive)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	refused := func(exclusive bool) {
		t.Helper()
		if l, err := durable.TryLock(path, exclusive); !errors.Is(err, durable.ErrLocked) {
			t.Errorf("TryLock = %v, %v, want locked", l, err)
		}
	}
	unlock := func(l *durable.FileLock) {
		t.Helper()
		if err := l.Unlock(); err != nil {
			t.Error(err)
		}
	}
	l := take(true)
	refused(true)
	refused(false)
	if got := durable.Holder(path); got != "" {
		t.Errorf("the holder of a lock that is not signed is %q", got)
	}
	for _, name := range []string{"a longer name", "process 7"} {
		if err := l.Sign(name); err != nil {
			t.Fatal(err)
		}
		if got := durable.Holder(path); got != name {
			t.Errorf("the holder is %q, want %q", got, name)
		}
	}
	if got := durable.Holder(path + "x"); got != "" {
		t.Errorf("the holder of no lock is %q", got)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := durable.Lock(cancelled, path, false); !errors.Is(err, context.Canceled) || !errors.Is(err, durable.ErrLocked) {
		t.Errorf("Lock = %v", err)
	}
	unlock(l)
	a, b := take(false), take(false)
	refused(true)
	unlock(a)
	refused(true)
	unlock(b)
	unlock(take(true))
}

func TestNoSpace(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}: true,
		&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}: true,
		&fs.PathError{Op: "write", Path: "x", Err: syscall.EIO}:    false,
		io.EOF: false,
	} {
		if got := durable.NoSpace(err); got != want {
			t.Errorf("NoSpace(%v) = %v", err, got)
		}
	}
}
