package modzip

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// version is the one of the wire's example, 2012-09-29T22:27:50Z.
const version = 1348957670

// tree makes a folder from names and contents.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func pack(t testing.TB, dir string) ([]byte, error) {
	t.Helper()
	return packVersion(t, dir, version)
}

func packVersion(t testing.TB, dir string, v int64) ([]byte, error) {
	t.Helper()
	root := openRoot(t, dir)
	list, err := Scan(t.Context(), root, Limits{})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	stats, err := Pack(t.Context(), &b, root, list, v, Limits{})
	if err == nil && (stats.Files != len(list.Files) || stats.Bytes != list.Bytes) {
		t.Errorf("stats %+v of %d files, %d bytes", stats, len(list.Files), list.Bytes)
	}
	return b.Bytes(), err
}

// sample holds every sort of file a mod has.
func sample() map[string]string {
	noise := make([]byte, 1<<20+17)
	fill := rand.NewChaCha8([32]byte{1})
	_, _ = fill.Read(noise)
	var text strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&text, "local value%d = %d -- a line of text\n", i%977, i*i)
	}
	return map[string]string{
		".modinfo":              "{}",
		"lua/a.lua":             "print 'a'",
		"lua.txt":               "sorts before lua/a.lua, since . is before /",
		"lua/B.lua":             "upper case sorts first",
		"materials/noise.dds":   string(noise),
		"text/big.txt":          text.String(),
		"zeros.bin":             strings.Repeat("\x00", 2<<20+1),
		"empty.txt":             "",
		"exactly one block.bin": string(noise[:blockSize]),
		"карта/имя с пробелом.txt":       "unicode",
		strings.Repeat("d/", 40) + "end": "deep",
	}
}

func TestPack(t *testing.T) {
	files := sample()
	dir := tree(t, files)
	if err := os.Mkdir(filepath.Join(dir, "empty folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	z, err := pack(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, z, Full); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, contents(t, z)); diff != "" {
		t.Error("contents differ")
	}
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.File {
		if i > 0 && r.File[i-1].Name >= f.Name {
			t.Errorf("%q is not before %q", r.File[i-1].Name, f.Name)
		}
		if f.Method != zip.Deflate || f.Mode() != 0o644 || len(f.Extra) != 0 || f.NonUTF8 {
			t.Errorf("%q: method %d, mode %v, extra %x", f.Name, f.Method, f.Mode(), f.Extra)
		}
		if want := time.Unix(version, 0).UTC(); !f.Modified.UTC().Equal(want) {
			t.Errorf("%q: %v, want %v", f.Name, f.Modified, want)
		}
	}
}

// TestPackDeterministic packs the same content from folders that were made
// in different orders, at different times, with other modes and processors.
func TestPackDeterministic(t *testing.T) {
	files := sample()
	first, err := pack(t, tree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	old := time.Date(1970, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 3 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(i + 1))
		dir := tree(t, files) // a map has another order each time
		for name := range files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.Chmod(path, 0o600), os.Chtimes(path, old, old)); err != nil {
				t.Fatal(err)
			}
		}
		z, err := pack(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(z, first) {
			t.Fatalf("round %d differs", i)
		}
	}
	// Two operators who run different builds must agree too. When this sum
	// moves, say so in the change log: their zips of old folders will differ.
	sum := sha256.Sum256(first)
	if got, want := hex.EncodeToString(sum[:]), "84201fc38d979864812fb7716c578de6e889cc77b5a52fb09d92160eab125cbf"; got != want {
		t.Errorf("the bytes of a packed folder changed: %s, was %s", got, want)
	}
}

func TestPackTimes(t *testing.T) {
	dir := tree(t, map[string]string{"a": "x"})
	for _, c := range []struct {
		version int64
		want    string
	}{
		{0, "1980-01-01T00:00:00Z"},
		{-5, "1980-01-01T00:00:00Z"},
		{315532799, "1980-01-01T00:00:00Z"},
		{315532802, "1980-01-01T00:00:02Z"},
		{1348957671, "2012-09-29T22:27:50Z"}, // two-second steps
		{4354819199, "2107-12-31T23:59:58Z"},
		{999_999_999_999, "2107-12-31T23:59:58Z"},
	} {
		z, err := packVersion(t, dir, c.version)
		if err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.File[0].Modified.UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%d: %s, want %s", c.version, got, c.want)
		}
	}
}

