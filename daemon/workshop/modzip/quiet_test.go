package modzip

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestQuiet(t *testing.T) {
	write := func(name, data string) func(dir string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644) }
	}
	for name, c := range map[string]struct {
		during func(dir string) error
		quiet  bool
	}{
		"nothing":   {func(string) error { return nil }, true},
		"a new one": {write("b", "x"), false},
		"grown":     {write("a", "longer"), false},
		"touched":   {func(dir string) error { return os.Chtimes(filepath.Join(dir, "a"), time.Time{}, time.Unix(1, 0)) }, false},
		"removed":   {func(dir string) error { return os.Remove(filepath.Join(dir, "a")) }, false},
		"renamed":   {func(dir string) error { return os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")) }, false},
	} {
		dir := tree(t, map[string]string{"a": "x", "z": "x"})
		var waited time.Duration
		list, err := Quiet(t.Context(), openRoot(t, dir), time.Now(), func(d time.Duration) <-chan time.Time {
			waited = d
			if err := c.during(dir); err != nil {
				t.Fatal(err)
			}
			done := make(chan time.Time, 1)
			done <- time.Time{}
			return done
		}, Limits{})
		if waited != 10*time.Second {
			t.Errorf("%s: waited %v", name, waited)
		}
		if c.quiet && (err != nil || len(list.Files) != 2) || !c.quiet && !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
}

// A folder that the file system has not seen change for ten seconds is quiet
// at once, whatever its modification times say.
func TestQuietIsKnownAtOnce(t *testing.T) {
	dir := tree(t, map[string]string{"a": "x", "d/z": "x"})
	if err := os.Chtimes(filepath.Join(dir, "a"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	waits := 0
	wait := func(time.Duration) <-chan time.Time {
		waits++
		done := make(chan time.Time, 1)
		done <- time.Time{}
		return done
	}
	for _, c := range []struct {
		later time.Duration
		waits int
	}{{QuietFor - time.Second, 1}, {QuietFor + time.Second, 0}} {
		waits = 0
		list, err := Quiet(t.Context(), openRoot(t, dir), time.Now().Add(c.later), wait, Limits{})
		if err != nil || len(list.Files) != 2 {
			t.Fatalf("%v later: %v, %v", c.later, list, err)
		}
		if known := !list.Changed.IsZero(); known && waits != c.waits || !known && waits != 1 {
			t.Errorf("%v later: waited %d times, want %d", c.later, waits, c.waits)
		}
	}
}
