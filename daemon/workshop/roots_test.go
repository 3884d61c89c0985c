package workshop

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// rootClock stands still; After fires when the test says so. It runs an hour
// ahead of the disk, so that no file counts as still being written.
type rootClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []chan time.Time
}

func newRootClock() *rootClock { return &rootClock{now: time.Now().Add(time.Hour)} }

func (c *rootClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *rootClock) After(time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := make(chan time.Time, 1)
	c.timers = append(c.timers, timer)
	return timer
}

func (c *rootClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for _, t := range c.timers {
		t <- c.now
	}
	c.timers = nil
}

// rootBook is a RootRecords in memory.
type rootBook struct {
	mu     sync.Mutex
	checks map[string]Check
	told   chan Check
	fail   error
}

func (b *rootBook) Verdict(f Found) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.checks[f.Path()]
	if !ok || c.Found.Print != f.Print {
		return "", false
	}
	if c.Damage != nil {
		return fault.Public(c.Damage), true
	}
	return "", true
}

func (b *rootBook) Checked(_ context.Context, c Check) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	if b.checks == nil {
		b.checks = map[string]Check{}
	}
	b.checks[c.Found.Path()] = c
	if b.told != nil {
		b.told <- c
	}
	return nil
}

type rootFixture struct {
	*Roots
	clock *rootClock
	book  *rootBook
	log   *bytes.Buffer
}

