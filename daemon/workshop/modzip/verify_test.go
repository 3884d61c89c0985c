package modzip

import (
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func verify(t testing.TB, z []byte, mode Mode) error {
	t.Helper()
	return Verify(t.Context(), bytes.NewReader(z), int64(len(z)), mode, Limits{})
}

func ptr[T any](v T) *T { return &v }

func TestVerifyAccepts(t *testing.T) {
	text := strings.Repeat("all your base\n", 1000)
	file := raw{name: "lua/a.lua", data: text, method: methodDeflate}
	desc := func(signed, long bool) raw {
		e := file
		e.flags = flagDescriptor
		e.trailer = descriptorOf(signed, long, text, len(deflate(text)))
		return e
	}
	for name, z := range map[string][]byte{
		"no entries":               build(archiveOptions{}),
		"deflate":                  build(archiveOptions{}, file),
		"store":                    build(archiveOptions{}, raw{name: "a", data: text}),
		"empty file, stored":       build(archiveOptions{}, raw{name: "a"}),
		"empty file, deflated":     build(archiveOptions{}, raw{name: "a", method: methodDeflate}),
		"folder entries":           build(archiveOptions{}, raw{name: "lua/"}, file, raw{name: "lua/"}),
		"deflated folder":          build(archiveOptions{}, raw{name: "lua/", method: methodDeflate, attrs: 0o040755 << 16}),
		"descriptor":               build(archiveOptions{}, desc(true, false), raw{name: "b", data: "b"}),
		"descriptor, no signature": build(archiveOptions{}, desc(false, false)),
		"descriptor, long":         build(archiveOptions{}, desc(true, true)),
		"comment":                  build(archiveOptions{comment: "made by hand"}, file),
		"bytes before, offsets ok": build(archiveOptions{prefix: "#!/bin/sh\n"}, file),
		"gap between entries":      build(archiveOptions{}, raw{name: "b", data: "b", trailer: []byte("gap")}, file),
		"dotfile":                  build(archiveOptions{}, raw{name: ".modinfo", data: "x"}),
		"leading dot folder":       build(archiveOptions{}, raw{name: "./a.lua", data: "x"}),
		"spaces and unicode":       build(archiveOptions{}, raw{name: "карта с пробелом.txt", data: "x", flags: flagUTF8}),
		"code page name":           build(archiveOptions{}, raw{name: "caf\xe9.txt", data: "x"}),
		"code page names":          build(archiveOptions{}, raw{name: "\x8f\x90", data: "x"}, raw{name: "\x8f\x91", data: "x"}),
		"folders in two cases":     build(archiveOptions{}, raw{name: "Lua/a", data: "x"}, raw{name: "lua/b", data: "x"}),
		"small and dense":          build(archiveOptions{}, raw{name: "a", data: strings.Repeat("\x00", 1<<20), method: methodDeflate}),
		"zip in a zip":             build(archiveOptions{}, raw{name: "inner.zip", data: string(build(archiveOptions{}, file))}),
		"wide attributes":          build(archiveOptions{}, raw{name: "a", data: "x", attrs: 0o100777<<16 | 0x20}),
		"device-like names":        build(archiveOptions{}, raw{name: "console/com/comm1/nullify.lua", data: "x"}),
		"zip64 sizes": build(archiveOptions{}, raw{name: "a", data: "abc", size: max32, packedLen: max32, localSize: max32,
			extra: append([]byte{1, 0, 16, 0}, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0)}),
		"zip64 end":                      zip64(build(archiveOptions{}, file), true),
		"zip64 end, both records filled": zip64(build(archiveOptions{}, file), false),
	} {
		for _, mode := range []Mode{Directory, Full} {
			if err := verify(t, z, mode); err != nil {
				t.Errorf("%s, mode %d: %v", name, mode, err)
			}
		}
	}
}

// zip64 rewrites a plain archive's end into the zip64 form; with open set the
// short record points to the long one.
func zip64(z []byte, open bool) []byte {
	b := binary.LittleEndian
	end := bytes.Clone(z[len(z)-lenEnd:])
	z = bytes.Clone(z[:len(z)-lenEnd])
	at := uint64(len(z))
	long := make([]byte, lenEnd64)
	b.PutUint32(long, sigEnd64)
	b.PutUint64(long[4:], lenEnd64-12)
	b.PutUint64(long[24:], uint64(b.Uint16(end[8:])))
	b.PutUint64(long[32:], uint64(b.Uint16(end[10:])))
	b.PutUint64(long[40:], uint64(b.Uint32(end[12:])))
	b.PutUint64(long[48:], uint64(b.Uint32(end[16:])))
	loc := make([]byte, lenLocator64)
	b.PutUint32(loc, sigLocator64)
	b.PutUint64(loc[8:], at)
	b.PutUint32(loc[16:], 1)
	if open {
		copy(end[8:20], bytes.Repeat([]byte{0xff}, 12))
	}
	return append(append(append(z, long...), loc...), end...)
}

// refusal is an archive that Verify must refuse, the mode in which it must at
// the latest, and the reason.
type refusal struct {
	zip  []byte
	mode Mode
	want string
}

func refuse(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		modes := []Mode{Full}
		if c.mode == Directory {
			modes = append(modes, Directory)
		}
		for _, mode := range modes {
			err := verify(t, c.zip, mode)
			if err == nil {
				t.Errorf("%s, mode %d: accepted", name, mode)
			} else if fault.Public(err) != c.want || !fault.Is(err, fault.Invalid) {
				t.Errorf("%s, mode %d:\n got %q\nwant %q", name, mode, fault.Public(err), c.want)
			}
		}
	}
}

