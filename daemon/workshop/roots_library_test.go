package workshop

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// installed is a Workshop item in its places: decimal, as Steam writes it, and
// hexadecimal, as Natural Selection 2 does.
const installed = 117887554 // 706d242

// stateFile is an appworkshop_4920.acf that lists versions by item.
func stateFile(versions map[uint64]int64) string {
	var b strings.Builder
	b.WriteString("\"AppWorkshop\"\n{\n\t\"appid\"\t\t\"4920\"\n\t\"WorkshopItemsInstalled\"\n\t{\n")
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		fmt.Fprintf(&b, "\t\t\"%d\"\n\t\t{\n\t\t\t\"size\"\t\t\"9\"\n\t\t\t\"timeupdated\"\t\t\"%d\"\n\t\t\t\"manifest\"\t\t\"%d\"\n\t\t}\n", id, versions[id], versions[id]*7)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}

// install puts an item of one file and the state file into a place.
func install(t testing.TB, place string, version int64) {
	t.Helper()
	put(t, filepath.Join(place, "content", "4920", "117887554", "lua", "mod.lua"), fmt.Appendf(nil, "print(%d)", version))
	put(t, filepath.Join(place, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: version})))
}

func TestLibraryPlaces(t *testing.T) {
	for root, place := range map[string]string{
		"the mod storage of a server":         "",
		"the folder that holds steamapps":     "steamapps/workshop",
		"steamapps itself":                    "workshop",
		"the Workshop folder below steamapps": "",
	} {
		t.Run(root, func(t *testing.T) {
			dir := t.TempDir()
			at := filepath.Join(dir, filepath.FromSlash(place))
			install(t, at, 1348957670)
			put(t, filepath.Join(at, "content", "4000", "5", "a.lua"), []byte("x")) // another game
			put(t, filepath.Join(at, "appworkshop_4000.acf"), []byte(stateFile(map[uint64]int64{5: 50})))
			put(t, filepath.Join(dir, "m1_5", "a.lua"), []byte("x"))
			put(t, filepath.Join(dir, "m2_5.zip"), zipOf(t, "a"))
			f := newRootFixture(dir)
			f.scan(t)
			got := map[Name]string{}
			for x := range f.All() {
				got[x.Name] = string(x.Kind) + " " + filepath.ToSlash(x.File)
			}
			prefix := ""
			if place != "" {
				prefix = place + "/"
			}
			want := map[Name]string{
				{installed, 1348957670}: "folder " + prefix + "content/4920/117887554", {5, 50}: "folder " + prefix + "content/4000/5",
				{1, 5}: "folder m1_5", {2, 5}: "zip m2_5.zip",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if s := f.Status()[0]; !s.OK || s.Folders != 3 || s.Zips != 1 || len(s.Problems) != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Without a proof of its version an item is not served under any.
func TestLibraryWithoutProof(t *testing.T) {
	state := func(text string) map[string]string { return map[string]string{"appworkshop_4920.acf": text} }
	item := map[uint64]int64{installed: 5}
	for name, c := range map[string]struct {
		files    map[string]string
		problems string
	}{
		"no state file":        {nil, "version_unknown"},
		"zeros":                {state(strings.Repeat("\x00", 512)), "version_unknown"},
		"half of it":           {state(stateFile(item)[:90]), "version_unknown"},
		"a folder":             {map[string]string{"appworkshop_4920.acf/x": ""}, "version_unknown"},
		"of another app":       {map[string]string{"appworkshop_4921.acf": stateFile(item)}, "version_unknown"},
		"other items":          {state(stateFile(map[uint64]int64{1: 5})), "root_empty"},
		"no version":           {state(stateFile(map[uint64]int64{installed: 0})), "root_empty"},
		"thirteen digits":      {state(stateFile(map[uint64]int64{installed: 1e12})), "root_empty"},
		"installed, not there": {map[string]string{"appworkshop_4920.acf": stateFile(map[uint64]int64{7: 5})}, "root_empty"},
	} {
		dir := t.TempDir()
		for _, item := range []string{"117887554/a", "0117887554/a", "+1/a", "m706d242/a", "0/a", "notes.txt"} {
			put(t, filepath.Join(dir, "content", "4920", filepath.FromSlash(item)), []byte("x"))
		}
		for file, text := range c.files {
			put(t, filepath.Join(dir, filepath.FromSlash(file)), []byte(text))
		}
		f := newRootFixture(dir)
		f.scan(t)
		if s := f.Status()[0]; s.Folders != 0 || strings.Join(f.codes(), " ") != c.problems || s.Problems[0].Hint == "" {
			t.Errorf("%s: %d folders, problems %+v", name, s.Folders, s.Problems)
		}
	}
}

// Nothing outside of the root is read, whatever leads there.
func TestLibraryLinks(t *testing.T) {
	outside := t.TempDir()
	install(t, outside, 5)
	for name, c := range map[string]struct {
		make func(dir string)
		want string
	}{
		"content leads out": {func(dir string) { link(t, filepath.Join(outside, "content"), filepath.Join(dir, "content")) }, "link_outside"},
		"the app leads out": {func(dir string) {
			put(t, filepath.Join(dir, "content", "x"), nil)
			link(t, filepath.Join(outside, "content", "4920"), filepath.Join(dir, "content", "4920"))
		}, "root_empty"},
		"the item leads out": {func(dir string) {
			put(t, filepath.Join(dir, "content", "4920", "x"), nil)
			link(t, filepath.Join(outside, "content", "4920", "117887554"), filepath.Join(dir, "content", "4920", "117887554"))
		}, "link_outside"},
		"the state file leads out": {func(dir string) {
			install(t, dir, 5)
			at := filepath.Join(dir, "appworkshop_4920.acf")
			if err := os.Remove(at); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.Join(outside, "appworkshop_4920.acf"), at)
		}, "version_unknown"},
	} {
		dir := t.TempDir()
		if !strings.HasPrefix(name, "the state") {
			put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 5})))
		}
		c.make(dir)
		f := newRootFixture(dir)
		f.scan(t)
		if got := strings.Join(f.codes(), " "); got != c.want || f.Status()[0].Folders != 0 {
			t.Errorf("%s: problems %s, %+v", name, got, f.Status()[0])
		}
	}
	// Inside of the root a link is a folder like any other.
	dir := t.TempDir()
	install(t, filepath.Join(dir, "real"), 5)
	link(t, filepath.Join("real", "content"), filepath.Join(dir, "content"))
	put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 5})))
	f := newRootFixture(dir)
	f.scan(t)
	if _, ok := f.Lookup(Name{installed, 5}); !ok {
		t.Errorf("%+v", f.Status())
	}
}