func newRootFixture(dirs ...string) rootFixture {
	f := rootFixture{clock: newRootClock(), book: &rootBook{}, log: &bytes.Buffer{}}
	f.Roots = NewRoots(RootsOptions{
		Dirs: dirs, Records: f.book, Clock: f.clock, CheckRate: -1, Log: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	return f
}

func (f rootFixture) scan(t *testing.T) {
	t.Helper()
	f.clock.advance(fullScanEvery) // whatever the directory's time says
	if err := f.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f rootFixture) codes() []string {
	var codes []string
	for _, s := range f.Status() {
		for _, p := range s.Problems {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

func zipOf(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, "content of "+name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestParseFile(t *testing.T) {
	for file, want := range map[string]struct {
		name    Name
		zip, ok bool
	}{
		"m5f3f7c0_1348957670.zip": {Name{0x5f3f7c0, 1348957670}, true, true},
		"m5f3f7c0_1348957670":     {Name{0x5f3f7c0, 1348957670}, false, true},
		"M5F3F7C0_1348957670.ZIP": {Name{0x5f3f7c0, 1348957670}, true, true},
		"M5F3f7c0_1348957670":     {Name{0x5f3f7c0, 1348957670}, false, true},
		"m0005f3f7c0_0100.zip":    {Name{0x5f3f7c0, 100}, true, true},
		"mffffffffffffffff_1.zip": {Name{1<<64 - 1, 1}, true, true},
		"m10000000000000000_1":    {},
		"m1_1000000000000.zip":    {}, "m1_5.zip.downloading": {}, "m1_5.zip.zipping": {},
		"log.txt": {}, "log-err.old.txt": {}, "workshopbackup.json": {}, "server.py": {}, "server.exe": {},
		".m1_5.zip": {}, "m_5.zip": {}, "m1_.zip": {}, "m1.zip": {}, "mzz_5.zip": {}, "m1_5_6.zip": {}, "m0x1_5.zip": {},
		"m+1_5.zip": {}, "m1_-5.zip": {}, "1_5.zip": {}, ".zip": {}, "": {}, "m": {}, "m1_5 .zip": {}, "m1_5.zip.": {},
		"m١_5.zip": {}, "content": {},
	} {
		name, isZip, ok := parseFile(file)
		if ok != want.ok || ok && (name != want.name || isZip != want.zip) {
			t.Errorf("%q: %v %v %v", file, name, isZip, ok)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"m5f3f7c0_1348957670.zip", "M01_05.ZIP", "m1_5", "m_", "mm_1.zip"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		n, isZip, ok := parseFile(file)
		if !ok {
			return
		}
		canonical := n.String()
		if isZip {
			canonical = n.File()
		}
		if again, z, ok := parseFile(canonical); !ok || again != n || z != isZip {
			t.Fatalf("%q is %v, whose name %q is %v", file, n, canonical, again)
		}
	})
}

func TestRootsScan(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "secret.zip"), zipOf(t, "secret"))
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "M2A_5.Zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "m3_5/lua/a.lua"), []byte("x"))
	put(t, filepath.Join(root, "M4B_5/a.lua"), []byte("x"))
	put(t, filepath.Join(root, "m5_5.zip"), zipOf(t, "five"))
	put(t, filepath.Join(root, "m5_5/a"), []byte("x"))
	put(t, filepath.Join(root, "m6_5.zip/inside"), []byte("a folder named like a zip"))
	put(t, filepath.Join(root, "m7_5"), []byte("a file named like a folder"))
	for _, name := range []string{"log.txt", "log-err.txt", "workshopbackup.json", "server.py", "server.exe", "m8_5.zip.downloading", "m8_5.zip.zipping", ".m8_5.zip", "sub/m8_5.zip"} {
		put(t, filepath.Join(root, name), []byte("x"))
	}
	link(t, "m1_5.zip", filepath.Join(root, "m9_5.zip"))
	link(t, "m3_5", filepath.Join(root, "ma_5"))
	link(t, filepath.Join(outside, "secret.zip"), filepath.Join(root, "mb_5.zip"))
	link(t, outside, filepath.Join(root, "mc_5"))
	link(t, "missing", filepath.Join(root, "md_5.zip"))

	f := newRootFixture(root)
	f.scan(t)
	got := map[string]Kind{}
	for x := range f.All() {
		got[x.Name.String()+" "+string(x.Kind)+" "+x.File] = x.Kind
	}
	want := map[string]Kind{
		"m1_5 zip m1_5.zip": Zip, "m2a_5 zip M2A_5.Zip": Zip, "m3_5 folder m3_5": Folder, "m4b_5 folder M4B_5": Folder,
		"m5_5 zip m5_5.zip": Zip, "m5_5 folder m5_5": Folder, "m9_5 zip m9_5.zip": Zip, "ma_5 folder ma_5": Folder,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := f.codes(); !slices.Equal(got, []string{"link_outside", "link_outside", "link_outside"}) {
		t.Errorf("problems %v", got)
	}
	s := f.Status()[0]
	// A root is the folder in which m<hex>_<version> lies, not that one.
	if hint := s.Problems[0].Hint; !strings.Contains(hint, "the folder that holds the target") {
		t.Errorf("hint %q", hint)
	}
	if !s.OK || s.Zips != 4 || s.Folders != 4 || s.Unchecked != 4 || s.Path != root {
		t.Errorf("%+v", s)
	}
	if x, ok := f.Lookup(Name{5, 5}); !ok || x.Kind != Zip {
		t.Errorf("a zip goes before a folder: %+v", x)
	}
	if x, ok := f.Lookup(Name{0x2a, 5}); !ok || x.Path() != filepath.Join(root, "M2A_5.Zip") || x.Size == 0 {
		t.Errorf("%+v", x)
	}
	// A lasting problem is logged once.
	logged := strings.Count(f.log.String(), "level=WARN")
	f.scan(t)
	if again := strings.Count(f.log.String(), "level=WARN"); logged != 3 || again != 3 {
		t.Errorf("%d, then %d warnings", logged, again)
	}
}

func TestRootsSpellings(t *testing.T) {
	for name, c := range map[string]struct{ files, want string }{
		"canonical wins":     {"M1_5.zip m01_5.zip m1_5.zip", "m1_5.zip"},
		"none is canonical":  {"m01_5.zip M1_5.zip m001_5.zip", "M1_5.zip"},
		"folders as well":    {"M1_5/ m1_5/", "m1_5"},
		"a zip and a folder": {"M1_5.zip m1_5/", "M1_5.zip"},
		"the suffix's case":  {"m1_5.ZIP m1_5.zip", "m1_5.zip"},
		"only the odd one":   {"M0001_0005.ZIP", "M0001_0005.ZIP"},
	} {
		root := t.TempDir()
		files := strings.Fields(c.files)
		kinds := map[bool]int{}
		for _, file := range files {
			dir := strings.HasSuffix(file, "/")
			if dir {
				file += "a"
			}
			put(t, filepath.Join(root, file), zipOf(t, "a"))
			kinds[dir]++
		}
		if entries, _ := os.ReadDir(root); len(entries) < len(files) {
			continue // a file system without case has nothing to decide
		}
		f := newRootFixture(root)
		f.scan(t)
		if x, ok := f.Lookup(Name{1, 5}); !ok || x.File != c.want {
			t.Errorf("%s: %+v", name, x)
		}
		if twice := max(0, kinds[true]-1) + max(0, kinds[false]-1); strings.Count(strings.Join(f.codes(), " "), "name_twice") != twice {
			t.Errorf("%s: problems %v", name, f.codes())
		}
	}
}

func TestRootsComeAndGo(t *testing.T) {
	base := t.TempDir()
	disk, mount := filepath.Join(base, "disk"), filepath.Join(base, "mount")
	other := filepath.Join(base, "other")
	put(t, filepath.Join(disk, "m1_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(other, "m2_5.zip"), zipOf(t, "a"))
	file := filepath.Join(base, "file")
	put(t, file, nil)

	f := newRootFixture(mount, other, file)
	f.scan(t)
	if got := f.codes(); !slices.Equal(got, []string{"root_missing", "root_unreadable"}) {
		t.Errorf("problems %v", got)
	}
	for _, s := range f.Status() {
		for _, p := range s.Problems {
			if p.Text == "" || p.Hint == "" || s.OK {
				t.Errorf("%+v", s)
			}
		}
	}
	if _, ok := f.Lookup(Name{2, 5}); !ok {
		t.Error("one missing folder hides the others")
	}

	link(t, disk, mount) // the folder itself may be a link
	f.scan(t)
	if x, ok := f.Lookup(Name{1, 5}); !ok || x.Root != mount {
		t.Errorf("after mounting: %+v %v", x, ok)
	}
	in, _, err := f.Open(t.Context(), Name{1, 5})
	if err != nil {
		t.Fatal(err)
	}
	_ = in.Close()

	if err := os.Remove(mount); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Open(t.Context(), Name{1, 5}); !fault.Is(err, fault.NotFound) {
		t.Errorf("after unmounting: %v", err)
	}
	f.scan(t)
	if _, ok := f.Lookup(Name{1, 5}); ok {
		t.Error("still found after unmounting")
	}
	// An empty mount point is worth a word too.
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	f.scan(t)
	if got := f.codes(); !slices.Equal(got, []string{"root_empty", "root_unreadable"}) || !f.Status()[0].OK {
		t.Errorf("problems %v", got)
	}
	if !strings.Contains(f.log.String(), "can be read again") {
		t.Errorf("the return was not logged:\n%s", f.log)
	}
}

// TestRootsUnchanged counts the full readings of a folder by what they would
// notice: a removed file stays listed as long as the folder's time is old.
func TestRootsUnchanged(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	f := newRootFixture(root)
	f.scan(t)
	before, err := os.Stat(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(root, "m1_5.zip")), os.Chtimes(root, time.Time{}, before.ModTime())); err != nil {
		t.Fatal(err)
	}
	listed := func() bool { _, ok := f.lookup(Name{1, 5}); return ok }
	f.clock.advance(scanEvery)
	if err := f.Scan(t.Context()); err != nil || !listed() {
		t.Errorf("the folder was read although its time is the same: %v", err)
	}
	f.scan(t) // ten minutes later it is read anyway
	if listed() {
		t.Error("the folder was not read for ten minutes")
	}
}

func TestRootsProbe(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "m9_9.zip"), zipOf(t, "a"))
	f := newRootFixture(root)
	var changed []Name
	f.o.Changed = func(n []Name) { changed = append(changed, n...) }
	f.scan(t)
	changed = nil
	put(t, filepath.Join(root, "m1_5.zip"), zipOf(t, "a"))
	put(t, filepath.Join(root, "m2_5/a"), []byte("x"))
	if _, ok := f.Lookup(Name{1, 5}); ok {
		t.Error("found without looking")
	}
	if n := <-f.probes; n != (Name{1, 5}) {
		t.Errorf("to be looked for: %v", n)
	}
	if x, ok := f.Probe(t.Context(), Name{1, 5}); !ok || x.Kind != Zip {
		t.Errorf("%+v %v", x, ok)
	}
	if x, ok := f.Probe(t.Context(), Name{2, 5}); !ok || x.Kind != Folder {
		t.Errorf("%+v %v", x, ok)
	}
	if _, ok := f.Probe(t.Context(), Name{3, 5}); ok {
		t.Error("found what is not there")
	}
	if err := os.Remove(filepath.Join(root, "m1_5.zip")); err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Probe(t.Context(), Name{1, 5}); ok {
		t.Error("found what is gone")
	}
	if diff := cmp.Diff([]Name{{1, 5}, {2, 5}, {1, 5}}, changed); diff != "" {
		t.Error(diff)
	}
}