func TestPackNothing(t *testing.T) {
	for name, files := range map[string]map[string]string{"empty": {}, "only folders": nil} {
		dir := tree(t, files)
		if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
			t.Fatal(err)
		}
		if z, err := pack(t, dir); !fault.Is(err, fault.NotFound) || len(z) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(z), err)
		}
	}
}

func TestPackRefuses(t *testing.T) {
	outside := tree(t, map[string]string{"secret": "x", "dir/secret": "x"})
	for name, c := range map[string]struct {
		file, link, want string
	}{
		"backslash":    {file: `a\b`, want: `the mod's folder cannot be packed: "a\\b": the name has a backslash`},
		"colon":        {file: "sub/a:b", want: `the mod's folder cannot be packed: "sub/a:b": the name has a colon`},
		"control":      {file: "a\nb", want: `the mod's folder cannot be packed: "a\nb": the name has a control character`},
		"not UTF-8":    {file: "caf\xe9", want: `the mod's folder cannot be packed: "caf\xe9": the name is not valid UTF-8`},
		"device":       {file: "NUL.txt", want: `the mod's folder cannot be packed: "NUL.txt": the name is a device on Windows`},
		"case clash":   {file: "OK.txt", want: `the mod's folder cannot be packed: `},
		"file outside": {file: "l", link: filepath.Join(outside, "secret"), want: `the mod's folder cannot be packed: "l" is a link that leaves the folder or leads nowhere`},
		"dir outside":  {file: "l", link: filepath.Join(outside, "dir"), want: `the mod's folder cannot be packed: "l" is a link that leaves the folder or leads nowhere`},
		"up and out":   {file: "l", link: "../../etc/passwd", want: `the mod's folder cannot be packed: "l" is a link that leaves the folder or leads nowhere`},
		"dangling":     {file: "l", link: "missing", want: `the mod's folder cannot be packed: "l" is a link that leaves the folder or leads nowhere`},
		"to itself":    {file: "l", link: "l", want: `the mod's folder cannot be packed: "l" is a link that leaves the folder or leads nowhere`},
	} {
		if runtime.GOOS == "windows" && c.link == "" {
			continue // such names cannot be made there
		}
		files := map[string]string{"ok.txt": "x"}
		if c.link == "" {
			files[c.file] = "y"
		}
		dir := tree(t, files)
		if c.link != "" {
			if err := os.Symlink(c.link, filepath.Join(dir, c.file)); err != nil {
				t.Fatal(err)
			}
		}
		z, err := pack(t, dir)
		if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(fault.Public(err), c.want) || len(z) > 0 {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

func TestR13_PackLinks(t *testing.T) {
	dir := tree(t, map[string]string{"real/a.txt": "content", "b.txt": "x"})
	for link, target := range map[string]string{"copy.txt": "real/a.txt", "folder": "real", "real/up": "../b.txt", "loop": "."} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	z, err := pack(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"real/a.txt": "content", "b.txt": "x", "copy.txt": "content", "real/up": "x"}
	if diff := cmp.Diff(want, contents(t, z)); diff != "" {
		t.Error(diff)
	}
}

func TestScanLimits(t *testing.T) {
	root := openRoot(t, tree(t, map[string]string{"a": "123", "b": "123", "c/d": "123"}))
	for _, c := range []struct {
		limits Limits
		ok     bool
	}{
		{Limits{Entries: 3, Bytes: 9}, true}, {Limits{Entries: 2}, false}, {Limits{Bytes: 8}, false},
	} {
		if _, err := Scan(t.Context(), root, c.limits); (err == nil) != c.ok || err != nil && !fault.Is(err, fault.TooLarge) {
			t.Errorf("%+v: %v", c.limits, err)
		}
	}
	folders := map[string]string{"a": "x"}
	for i := range 10 {
		folders[fmt.Sprintf("d%d/x/y/z", i)] = ""
	}
	if _, err := Scan(t.Context(), openRoot(t, tree(t, folders)), Limits{Entries: 20}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too many folders: %v", err)
	}
}

// changing alters the folder at the first byte of output.
type changing struct {
	bytes.Buffer
	once func()
}

func (c *changing) Write(b []byte) (int, error) {
	if c.once != nil {
		c.once()
		c.once = nil
	}
	return c.Buffer.Write(b)
}

func TestR2_PackWhileWritten(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 8<<16) // more blocks than are in flight
	for name, change := range map[string]func(dir string) error{
		"new file":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) },
		"truncated": func(dir string) error { return os.Truncate(filepath.Join(dir, "a"), 1<<20) },
		"removed":   func(dir string) error { return os.Remove(filepath.Join(dir, "b")) },
		"touched":   func(dir string) error { return os.Chtimes(filepath.Join(dir, "b"), time.Time{}, time.Unix(7, 0)) },
	} {
		dir := tree(t, map[string]string{"a": big, "b": "x"})
		root := openRoot(t, dir)
		list, err := Scan(t.Context(), root, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		w := &changing{once: func() {
			if err := change(dir); err != nil {
				t.Error(err)
			}
		}}
		if _, err := Pack(t.Context(), w, root, list, version, Limits{}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refusing fails after some bytes, as a full disk does.
type refusing struct{ left int }

var errFull = errors.New("no space left on device")

func (r *refusing) Write(b []byte) (int, error) {
	if r.left -= len(b); r.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestPackWriteError(t *testing.T) {
	root := openRoot(t, tree(t, sample()))
	list, err := Scan(t.Context(), root, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 100, 100_000, 1 << 20} {
		if _, err := Pack(t.Context(), &refusing{room}, root, list, version, Limits{}); !errors.Is(err, errFull) {
			t.Errorf("room for %d: %v", room, err)
		}
	}
}

// tool finds a program that must agree with us. Without it the test is left
// out, loudly; in continuous integration that is a failure.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("LEFT OUT: %s is not installed, so nobody else read our zips", name)
	return ""
}

func packedFile(t *testing.T) string {
	t.Helper()
	z, err := pack(t, tree(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mod.zip")
	if err := os.WriteFile(path, z, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPythonAccepts(t *testing.T) {
	python := tool(t, "python3")
	const script = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print("\n".join(i.filename for i in z.infolist()))`
	cmd := exec.Command(python, "-c", script, packedFile(t))
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := len(strings.Fields(strings.ReplaceAll(string(out), " ", ""))); got != len(sample()) {
		t.Errorf("python lists %d files:\n%s", got, out)
	}
}

func TestUnzipAccepts(t *testing.T) {
	out, err := exec.Command(tool(t, "unzip"), "-tq", packedFile(t)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No errors") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// FuzzPack packs small folders of any names and contents: what Pack accepts,
// Verify accepts, and it is the same twice.
func FuzzPack(f *testing.F) {
	f.Add("a.lua", "lua/b.lua", []byte("print"), int64(version))
	f.Add("NUL", "nul.txt", []byte{}, int64(0))
	f.Add("A", "a", bytes.Repeat([]byte{0}, 3<<20), int64(-1))
	f.Add("dir", "dir/file", []byte("x"), int64(1<<40))
	f.Fuzz(func(t *testing.T, first, second string, data []byte, v int64) {
		dir := t.TempDir()
		for _, name := range []string{first, second} {
			if !filepath.IsLocal(name) {
				continue
			}
			path := filepath.Join(dir, name)
			// Names that this system refuses are not the packer's matter.
			if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
				_ = os.WriteFile(path, data, 0o644)
			}
		}
		z, err := packVersion(t, dir, v)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound {
				t.Fatal(err)
			}
			return
		}
		if err := verify(t, z, Full); err != nil {
			t.Fatal(err)
		}
		if again, err := packVersion(t, dir, v); err != nil || !bytes.Equal(z, again) {
			t.Fatalf("the second time differs: %v", err)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	root := openRoot(b, tree(b, sample()))
	list, err := Scan(b.Context(), root, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(list.Bytes)
	for b.Loop() {
		if _, err := Pack(b.Context(), &bytes.Buffer{}, root, list, version, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
