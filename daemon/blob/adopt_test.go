package blob_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestAdopt(t *testing.T) {
	root := t.TempDir()
	faulty := durabletest.NewFaulty(durable.Disk)
	store := openDisk(t, faulty, filepath.Join(root, "blobs")).(blob.Adopter)
	ctx, path, key := context.Background(), filepath.Join(root, "file"), "demoblobs/1.dem"
	put := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(root, "blobs", "demoblobs", "1.dem")); err != nil || string(got) != want {
			t.Errorf("the blob is %q, %v; want %q", got, err, want)
		}
	}
	put("one")
	info, err := store.Adopt(ctx, path, key)
	if err != nil || info.Size != 3 || info.Key != key {
		t.Fatalf("%+v, %v", info, err)
	}
	holds("one")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	put("two")
	for _, op := range []durabletest.Op{durabletest.Sync, durabletest.Rename} {
		faulty.Fail(op, 1, syscall.EIO, false)
		if _, err := store.Adopt(ctx, path, key); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s fails: %v", op, err)
		}
		faulty.Heal()
		holds("one")
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the file is gone after a failed %s", op)
		}
	}
	if _, err := store.Adopt(ctx, path, key); err != nil {
		t.Error(err)
	}
	holds("two")
	if _, err := store.Adopt(ctx, path, key); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing: %v", err)
	}
	put("three")
	if _, err := store.Adopt(ctx, path, "../1.dem"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad key: %v", err)
	}
}
