package workshop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestRootsOpen(t *testing.T) {
	root, second := t.TempDir(), t.TempDir()
	good := zipOf(t, "a")
	put(t, filepath.Join(root, "M1_5.zip"), good)
	put(t, filepath.Join(root, "m2_5.zip"), []byte("<html>503 Service Unavailable</html>"))
	put(t, filepath.Join(root, "m3_5.zip"), []byte("<html>503 Service Unavailable</html>"))
	put(t, filepath.Join(second, "m3_5.zip"), good)
	put(t, filepath.Join(root, "m4_5.zip"), []byte("<html>503 Service Unavailable</html>"))
	put(t, filepath.Join(root, "m4_5/a"), []byte("x"))
	f := newRootFixture(root, second)
	f.scan(t)

	in, x, err := f.Open(t.Context(), Name{1, 5})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(in)
	_ = in.Close()
	if err != nil || !bytes.Equal(data, good) || x.Size != int64(len(good)) || x.Checked {
		t.Errorf("%d bytes, %v, %+v", len(data), err, x)
	}

	if _, _, err := f.Open(t.Context(), Name{2, 5}); !fault.Is(err, fault.Invalid) || fault.Public(err) != "zip: the file is a web page, not an archive" {
		t.Errorf("a web page: %v", err)
	}
	if x, ok := f.Lookup(Name{2, 5}); ok || x.Damage != "zip: the file is a web page, not an archive" {
		t.Errorf("%+v %v", x, ok)
	}
	if len(f.book.checks) != 1 || !slices.Contains(f.codes(), "damaged") {
		t.Errorf("recorded %v, problems %v", f.book.checks, f.codes())
	}

	in, x, err = f.Open(t.Context(), Name{3, 5})
	if err != nil || x.Root != second {
		t.Fatalf("the second folder's copy: %+v, %v", x, err)
	}
	_ = in.Close()

	_, _, err = f.Open(t.Context(), Name{4, 5})
	if x, ok := f.Lookup(Name{4, 5}); !fault.Is(err, fault.Invalid) || !ok || x.Kind != Folder {
		t.Errorf("the folder replaces the damaged zip: %+v %v, %v", x, ok, err)
	}
	if _, _, err := f.Open(t.Context(), Name{7, 7}); !fault.Is(err, fault.NotFound) {
		t.Errorf("absent: %v", err)
	}
}

