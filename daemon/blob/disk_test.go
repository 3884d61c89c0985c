package blob_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/blob/blobtest"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func openDisk(t *testing.T, fsys durable.FS, dir string) blob.Store {
	t.Helper()
	d, err := blob.OpenDisk(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestDisk(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		return openDisk(t, durable.Disk, filepath.Join(t.TempDir(), "made", "by", "open"))
	})
}

func TestR2_DiskSurvivesPowerCuts(t *testing.T) {
	operations := 12
	if os.Getenv("QUARTERMASTER_TEST_LONG") == "1" {
		operations = 500
	}
	blobtest.RunPowerCuts(t, openDisk, operations)
}

func TestR3_DiskWithFailingCalls(t *testing.T) { blobtest.RunFaults(t, openDisk) }

func TestDiskStaysInItsFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // links need a privilege there
	}
	ctx := context.Background()
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "link")), os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file"))); err != nil {
		t.Fatal(err)
	}
	s := openDisk(t, durable.Disk, dir)
	for _, key := range []string{"link/secret", "file"} {
		if o, err := s.Open(ctx, key); err == nil {
			o.Close()
			t.Errorf("Open(%s) succeeds", key)
		}
		if _, err := s.Stat(ctx, key); err == nil {
			t.Errorf("Stat(%s) succeeds", key)
		}
	}
	if w, err := s.Create(ctx, "link/new"); err == nil {
		w.Abort()
		t.Error("Create outside succeeds")
	}
	// Deleting a link deletes the link.
	if err := s.Delete(ctx, "link/secret"); err == nil {
		t.Error("Delete outside succeeds")
	}
	if _, err := os.Stat(filepath.Join(outside, "secret")); err != nil {
		t.Error(err)
	}
}

func TestOpenDiskOverAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenDisk(durable.Disk, path); err == nil {
		t.Error("OpenDisk over a file succeeds")
	}
}

func TestValidKey(t *testing.T) {
	for _, key := range blobtest.BadKeys {
		if err := blob.ValidKey(key); !fault.Is(err, fault.Invalid) {
			t.Errorf("ValidKey(%q) = %v, want invalid", key, err)
		}
	}
	for _, key := range []string{"a", "mods/m706d242_1348957670.zip", "a.b/c-d", "0"} {
		if err := blob.ValidKey(key); err != nil {
			t.Errorf("ValidKey(%q) = %v", key, err)
		}
	}
}

// A key that is accepted is a clean local path on every system, with one
// spelling only.
func FuzzValidKey(f *testing.F) {
	for _, key := range append([]string{"a", "mods/m706d242_1348957670.zip", "a/b/c"}, blobtest.BadKeys...) {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if blob.ValidKey(key) != nil {
			return
		}
		if !filepath.IsLocal(filepath.FromSlash(key)) || filepath.ToSlash(filepath.Clean(key)) != key {
			t.Errorf("%q is not a clean local path", key)
		}
		if strings.ToLower(key) != key || len(key) > 200 {
			t.Errorf("%q has two spellings or is too long", key)
		}
		for name := range strings.SplitSeq(key, "/") {
			stem, _, _ := strings.Cut(name, ".")
			if strings.HasPrefix(name, ".") || slices.Contains([]string{"con", "nul", "aux", "prn", "com1", "lpt1"}, stem) {
				t.Errorf("%q holds the name %q", key, name)
			}
		}
	})
}