func TestR13_RefusesArchives(t *testing.T) {
	ok := raw{name: "a.lua", data: "print 'hello'"}
	refuse(t, map[string]refusal{
		"nothing":      {nil, Directory, "zip: the file is empty"},
		"web page":     {[]byte("\n<!DOCTYPE html><title>503</title>"), Directory, "zip: the file is a web page, not an archive"},
		"other file":   {bytes.Repeat([]byte("x"), 100_000), Directory, "zip: the file is not an archive"},
		"cut short":    {build(archiveOptions{}, ok)[:60], Directory, "zip: the archive is cut short, its directory is missing"},
		"suffix":       {build(archiveOptions{suffix: "\n"}, ok), Directory, "zip: 1 bytes follow the end of the archive"},
		"moved":        {append([]byte("MZ"), build(archiveOptions{}, ok)...), Directory, "zip: the directory is not where the archive says, or bytes stand before the archive"},
		"lost records": {build(archiveOptions{records: ptr(uint16(1))}, ok, raw{name: "b"}), Directory, "zip: the directory holds more than its 1 entries"},
		"more records": {build(archiveOptions{records: ptr(uint16(9))}, ok), Directory, "zip: the directory is smaller than its number of entries"},
	})
}

func TestR13_RefusesNames(t *testing.T) {
	named := func(name string) []byte {
		return build(archiveOptions{}, raw{name: "a.lua", data: "print 'hello'"}, raw{name: name, data: "x"})
	}
	refuse(t, map[string]refusal{
		"parent":       {named("../evil"), Directory, `zip entry 2 "../evil": the name leads out of the folder`},
		"inner parent": {named("a/../../evil"), Directory, `zip entry 2 "a/../../evil": the name leads out of the folder`},
		"absolute":     {named("/etc/passwd"), Directory, `zip entry 2 "/etc/passwd": the name is an absolute path`},
		"backslash":    {named(`..\evil`), Directory, `zip entry 2 "..\\evil": the name has a backslash`},
		"drive":        {named("C:evil"), Directory, `zip entry 2 "C:evil": the name has a colon`},
		"stream":       {named("a.txt:evil"), Directory, `zip entry 2 "a.txt:evil": the name has a colon`},
		"device":       {named("NUL"), Directory, `zip entry 2 "NUL": the name is a device on Windows`},
		"device ext":   {named("lua/aux.lua"), Directory, `zip entry 2 "lua/aux.lua": the name is a device on Windows`},
		"device dir":   {named("com1/a"), Directory, `zip entry 2 "com1/a": the name is a device on Windows`},
		"device blank": {named("lpt9 .txt"), Directory, `zip entry 2 "lpt9 .txt": the name is a device on Windows`},
		"NUL byte":     {named("a\x00b"), Directory, `zip entry 2 "a\x00b": the name has a control character`},
		"no name":      {build(archiveOptions{}, raw{}), Directory, `zip entry 1 "": the name is empty`},
		"only dots":    {named("./."), Directory, `zip entry 2 "./.": the name is not a file`},
		"twice":        {named("a.lua"), Directory, `zip entry 2 "a.lua": the name occurs twice`},
		"twice, dots":  {named("./a.lua"), Directory, `zip entry 2 "./a.lua": the name occurs twice`},
		"case clash":   {named("A.LUA"), Directory, `zip entry 2 "A.LUA": the name differs only in case from "a.lua"`},
		"code page":    {build(archiveOptions{}, raw{name: "A\xe9"}, raw{name: "a\xe9"}), Directory, `zip entry 2 "a\xe9": the name differs only in case from "A\xe9"`},
		"sigmas":       {build(archiveOptions{}, raw{name: "ς"}, raw{name: "σ"}), Directory, `zip entry 2 "σ": the name differs only in case from "ς"`},
		"file, folder": {named("a.lua/b"), Directory, `zip entry 2 "a.lua/b": a folder of the name is also a file`},
		"folder, file": {build(archiveOptions{}, raw{name: "B/c"}, raw{name: "b"}), Directory, `zip entry 2 "b": the name is also the folder of "B/c"`},
		"long name":    {named(strings.Repeat("n", 5000)), Directory, `zip entry 2 "` + strings.Repeat("n", 64) + `…": the name is too long`},
	})
}