// A changed state file is noticed by the next scan, and at once by who asks
// for the version that it names now.
func TestLibraryUpdate(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, 5)
	put(t, filepath.Join(dir, "content", "4920", "9", "a"), []byte("x"))
	f := newRootFixture(dir)
	var changed []Name
	f.o.Changed = func(n []Name) { changed = append(changed, n...) }
	f.scan(t)
	has := func(item ItemID, version int64) bool { _, ok := f.lookup(Name{item, version}); return ok }
	if !has(installed, 5) || has(9, 1) {
		t.Fatal("at first")
	}
	scan := func() {
		t.Helper()
		f.clock.advance(scanEvery) // much less than what makes it read everything
		if err := f.Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	scan()
	changed = nil
	put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 60, 9: 1})))
	scan()
	if has(installed, 5) || !has(installed, 60) || !has(9, 1) {
		t.Errorf("after the update: %v", changed)
	}
	// A request comes before the scan.
	put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 700, 9: 2222})))
	if _, ok := f.Probe(t.Context(), Name{installed, 700}); !ok {
		t.Error("not found at once")
	}
	if x, ok := f.Probe(t.Context(), Name{installed, 60}); ok {
		t.Errorf("still there: %+v", x)
	}
	scan()
	if !has(9, 2222) || has(9, 1) || !has(installed, 700) {
		t.Error("the scan did not take in the rest")
	}
	// The file is being written: nothing is forgotten for it.
	put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte("\"AppWorkshop\"\n{\n\t\"app"))
	if _, ok := f.Probe(t.Context(), Name{installed, 700}); !ok {
		t.Error("forgotten while the state file was being written")
	}
	if err := os.RemoveAll(filepath.Join(dir, "content", "4920", "117887554")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{9: 2222})))
	scan()
	if has(installed, 700) || !has(9, 2222) {
		t.Error("after the item was removed")
	}
}

