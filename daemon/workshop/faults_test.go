package workshop

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/durable/durabletest"
)

// Whichever call of the file system fails while a version is brought here:
// nothing wrong is ever served, it is served in the end, and nothing of the
// failed attempt stays behind.
func TestR3_EveryCall(t *testing.T) {
	t.Parallel()
	for _, fails := range []error{syscall.EIO, syscall.ENOSPC, syscall.EMFILE} {
		for n := 1; ; n++ {
			hit := false
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
				r := newRig(t, nil)
				faulty := durabletest.NewFaulty(durable.Disk)
				blobs, err := blob.OpenDisk(faulty, filepath.Join(r.dir, "blobs"))
				if err != nil {
					t.Fatal(err)
				}
				defer blobs.Close() //nolint:errcheck // the test is over
				r.Service.blobs = blobs
				good := r.offer(vector)
				r.start()
				pass(second)
				faulty.Fail(durabletest.Any, n, fails, false)
				for waited := 0; ; waited++ {
					w := r.do("GET", "/"+vector.File(), nil)
					if w.Code == 200 {
						if w.Body.String() != string(good) {
							t.Fatalf("call %d, %v: wrong bytes", n, fails)
						}
						break
					}
					if w.Code != 202 && w.Header().Get("X-Reason") != "File not found" || waited > 60 {
						t.Fatalf("call %d, %v: %d %q after %d s", n, fails, w.Code, w.Header().Get("X-Reason"), waited)
					}
					pass(second)
				}
				hit = faulty.Hits() > 0
				faulty.Heal()
				r.stop()
				for _, key := range r.keys() {
					if strings.HasPrefix(key, "incoming/") {
						t.Errorf("call %d, %v: %s stayed", n, fails, key)
					}
				}
			})
			if !hit {
				if n < 10 {
					t.Errorf("only %d calls were tried", n)
				}
				break
			}
		}
	}
}
