package workshop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// asStranger runs fn as an account that owns nothing here. Only the calling
// thread changes, so fn must not start goroutines that read files.
func asStranger(t *testing.T, fn func()) {
	t.Helper()
	if os.Getuid() != 0 { // then the modes alone keep us out
		fn()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err)
		}
	}()
	fn()
}

// TestRootsOfOthers: files of another user are served as long as they can be
// read, and what cannot be read is a problem, not damage.
func TestRootsOfOthers(t *testing.T) {
	root, closed := t.TempDir(), t.TempDir()
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "m2_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "m3_5/a"), []byte("x"))
	put(t, filepath.Join(root, "m4_5/sub/a"), []byte("x"))
	put(t, filepath.Join(closed, "m5_5.zip"), zipOf(t, "a"))
	for path, mode := range map[string]os.FileMode{
		filepath.Dir(root): 0o755, root: 0o555, closed: 0,
		filepath.Join(root, "m2_5.zip"): 0, filepath.Join(root, "m3_5"): 0, filepath.Join(root, "m4_5/sub"): 0,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o755) })
	}
	f := newRootFixture(root, closed)
	asStranger(t, func() {
		f.scan(t)
		if got := f.codes(); !slices.Equal(got, []string{"root_unreadable"}) {
			t.Errorf("problems %v", got)
		}
		in, _, err := f.Open(t.Context(), Name{1, 5})
		if err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
		if _, _, err := f.Open(t.Context(), Name{2, 5}); !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
			t.Errorf("a zip that cannot be read: %v", err)
		}
		for range 2 {
			for _, x := range f.unchecked() {
				f.checkQuietly(t.Context(), x)
			}
		}
		if got := f.codes(); !slices.Equal(got, []string{"unreadable", "root_unreadable"}) || len(f.book.checks) != 1 {
			t.Errorf("problems %v, %d verdicts", got, len(f.book.checks))
		}
		for _, item := range []ItemID{3, 4} {
			got, err := NewFolderSource(f.Roots, waiting{}, modzip.Limits{}).Fetch(t.Context(), Want{Name: Name{item, 5}}, &folderSink{})
			if !fault.Is(err, fault.Unavailable) || fault.Hint(err) == "" {
				t.Errorf("folder %d: %+v, %v", item, got, err)
			}
		}
	})
	// Once it can be read, all is well.
	for _, path := range []string{closed, filepath.Join(root, "m2_5.zip")} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f.scan(t)
	if got := f.codes(); len(got) != 0 {
		t.Errorf("problems %v", got)
	}
	if _, ok := f.Lookup(Name{5, 5}); !ok {
		t.Error("the folder is not back")
	}
}

// A zip that the daemon may not read counts as absent: other sources are
// asked, and if they have nothing the client is told so instead of waiting
// for ever. Once it can be read, it is served.
func TestRoot_UnreadableZip(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		elsewhere, nowhere, noSource := vector, Name{0x77, 5}, Name{0x78, 100}
		text := string(zipOf(t, "in the folder"))
		for _, n := range []Name{elsewhere, nowhere, noSource} {
			write(t, filepath.Join(root, n.File()), text)
		}
		data := r.offer(elsewhere)
		r.steam.put(0x78, 100, func(d *webapi.FileDetails) { d.URL, d.Manifest = "", "77" })
		chmod := func(mode os.FileMode) {
			for _, path := range []string{filepath.Dir(root), root} {
				if err := os.Chmod(path, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, n := range []Name{elsewhere, nowhere, noSource} {
				if err := os.Chmod(filepath.Join(root, n.File()), mode); err != nil {
					t.Fatal(err)
				}
			}
		}
		chmod(0)
		pass(3*time.Minute + 5*second) // scanned and checked
		asStranger(t, func() {
			for n, reason := range map[Name]string{nowhere: "Denied - no such mod", noSource: "Denied - no source can supply this item"} {
				if w := r.do("GET", "/"+n.File(), map[string]string{"Cache-Control": "only-if-cached"}); w.Code != 504 {
					t.Errorf("only if cached: %d", w.Code)
				}
				r.expect("/"+n.File(), 202, "Downloading")
				if w := r.get(n, 20*second); w.Code != 404 || w.Header().Get("X-Reason") != reason {
					t.Errorf("%s: %d %q, want 404 %q", n, w.Code, w.Header().Get("X-Reason"), reason)
				}
				r.expect("/"+n.File(), 404, reason)
			}
			r.expect("/"+elsewhere.File(), 202, "Downloading")
			pass(10 * second)
		})
		if w := r.expect("/"+elsewhere.File(), 200, ""); w.Body.String() != string(data) {
			t.Error("the source's copy is not served")
		}
		st, err := r.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, p := range st.Problems {
			if p.Code == "unreadable" && p.Hint != "" && strings.HasPrefix(p.Text, root) {
				named++
			}
		}
		if logged := strings.Count(r.log.String(), "code=unreadable"); named != 3 || logged != 3 {
			t.Errorf("%d problems name the files, %d lines of the log; want 3", named, logged)
		}
		chmod(0o644)
		pass(2 * time.Minute)
		for _, n := range []Name{nowhere, noSource} {
			if w := r.expect("/"+n.File(), 200, ""); w.Body.String() != text {
				t.Errorf("%s: other bytes", n)
			}
		}
	})
}

// A zip that is only being written is worth waiting for, even if another
// folder holds one that may not be read.
func TestRoots_BarredAndBusy(t *testing.T) {
	barred, busy := t.TempDir(), t.TempDir()
	for _, dirs := range [][]string{{barred, busy}, {busy, barred}} {
		f := newRootFixture(dirs...)
		closed, half := filepath.Join(barred, "m1_5.zip"), filepath.Join(busy, "m1_5.zip")
		put(t, closed, zipOf(t, "a"))
		put(t, half, []byte("PK"))
		for path, mode := range map[string]os.FileMode{filepath.Dir(barred): 0o755, filepath.Dir(busy): 0o755, closed: 0} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		f.scan(t)
		now := f.clock.Now()
		if err := os.Chtimes(half, now, now); err != nil {
			t.Fatal(err)
		}
		asStranger(t, func() {
			if _, _, err := f.Open(t.Context(), Name{1, 5}); !fault.Is(err, fault.Unavailable) || errors.Is(err, fs.ErrPermission) {
				t.Errorf("%v: %v", dirs, err)
			}
		})
		if err := os.Chmod(closed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A request alone finds that a file can be read again.
func TestRoots_UnbarredByProbe(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "m1_5.zip")
	put(t, path, zipOf(t, "a"))
	for file, mode := range map[string]os.FileMode{filepath.Dir(root): 0o755, path: 0} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	f := newRootFixture(root)
	f.scan(t)
	asStranger(t, func() {
		if _, _, err := f.Open(t.Context(), Name{1, 5}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v", err)
		}
		f.scan(t)
		if x, ok := f.Lookup(Name{1, 5}); ok {
			t.Errorf("it does not count as absent: %+v", x)
		}
	})
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if x, ok := f.Probe(t.Context(), Name{1, 5}); !ok || x.Kind != Zip {
		t.Errorf("after it was opened: %+v %v", x, ok)
	}
}