// meanwhile runs something when the first byte comes.
type meanwhile struct {
	folderSink
	then func()
}

func (m *meanwhile) Write(b []byte) (int, error) {
	if m.then != nil {
		m.then()
		m.then = nil
	}
	return m.folderSink.Write(b)
}

func TestFolderSource_Installed(t *testing.T) {
	n := Name{installed, 1348957670}
	dir := t.TempDir()
	install(t, dir, n.Version)
	item := filepath.Join(dir, "content", "4920", "117887554")
	put(t, filepath.Join(item, ".modinfo"), []byte("name"))
	before := tree(t, dir)
	f := newRootFixture(dir)
	f.scan(t)
	got, z := fetchFolder(t, f, n, nil)
	if want := (Got{Version: n.Version, Origin: item, State: Zipping}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if names := entries(t, z); !slices.Equal(names, []string{".modinfo", "lua/mod.lua"}) {
		t.Errorf("the zip holds %q", names)
	}
	// The same content and version give the same bytes as m<hex>_<version>.
	legacy := t.TempDir()
	put(t, filepath.Join(legacy, n.String(), "lua", "mod.lua"), fmt.Appendf(nil, "print(%d)", n.Version))
	put(t, filepath.Join(legacy, n.String(), ".modinfo"), []byte("name"))
	g := newRootFixture(legacy)
	g.scan(t)
	if _, other := fetchFolder(t, g, n, nil); !bytes.Equal(z, other) {
		t.Error("other bytes than from m<hex>_<version>")
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the operator's folder was changed: %s", diff)
	}
}

// The state file has to say the same before and after.
func TestFolderSource_InstalledMeanwhile(t *testing.T) {
	n := Name{installed, 5}
	for name, c := range map[string]struct {
		waiting, packing func(dir string)
	}{
		"while it waits": {waiting: func(dir string) { install(t, dir, 6) }},
		"while it packs": {packing: func(dir string) {
			put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 6})))
		}},
		"it is cut short":  {packing: func(dir string) { put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte("\"AppW")) }},
		"it is taken away": {packing: func(dir string) { _ = os.Remove(filepath.Join(dir, "appworkshop_4920.acf")) }},
		"another manifest": {packing: func(dir string) {
			text := strings.ReplaceAll(stateFile(map[uint64]int64{installed: 5}), `"35"`, `"36"`)
			put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(text))
		}},
	} {
		dir := t.TempDir()
		install(t, dir, n.Version)
		f := newRootFixture(dir)
		f.scan(t)
		clock, sink := waiting{}, &meanwhile{}
		if c.waiting != nil {
			clock.during = func() { c.waiting(dir) }
		}
		if c.packing != nil {
			sink.then = func() { c.packing(dir) }
		}
		got, err := NewFolderSource(f.Roots, clock, modzip.Limits{}).Fetch(t.Context(), Want{Name: n}, sink)
		e, _ := err.(*fault.Error) //nolint:errorlint // the outermost carries the time
		if !fault.Is(err, fault.Unavailable) || got != (Got{}) || e == nil || e.RetryAfter != modzip.QuietFor {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What an author uploaded before build 340 lies there as <handle>_legacy.bin.
func TestFolderSource_Upload(t *testing.T) {
	upload := steamtest.Zip(map[string]string{"lua/a.lua": "1"})
	broken := bytes.Clone(upload)
	broken[30+len("lua/a.lua")+9] ^= 0xff // behind the header, its name and its extra field
	for name, c := range map[string]struct {
		files map[string][]byte
		same  bool
		want  fault.Kind
	}{
		"a zip":           {files: map[string][]byte{"598213490712345678_legacy.bin": upload}, same: true},
		"a broken zip":    {files: map[string][]byte{"5_legacy.bin": broken}, want: fault.Invalid},
		"half a zip":      {files: map[string][]byte{"5_legacy.bin": upload[:len(upload)/2]}, want: fault.Invalid},
		"something else":  {files: map[string][]byte{"5_legacy.bin": []byte("GMAD and so on")}},
		"nothing":         {files: map[string][]byte{"5_legacy.bin": nil}},
		"not alone":       {files: map[string][]byte{"5_legacy.bin": upload, "a.txt": nil}},
		"another name":    {files: map[string][]byte{"x_legacy.bin": upload}},
		"in a folder":     {files: map[string][]byte{"d/5_legacy.bin": upload}},
		"too many digits": {files: map[string][]byte{"123456789012345678901_legacy.bin": upload}},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "appworkshop_4920.acf"), []byte(stateFile(map[uint64]int64{installed: 5})))
		for file, data := range c.files {
			put(t, filepath.Join(dir, "content", "4920", "117887554", filepath.FromSlash(file)), data)
		}
		f := newRootFixture(dir)
		f.scan(t)
		var sink folderSink
		_, err := NewFolderSource(f.Roots, waiting{}, modzip.Limits{}).Fetch(t.Context(), Want{Name: Name{installed, 5}}, &sink)
		switch {
		case c.want != 0:
			if !fault.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case bytes.Equal(sink.Bytes(), upload) != c.same:
			t.Errorf("%s: served as it is: %v, want %v", name, !c.same, c.same)
		}
	}
}

