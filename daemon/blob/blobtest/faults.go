package blobtest

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Opener opens a store that keeps its files in dir of fsys.
type Opener func(t *testing.T, fsys durable.FS, dir string) blob.Store

// RunFaults tests a store on local files with calls that fail.
func RunFaults(t *testing.T, open Opener) {
	t.Run("failing calls", func(t *testing.T) { testFailingCalls(t, open) })
	t.Run("failing reads", func(t *testing.T) { testFailingReads(t, open) })
	t.Run("left behind", func(t *testing.T) { testLeftBehind(t, open) })
}

var errnos = map[error]fault.Kind{
	syscall.ENOSPC: fault.NoSpace,
	syscall.EDQUOT: fault.NoSpace,
	syscall.EIO:    fault.Unavailable,
	syscall.EMFILE: fault.Unavailable,
}

// testFailingCalls lets each call of a Create, Write, Commit in turn fail,
// once and from then on.
func testFailingCalls(t *testing.T, open Opener) {
	for errno, kind := range errnos {
		for _, lasting := range []bool{false, true} {
			dir := t.TempDir()
			f := durabletest.NewFaulty(durable.Disk)
			s := open(t, f, dir)
			put(t, s, "dir/key", []byte("old"))
			for n := 1; ; n++ {
				f.Fail(durabletest.Any, n, errno, lasting)
				f.Short()
				_, err := tryPut(s, "dir/key", []byte("new"))
				hits := f.Hits()
				f.Heal()
				if hits == 0 {
					if err != nil || n < 6 {
						t.Errorf("without a failure: %v after %d calls", err, n)
					}
					break
				}
				if err == nil || fault.KindOf(err) != kind || !errors.Is(err, errno) {
					t.Errorf("%v at call %d, lasting %v: %v of kind %v, want %v", errno, n, lasting, err, fault.KindOf(err), kind)
				}
				content, _, err := tryGet(s, "dir/key")
				if err != nil || string(content) != "old" && string(content) != "new" {
					t.Errorf("%v at call %d, lasting %v: the blob holds %q, %v", errno, n, lasting, content, err)
				}
				if !lasting {
					wantNoTemps(t, dir)
				}
				put(t, s, "dir/key", []byte("old")) // works again
			}
			if _, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			wantNoTemps(t, dir)
		}
	}
}

// wantNoTemps checks that no file but dir/key is there.
func wantNoTemps(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Base(path) != "key" {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func testFailingReads(t *testing.T, open Opener) {
	f := durabletest.NewFaulty(durable.Disk)
	s := open(t, f, t.TempDir())
	put(t, s, "key", []byte("content"))
	operations := map[string]func() error{
		"Open": func() error {
			o, err := s.Open(ctx, "key")
			if err == nil {
				err = o.Close()
			}
			return err
		},
		"Stat":   func() error { _, err := s.Stat(ctx, "key"); return err },
		"Rename": func() error { return s.Rename(ctx, "key", "key") },
		"Free":   func() error { _, err := s.Free(ctx); return err },
		"List": func() error {
			for _, err := range s.List(ctx, "") {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, operation := range operations {
		for errno, kind := range errnos {
			f.Fail(durabletest.Any, 1, errno, true)
			if err := operation(); fault.KindOf(err) != kind || !errors.Is(err, errno) {
				t.Errorf("%s with %v = %v of kind %v, want %v", name, errno, err, fault.KindOf(err), kind)
			}
			f.Heal()
			if err := operation(); err != nil {
				t.Errorf("%s afterwards = %v", name, err)
			}
		}
	}
}

// RunPowerCuts looks at every disk a power cut may leave in a random trace of
// so many stores, replacements, renames and deletions.
func RunPowerCuts(t *testing.T, open Opener, operations int) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	r, err := durabletest.NewRecorder(durable.Disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, r, dir)
	keys := []string{"a", "dir/b", "dir/c", "new/folder/d"}
	states := []map[string]string{{}} // after each operation
	acknowledged := []int{0}          // and when
	for n := range operations {
		now := make(map[string]string)
		for k, v := range states[n] {
			now[k] = v
		}
		operate(t, s, random, keys, now)
		states, acknowledged = append(states, now), append(acknowledged, r.Changes())
	}
	after := filepath.Join(t.TempDir(), "after")
	cuts := 0
	for cut := range r.CrashStates(seed, 2) {
		cuts++
		if err := r.Rewrite(after, cut); err != nil {
			t.Fatal(err)
		}
		least := 0
		for i, at := range acknowledged {
			if cut.At >= at {
				least = i
			}
		}
		found := open(t, durable.Disk, after)
		if _, err := found.Sweep(ctx, time.Now().Add(time.Hour)); err != nil {
			t.Errorf("%v: Sweep = %v", cut, err)
		}
		for _, key := range keys {
			got := "absent"
			content, _, err := tryGet(found, key)
			if err == nil {
				got = string(content)
			} else if !fault.Is(err, fault.NotFound) {
				t.Errorf("%v: %v", cut, err)
			}
			if !either(states, least, key, got) {
				t.Errorf("%v: %s is %.40q after operation %d", cut, key, got, least)
			}
		}
	}
	t.Logf("figures: %d operations, %d disks after a power cut: every acknowledged operation intact", operations, cuts)
}

// operate does something and notes what then holds.
func operate(t *testing.T, s blob.Store, random *rand.Rand, keys []string, now map[string]string) {
	t.Helper()
	key := keys[random.IntN(len(keys))]
	_, exists := now[key]
	switch {
	case exists && random.IntN(4) == 0:
		if err := s.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		delete(now, key)
	case exists && random.IntN(3) == 0:
		to := keys[random.IntN(len(keys))]
		if to == key {
			return
		}
		if err := s.Rename(ctx, key, to); err != nil {
			t.Fatal(err)
		}
		now[to] = now[key]
		delete(now, key)
	default:
		content := strings.Repeat(string(rune('a'+random.IntN(26))), 1+random.IntN(3000))
		put(t, s, key, []byte(content))
		now[key] = content
	}
}

// either reports whether got is what key held after the last acknowledged
// operation or the one under way.
func either(states []map[string]string, least int, key, got string) bool {
	for i := least; i <= least+1 && i < len(states); i++ {
		want, exists := states[i][key]
		if !exists {
			want = "absent"
		}
		if got == want {
			return true
		}
	}
	return false
}

// testLeftBehind sweeps after a writer that died, by its age only.
func testLeftBehind(t *testing.T, open Opener) {
	dir := t.TempDir()
	dead := open(t, durable.Disk, dir)
	w, err := dead.Create(ctx, "dir/key")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Abort() }) // only for the descriptor
	if _, err := w.Write([]byte("half a blo")); err != nil {
		t.Fatal(err)
	}
	s := open(t, durable.Disk, dir)
	if n, err := s.Sweep(ctx, time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("Sweep of what is old = %d, %v; nothing is", n, err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v, want 1", n, err)
	}
	wantNoTemps(t, dir)
}