func TestR13_RefusesEntries(t *testing.T) {
	dense := strings.Repeat("\x00", 2<<20)
	refuse(t, map[string]refusal{
		"link":         {build(archiveOptions{}, raw{name: "a", data: "/etc/passwd", attrs: 0o120777 << 16}), Directory, `zip entry 1 "a": it is a symbolic link`},
		"device file":  {build(archiveOptions{}, raw{name: "a", attrs: 0o020666 << 16}), Directory, `zip entry 1 "a": it is neither a file nor a folder`},
		"encrypted":    {build(archiveOptions{}, raw{name: "a", data: "x", flags: flagEncrypted}), Directory, `zip entry 1 "a": it is encrypted`},
		"bzip2":        {build(archiveOptions{}, raw{name: "a", data: "x", method: 12}), Directory, `zip entry 1 "a": compression method 12 is not supported`},
		"full folder":  {build(archiveOptions{}, raw{name: "a/", data: "x"}), Directory, `zip entry 1 "a/": it is a folder with content`},
		"stored sizes": {build(archiveOptions{}, raw{name: "a", data: "x", size: 2}), Directory, `zip entry 1 "a": its sizes contradict each other`},
		"dense":        {build(archiveOptions{}, raw{name: "a", data: dense, method: methodDeflate}), Directory, `zip entry 1 "a": it unpacks to more than 200 times its size`},
		"too large":    {build(archiveOptions{}, raw{name: "a", size: 2<<30 + 1, method: methodDeflate, packed: make([]byte, 16)}), Directory, `zip entry 1 "a": it is larger than 2147483648 bytes`},
		"no zip64":     {build(archiveOptions{}, raw{name: "a", size: max32, method: methodDeflate}), Directory, `zip entry 1 "a": its zip64 sizes are missing`},
		"other part":   {build(archiveOptions{}, raw{name: "a", offset: ptr(uint32(1 << 30))}), Directory, `zip entry 1 "a": it overlaps what follows it`},
	})
}