// An item that only a folder has is served to a client, and its version stays
// when the game server updates it.
func TestFolder_Installed(t *testing.T) {
	t.Parallel()
	inRoot(t, func(t *testing.T, r *rig, root string) {
		install(t, root, 100)
		r.steam.put(installed, 100, func(d *webapi.FileDetails) { d.URL, d.Manifest = "", "7" })
		pass(2 * time.Minute)
		r.expect("/m706d242_100.zip", 202, "Found mod folder, zipping it up now")
		pass(30 * second)
		first := r.expect("/m706d242_100.zip", 200, "").Body.String()
		install(t, root, 2000)
		r.steam.put(installed, 2000, func(d *webapi.FileDetails) { d.URL, d.Manifest = "", "8" })
		if w := r.get(Name{installed, 2000}, time.Minute); w.Code != 200 || !slices.Equal(entries(t, w.Body.Bytes()), []string{"lua/mod.lua"}) {
			t.Errorf("the new version: %d %s", w.Code, w.Header().Get("X-Reason"))
		}
		if again := r.expect("/m706d242_100.zip", 200, "").Body.String(); again != first {
			t.Error("the old version changed")
		}
		if r.steam.count() > 1 {
			t.Errorf("Steam was asked %d times", r.steam.count())
		}
		status, err := r.Status(t.Context())
		if err != nil || status.Roots[0].Folders != 1 {
			t.Errorf("%+v %v", status.Roots, err)
		}
	})
}

// The rules of allow and deny hold for installed items too.
func TestFolder_InstalledPolicy(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deny := func(c *config.Workshop) { c.Roots, c.Deny = []string{root}, []config.Item{installed} }
	inBubble(t, deny, func(t *testing.T, r *rig) {
		install(t, root, 100)
		pass(2 * time.Minute)
		r.expect("/m706d242_100.zip", 403, "Denied - not serving that mod")
	})
}

// tree lists a folder with sizes, times and modes.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all = append(all, fmt.Sprint(p, info.Size(), info.ModTime(), info.Mode()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// entries lists the names in a zip.
func entries(t *testing.T, data []byte) []string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	return names
}
