package workshop

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
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