func TestR13_RefusesOverlaps(t *testing.T) {
	refuse(t, map[string]refusal{
		"overlapping": {build(archiveOptions{}, raw{name: "a", data: "same"}, raw{name: "b", data: "same", skipLocal: true, offset: ptr(uint32(0))}), Directory, `zip entry 1 "a": it overlaps what follows it`},
		"into next":   {build(archiveOptions{}, raw{name: "a", data: "x", packedLen: 40, size: 40}, raw{name: "b", data: "x"}), Directory, `zip entry 1 "a": it overlaps what follows it`},
		"past end":    {build(archiveOptions{}, raw{name: "a", data: "x", packedLen: 4000, size: 4000}), Directory, `zip entry 1 "a": it overlaps what follows it`},
	})
}

func TestR13_RefusesData(t *testing.T) {
	ok := raw{name: "a.lua", data: "print 'hello'"}
	refuse(t, map[string]refusal{
		"wrong CRC":       {build(archiveOptions{}, ok, raw{name: "b", data: "x", crc: 1}), Full, `zip entry 2 "b": CRC mismatch`},
		"local name":      {build(archiveOptions{}, raw{name: "a.lua", localName: "b.lua", data: "x"}), Full, `zip entry 1 "a.lua": its header has another name`},
		"local size":      {build(archiveOptions{}, raw{name: "a", data: "x", localSize: 7}), Full, `zip entry 1 "a": its header has other sizes than the directory`},
		"no header":       {build(archiveOptions{prefix: strings.Repeat("x", 99)}, raw{name: "a", offset: ptr(uint32(3))}), Full, `zip entry 1 "a": its header is not where the directory says`},
		"longer":          {build(archiveOptions{}, raw{name: "a", data: "abc", size: 2, localSize: 2, method: methodDeflate}), Full, `zip entry 1 "a": it is longer than the directory says`},
		"shorter":         {build(archiveOptions{}, raw{name: "a", data: "abc", size: 4, localSize: 4, method: methodDeflate}), Full, `zip entry 1 "a": it is shorter than the directory says`},
		"rest":            {build(archiveOptions{}, raw{name: "a", data: "abc", packed: append(deflate("abc"), 0), method: methodDeflate}), Full, `zip entry 1 "a": bytes follow its packed data`},
		"garbage":         {build(archiveOptions{}, raw{name: "a", data: "abc", packed: []byte{0xff, 0xff, 0xff}, method: methodDeflate}), Full, `zip entry 1 "a": its packed data are damaged`},
		"no descriptor":   {build(archiveOptions{}, raw{name: "a", data: "abc", flags: flagDescriptor}), Full, `zip entry 1 "a": its data descriptor is missing`},
		"false promise":   {build(archiveOptions{}, raw{name: "a", data: "abc", flags: flagDescriptor, trailer: descriptorOf(true, false, "abd", 3)}), Full, `zip entry 1 "a": its data descriptor contradicts the directory`},
		"end records":     {lyingZip64(build(archiveOptions{}, ok)), Directory, "zip: the two end records differ"},
		"zip64 elsewhere": {movedZip64(build(archiveOptions{}, ok)), Directory, "zip: the zip64 end record is not where the archive says"},
	})
}

func lyingZip64(z []byte) []byte {
	z = zip64(z, false)
	z[len(z)-lenEnd+8], z[len(z)-lenEnd+10] = 2, 2
	return z
}

func movedZip64(z []byte) []byte {
	z = zip64(z, true)
	z[len(z)-lenEnd-lenLocator64+8]++
	return z
}

