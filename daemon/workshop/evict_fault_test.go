package workshop

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// freeBlobs is a store whose disk has as much room as the test says.
type freeBlobs struct {
	blob.Store
	free func() int64
}

func (f freeBlobs) Free(context.Context) (int64, error) { return f.free(), nil }

// Below min_free the same goes in the same order; but nothing current when that
// would not bring the disk above it.
func TestR4_DiskFloor(t *testing.T) {
	t.Parallel()
	const all = 1800
	for name, c := range map[string]struct {
		missing int64
		removed string
		short   int64
	}{
		"enough":          {0, "m4_10 superseded", 0},
		"damaged":         {1, "m1_10 quarantined, m4_10 superseded", 0},
		"least requested": {301, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded, m7_10 quota", 0},
		"not enough":      {5000, "m1_10 quarantined, m3_10 duplicate, m4_10 superseded", 4700},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := stocked(t)
			r.Service.blobs = freeBlobs{r.blobs, func() int64 { return 10_000 - r.promises.used() }}
			rc := r.config
			rc.Retention.MinFree = config.Size(10_000 - all + c.missing)
			r.Reload(rc)
			got, err := r.GC(t.Context(), false)
			if err != nil || ruled(got.Removed) != c.removed || got.Short != c.short {
				t.Errorf("removed %s, short of %d, %v\nwant    %s, short of %d", ruled(got.Removed), got.Short, err, c.removed, c.short)
			}
			r.agrees()
			err = r.promises.Reserve(t.Context(), 50)
			if full := c.short > 0; full != fault.Is(err, fault.NoSpace) || full != r.problems.has(problemDiskLow) {
				t.Errorf("a download: %v", err)
			}
		})
	}
}

// What another process pins while room is being made stays.
func TestQuota_PinnedMeanwhile(t *testing.T) {
	t.Parallel()
	r := stocked(t)
	err := r.store.db.Write(t.Context(), func(tx *db.Tx) error {
		_, err := setPinned(t.Context(), tx, Name{7, 10}, true) // the index does not know
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.limit(1)
	if _, err := r.GC(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if v, err := r.storedVersion(t.Context(), Name{7, 10}); err != nil || !v.Pinned || !slices.Contains(r.keys(), v.Key) {
		t.Errorf("%+v, %v", v, err)
	}
	r.agrees()
}

// A blob that a job is about to name in a row is not deleted, and is once the
// job let it go without a row.
func TestQuota_HeldBlob(t *testing.T) {
	t.Parallel()
	r := stocked(t)
	n := Name{7, 10}
	release := r.holds.take(blobKey(n))
	r.limit(1400)
	if _, err := r.GC(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if r.index.get(n) != nil || !slices.Contains(r.keys(), blobKey(n)) {
		t.Fatalf("stored: %v", r.keys())
	}
	release()
	if err := r.finishRemovals(t.Context()); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(r.keys(), blobKey(n)) {
		t.Error("it stayed")
	}
	r.agrees()
}

// Whichever call of the file system fails while room is made, the next time
// finishes it.
func TestR3_Eviction(t *testing.T) {
	t.Parallel()
	for n := 1; ; n += 1 + n/8 {
		r := stocked(t)
		faulty := durabletest.NewFaulty(durable.Disk)
		blobs, err := blob.OpenDisk(faulty, filepath.Join(r.dir, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		r.Service.blobs = blobs
		r.limit(1400)
		faulty.Fail(durabletest.Any, n, syscall.EIO, false)
		_, failed := r.GC(t.Context(), false)
		hit := faulty.Hits() > 0
		faulty.Heal()
		r.settleStore(t.Context())
		if _, err := r.GC(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		long := r.clock.Now().Add(-time.Hour) // else a job might be about to name it
		for _, key := range r.keys() {
			if err := os.Chtimes(filepath.Join(r.dir, "blobs", filepath.FromSlash(key)), long, long); err != nil {
				t.Fatal(err)
			}
		}
		r.settleStore(t.Context())
		r.agrees()
		if used := r.promises.used(); used > 1400 || t.Failed() {
			t.Fatalf("call %d (%v): %d bytes are left", n, failed, used)
		}
		if err := blobs.Close(); err != nil {
			t.Fatal(err)
		}
		if !hit {
			if n < 20 {
				t.Errorf("only %d calls were tried", n)
			}
			return
		}
	}
}

// However many ask at once, no more is promised than there is.
func TestQuota_Together(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.limit(1000)
	var granted atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			switch err := r.promises.Reserve(t.Context(), 100); {
			case err == nil:
				granted.Add(100)
			case !fault.Is(err, fault.NoSpace):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, whole := granted.Load(), r.promises.whole.Load(); n == 0 || n > 1000 || whole != n {
		t.Errorf("%d bytes were granted, %d are promised", n, whole)
	}
}