func TestRootsOpenChanged(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	path := filepath.Join(root, "m1_5.zip")
	put(t, path, []byte("<html>"))
	f := newRootFixture(root)
	f.scan(t)
	if _, _, err := f.Open(t.Context(), Name{1, 5}); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
	// Mended: found by a probe, as a request for it would cause.
	good := zipOf(t, "a", "b")
	put(t, path, good)
	if x, ok := f.Probe(t.Context(), Name{1, 5}); !ok || x.Size != int64(len(good)) {
		t.Errorf("%+v %v", x, ok)
	}
	in, x, err := f.Open(t.Context(), Name{1, 5})
	if err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	if _, err := f.Check(t.Context(), Name{1, 5}); err != nil {
		t.Fatal(err)
	}
	// Replaced between scan and open: the new file is described, unchecked.
	better := zipOf(t, "a", "b", "c")
	put(t, path, better)
	in, x, err = f.Open(t.Context(), Name{1, 5})
	if err != nil || x.Size != int64(len(better)) || x.Checked {
		t.Fatalf("%+v, %v", x, err)
	}
	_ = in.Close()
	// Still being copied: not damaged, just not yet.
	put(t, path, better[:20])
	f.clock.mu.Lock()
	f.clock.now = time.Now().Add(time.Second)
	f.clock.mu.Unlock()
	if _, _, err := f.Open(t.Context(), Name{1, 5}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("half a file: %v", err)
	}
	// Replaced by a link that leaves the folder.
	put(t, filepath.Join(outside, "x.zip"), good)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	link(t, filepath.Join(outside, "x.zip"), path)
	if _, _, err := f.Open(t.Context(), Name{1, 5}); err == nil {
		t.Error("a link led out of the folder")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Open(t.Context(), Name{1, 5}); !fault.Is(err, fault.NotFound) {
		t.Errorf("gone: %v", err)
	}
	if _, ok := f.lookup(Name{1, 5}); ok {
		t.Error("still in the index")
	}
}

func TestRootsCheck(t *testing.T) {
	root := t.TempDir()
	good := zipOf(t, "a")
	bent := bytes.Clone(good)
	bent[40] ^= 0xff // in the data: only reading all of it shows
	put(t, filepath.Join(root, "m1_5.zip"), good)
	put(t, filepath.Join(root, "m2_5.zip"), bent)
	f := newRootFixture(root)
	f.scan(t)
	for _, x := range f.unchecked() {
		f.checkQuietly(t.Context(), x)
	}
	if n := len(f.unchecked()); n != 0 {
		t.Errorf("%d left", n)
	}
	c := f.book.checks[filepath.Join(root, "m1_5.zip")]
	if sum := sha256.Sum256(good); c.Damage != nil || !bytes.Equal(c.SHA256, sum[:]) || !c.At.Equal(f.clock.Now()) {
		t.Errorf("%+v", c)
	}
	if x, ok := f.Lookup(Name{1, 5}); !ok || !x.Checked {
		t.Errorf("%+v", x)
	}
	c = f.book.checks[filepath.Join(root, "m2_5.zip")]
	if c.Damage == nil || !strings.Contains(fault.Public(c.Damage), `zip entry 1 "a"`) || c.SHA256 != nil {
		t.Errorf("%+v", c)
	}
	if _, ok := f.Lookup(Name{2, 5}); ok {
		t.Error("a damaged zip is offered")
	}

	// The next process knows it all; a touched file is read again.
	later := newRootFixture(root)
	later.o.Records = f.book
	later.scan(t)
	if n := len(later.unchecked()); n != 0 {
		t.Errorf("%d zips are checked again after a restart", n)
	}
	if _, ok := later.Lookup(Name{2, 5}); ok {
		t.Error("the damage was forgotten")
	}
	if err := os.Chtimes(filepath.Join(root, "m2_5.zip"), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	later.scan(t)
	if n := len(later.unchecked()); n != 1 {
		t.Errorf("%d zips are to be checked, want the touched one", n)
	}
	// A verdict that cannot be written down does not count.
	later.book.fail = errors.New("disk full")
	later.o.Records = later.book
	if _, err := later.Check(t.Context(), Name{2, 5}); err == nil {
		t.Error("the failure was swallowed")
	}
	if n := len(later.unchecked()); n != 1 {
		t.Errorf("%d to be checked", n)
	}
}

// TestRootsRun lives through a day: a file appears, is asked for, found,
// checked, and goes.
func TestRootsRun(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	clock := newRootClock()
	book := &rootBook{told: make(chan Check, 16)}
	changed := make(chan []Name, 64)
	r := NewRoots(RootsOptions{Dirs: []string{root}, Records: book, Clock: clock, CheckRate: -1, Log: slog.New(slog.DiscardHandler),
		Changed: func(n []Name) { changed <- n }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	if c := <-book.told; c.Found.Name != (Name{1, 5}) || c.Damage != nil {
		t.Errorf("%+v", c)
	}
	put(t, filepath.Join(root, "m2_5.zip"), zipOf(t, "b"))
	if _, ok := r.Lookup(Name{2, 5}); !ok { // a rescan cannot have happened
		for names := range changed {
			if slices.Contains(names, Name{2, 5}) {
				break
			}
		}
	}
	if _, ok := r.Lookup(Name{2, 5}); !ok {
		t.Error("not found after it was asked for")
	}
	if c := <-book.told; c.Found.Name != (Name{2, 5}) {
		t.Errorf("%+v", c)
	}
	if err := os.Remove(filepath.Join(root, "m1_5.zip")); err != nil {
		t.Fatal(err)
	}
	r.Rescan()
	for names := range changed {
		if _, ok := r.lookup(Name{1, 5}); slices.Contains(names, Name{1, 5}) && !ok {
			break
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// snapshot describes everything below a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			p := fingerprintOf(info)
			all[path] = fmt.Sprint(info.Mode(), p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRootsReadOnly does everything and finds the folders as they were.
func TestRootsReadOnly(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "m2_5.zip"), []byte("<html>"))
	put(t, filepath.Join(root, "m3_5/a"), []byte("x"))
	put(t, filepath.Join(root, "m4_5.zip.downloading"), []byte("half"))
	before := snapshot(t, root)
	f := newRootFixture(root)
	f.scan(t)
	for _, n := range []Name{{1, 5}, {2, 5}, {3, 5}, {4, 5}} {
		if in, _, err := f.Open(t.Context(), n); err == nil {
			_ = in.Close()
		}
		_, _ = f.Check(t.Context(), n)
		_, _ = fetchFolder(t, f, n, nil)
	}
	f.scan(t)
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Error(diff)
	}
}

func TestPaced(t *testing.T) {
	clock := newRootClock()
	data := bytes.Repeat([]byte("x"), 4<<20)
	p := &paced{ctx: t.Context(), r: bytes.NewReader(data), rate: 1 << 20, clock: clock}
	done := make(chan int, 1)
	go func() {
		got, _ := io.ReadAll(io.NewSectionReader(p, 0, int64(len(data))))
		done <- len(got)
	}()
	rests := 0
	for {
		select {
		case n := <-done:
			if n != len(data) || rests < 3 {
				t.Errorf("%d bytes with %d rests", n, rests)
			}
			return
		default:
			clock.mu.Lock()
			waiting := len(clock.timers) > 0
			clock.mu.Unlock()
			if waiting {
				rests++
				clock.advance(time.Second)
			}
		}
	}
}

func BenchmarkRootsScan(b *testing.B) {
	root := b.TempDir()
	data := zipOf(b, "a")
	for i := range 50_000 {
		put(b, filepath.Join(root, Name{ItemID(i), 5}.File()), data)
	}
	f := newRootFixture(root)
	for b.Loop() {
		f.clock.advance(fullScanEvery)
		if err := f.Scan(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// A zip that was not checked in full yet has its directory looked at once, and
// again when the file is another one.
func TestRoots_OneLook(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	f := newRootFixture(root)
	f.scan(t)
	look := func() (looked bool) {
		in, x, err := f.Open(t.Context(), Name{1, 5})
		if err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
		return x.looked
	}
	if first, second := look(), look(); first || !second {
		t.Errorf("looked at before the first request: %v, before the second: %v", first, second)
	}
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "another"))
	if look() {
		t.Error("another file passes for the one that was looked at")
	}
}