// TestR5_FlippedBits changes each byte of an archive: whatever Verify
// still accepts must unpack to the same files.
func TestR5_FlippedBits(t *testing.T) {
	z := build(archiveOptions{}, raw{name: "a.lua", data: "print 'hello'", method: methodDeflate}, raw{name: "b.txt", data: "stored"})
	want := contents(t, z)
	for i := range z {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			bent := bytes.Clone(z)
			bent[i] ^= flip
			if verify(t, bent, Full) != nil {
				continue
			}
			got := contents(t, bent)
			for _, data := range want {
				found := false
				for _, d := range got {
					found = found || d == data
				}
				if !found {
					t.Fatalf("byte %d ^ %#x: accepted, but the files are %q", i, flip, got)
				}
			}
		}
	}
}

// contents unpacks an accepted archive with the standard library.
func contents(t testing.TB, z []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		t.Fatalf("the standard library refuses an archive that Verify accepts: %v", err)
	}
	r.RegisterDecompressor(methodBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	files := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatalf("%q: %v", f.Name, err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatalf("%q: %v", f.Name, err)
		}
		files[f.Name] = string(data)
	}
	return files
}

func TestR13_Limits(t *testing.T) {
	var many []raw
	for i := range 12 {
		many = append(many, raw{name: string(rune('a' + i)), data: "12345"})
	}
	z := build(archiveOptions{}, many...)
	for name, c := range map[string]struct {
		limits Limits
		want   string
	}{
		"just enough": {Limits{Entries: 12, Bytes: 60}, ""},
		"entries":     {Limits{Entries: 11}, "zip: 12 entries are more than the 11 allowed"},
		"bytes":       {Limits{Bytes: 59}, "zip: the files are larger than 59 bytes in all"},
	} {
		err := Verify(t.Context(), bytes.NewReader(z), int64(len(z)), Full, c.limits)
		if got := text(err); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	// Small dense files that are a bomb together.
	var bomb []raw
	for i := range 8 {
		bomb = append(bomb, raw{name: string(rune('a' + i)), data: strings.Repeat("\x00", 1<<20), method: methodDeflate})
	}
	if got, want := text(verify(t, build(archiveOptions{}, bomb...), Directory)), "zip: the archive unpacks to more than 200 times its size"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return fault.Public(err)
}

// A million entries are refused by their number, before any is read.
func TestR13_ManyEntries(t *testing.T) {
	const records = 1_000_000
	z := build(archiveOptions{})
	z = append(make([]byte, records*lenCentral), z...)
	b := binary.LittleEndian
	b.PutUint32(z[len(z)-10:], records*lenCentral)
	b.PutUint32(z[len(z)-6:], 0)
	z = zip64(z, true)
	long := z[len(z)-lenEnd-lenLocator64-lenEnd64:]
	b.PutUint64(long[24:], records)
	b.PutUint64(long[32:], records)
	if got, want := text(verify(t, z, Directory)), "zip: the directory is larger than 33554432 bytes"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	allocated := testing.AllocsPerRun(1, func() { _ = verify(t, z, Directory) })
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}

// failing is a disk that fails from an offset on.
type failing struct {
	io.ReaderAt
	from int64
}

var errDisk = errors.New("input/output error")

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off+int64(len(b)) > f.from {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(b, off)
}

// A failing disk says nothing about the archive.
func TestVerifyReadError(t *testing.T) {
	z := build(archiveOptions{}, raw{name: "a", data: strings.Repeat("abc", 1000), method: methodDeflate}, raw{name: "b", data: "b"})
	for from := int64(0); from < int64(len(z)); from++ {
		err := Verify(t.Context(), failing{bytes.NewReader(z), from}, int64(len(z)), Full, Limits{})
		if !errors.Is(err, errDisk) || fault.Is(err, fault.Invalid) {
			t.Fatalf("reads fail from %d: %v", from, err)
		}
	}
	// A file that became shorter since its size was read is damaged.
	for size := range z {
		err := Verify(t.Context(), bytes.NewReader(z[:size]), int64(len(z)), Full, Limits{})
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("cut to %d: %v", size, err)
		}
	}
}

func TestVerifyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	z := build(archiveOptions{}, raw{name: "a", data: "x"})
	if err := Verify(ctx, bytes.NewReader(z), int64(len(z)), Full, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	file := raw{name: "a.lua", data: strings.Repeat("hello ", 50), method: methodDeflate}
	f.Add(build(archiveOptions{}))
	f.Add(build(archiveOptions{comment: "c"}, file, raw{name: "b/", attrs: 0o040755 << 16}))
	f.Add(zip64(build(archiveOptions{}, file), true))
	f.Add(build(archiveOptions{}, raw{name: "d", data: "x", flags: flagDescriptor, trailer: descriptorOf(true, true, "x", 1)}))
	f.Add(build(archiveOptions{}, raw{name: "a", data: "same"}, raw{name: "b", data: "same", skipLocal: true, offset: ptr(uint32(0))}))
	f.Add([]byte("<html>"))
	f.Add(build(archiveOptions{}, bzip2Entry(f, "a", strings.Repeat("hello ", 50))))
	limits := Limits{Entries: 100, Bytes: 1 << 20, Bzip2: true}
	f.Fuzz(func(t *testing.T, z []byte) {
		r := bytes.NewReader(z)
		full := Verify(t.Context(), r, int64(len(z)), Full, limits)
		quick := Verify(t.Context(), r, int64(len(z)), Directory, limits)
		for _, err := range []error{full, quick} {
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Fatalf("not a verdict: %v", err)
			}
		}
		if full != nil {
			return
		}
		if quick != nil {
			t.Fatalf("only the full check accepts: %v", quick)
		}
		var total int
		for name, data := range contents(t, z) {
			total += len(data)
			if strings.Contains(name, `\`) || strings.HasPrefix(name, "/") {
				t.Fatalf("accepted %q", name)
			}
		}
		if total > 1<<20 {
			t.Fatalf("accepted %d bytes", total)
		}
	})
}

// TestVerifyForeign checks archives that other programs made.
func TestVerifyForeign(t *testing.T) {
	t.Run("archive/zip", func(t *testing.T) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, data := range map[string]string{"lua/": "", "lua/a.lua": strings.Repeat("a line\n", 10_000), "empty": "", "карта": "x"} {
			f, err := w.Create(name)
			if err == nil && data != "" {
				_, err = io.WriteString(f, data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.SetComment("comment"), w.Close()); err != nil {
			t.Fatal(err)
		}
		if err := verify(t, b.Bytes(), Full); err != nil {
			t.Error(err)
		}
	})
	t.Run("python", func(t *testing.T) {
		const script = `import sys, zipfile
class Pipe:                      # cannot seek, so descriptors are written
    def __init__(self, f): self.f = f
    def write(self, b): return self.f.write(b)
    def flush(self): self.f.flush()
def fill(z):
    z.writestr("lua/", "")
    z.writestr("lua/a.lua", "a line\n" * 10000)
    z.writestr("empty", "")
    with z.open("long", "w", force_zip64=True) as f: f.write(b"zip64 sizes")
    z.writestr("stored", "x", zipfile.ZIP_STORED)
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z: fill(z)
with open(sys.argv[2], "wb") as f, zipfile.ZipFile(Pipe(f), "w", zipfile.ZIP_DEFLATED) as z: fill(z)
zipfile.ZipFile(sys.argv[3], "w").close()`
		dir := t.TempDir()
		files := []string{filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "empty")}
		if out, err := exec.Command(tool(t, "python3"), append([]string{"-c", script}, files...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, name := range files {
			z, err := os.ReadFile(name)
			if err == nil {
				err = verify(t, z, Full)
			}
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
			}
		}
	})
}
