package gametree

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// tree writes files below a new folder; content is the value.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		put(t, dir, name, content)
	}
	return dir
}

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, dir, name, target string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, full); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need rights on Windows")
		}
		t.Fatal(err)
	}
}

func read(t testing.TB, r *Rules, roots ...string) *Scan {
	t.Helper()
	s, err := Read(context.Background(), roots, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// served lists what an index gives for its own paths.
func served(s *Scan) (paths []string) {
	for group := range s.Index.All() {
		for _, f := range group {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func codes(s *Scan) (list []string) {
	for _, p := range s.Problems {
		list = append(list, p.Code+" "+p.Path)
	}
	slices.Sort(list)
	return list
}

func content(t testing.TB, f File) string {
	t.Helper()
	file, _, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadServesOnlyWhatIsListed(t *testing.T) {
	dir := tree(t, map[string]string{
		"maps/surf_x.bsp": "m", "maps/surf_x.bsp.bz2": "z", "maps/sub/x.bsp": "no", "maps/x.vmf": "no", "maps/.x.bsp": "no",
		"Materials/A/b.VMT": "v", "sound/x.wav": "s", "server.cfg": "rcon", "cfg/server.cfg": "rcon", "maps/server.cfg": "rcon",
		"maps/server.cfg.bz2": "rcon", "addons/maps/x.bsp": "no", "logs/l.log": "no", "materials/cp.vdf": "no",
		"maps/cp_dustbowl.bsp": "stock", ".git/maps/x.bsp": "no",
	})
	s := read(t, rules(t, config.ProfileSource, nil), dir)
	want := []string{"maps/surf_x.bsp", "maps/surf_x.bsp.bz2", "Materials/A/b.VMT", "sound/x.wav"}
	if diff := cmp.Diff(want, served(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Stock != 1 || !s.Complete || len(s.Problems) != 0 {
		t.Errorf("stock %d, complete %v, problems %v", s.Stock, s.Complete, codes(s))
	}
	if diff := cmp.Diff([]RootStatus{{Path: dir, OK: true, Files: 4}}, s.Roots); diff != "" {
		t.Error(diff)
	}
}

func TestLookup(t *testing.T) {
	one := tree(t, map[string]string{"maps/A.bsp": "A1", "maps/b.bsp": "b1", "sound/X.wav": "X1", "sound/x.WAV": "x1"})
	two := tree(t, map[string]string{"maps/a.bsp": "a2", "maps/b.bsp": "b2", "maps/c.bsp": "c2"})
	s := read(t, rules(t, config.ProfileSource, nil), one, two)
	for asked, want := range map[string]string{
		"maps/A.bsp": "A1", "maps/a.bsp": "a2", "MAPS/a.BSP": "A1", // exact first, then the order of the roots
		"maps/b.bsp": "b1", "maps/c.bsp": "c2", "maps/C.BSP": "c2",
		"sound/X.wav": "X1", "sound/x.WAV": "x1", "sound/x.wav": "X1",
	} {
		f, ok := s.Index.Lookup(asked)
		if !ok {
			t.Errorf("%s: not found", asked)
			continue
		}
		if got := content(t, f); got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
	if _, ok := s.Index.Lookup("maps/d.bsp"); ok {
		t.Error("found what is not there")
	}
}

func TestWildcardRoots(t *testing.T) {
	dir := tree(t, map[string]string{"custom/b/maps/x.bsp": "b", "custom/a/maps/x.bsp": "a", "custom/file.txt": "", "maps/y.bsp": "y"})
	s := read(t, rules(t, config.ProfileSource, nil), filepath.Join(dir, "custom", "*"), dir)
	f, ok := s.Index.Lookup("maps/x.bsp")
	if !ok || content(t, f) != "a" {
		t.Errorf("%+v", f)
	}
	if len(s.Roots) != 3 || s.Index.Len() != 3 {
		t.Errorf("roots %v", s.Roots)
	}
	none := read(t, rules(t, config.ProfileSource, nil), filepath.Join(dir, "nothing", "*"))
	if none.Complete || len(none.Problems) != 0 {
		t.Errorf("no folder at all: %v", codes(none))
	}
}

func TestLinks(t *testing.T) {
	outside := tree(t, map[string]string{"secret.bsp": "secret", "maps/o.bsp": "o"})
	dir := tree(t, map[string]string{
		"cfg/server.cfg": "rcon", "maps/real.bsp": "r", "shared/maps/in.bsp": "in", "addons/x.txt": "a", ".git/x.txt": "g", "materials/a/x.vmt": "v",
	})
	link(t, dir, "maps/alias.bsp", "real.bsp")
	link(t, dir, "maps/leak.txt", "../cfg/server.cfg")
	link(t, dir, "maps/leak2.txt", "../addons/x.txt")
	link(t, dir, "maps/leak3.txt", "../.git/x.txt")
	link(t, dir, "maps/out.bsp", filepath.Join(outside, "secret.bsp"))
	link(t, dir, "maps/up.bsp", "../../secret.bsp")
	link(t, dir, "maps/nowhere.bsp", "gone.bsp")
	link(t, dir, "sound", filepath.Join(outside, "maps"))
	link(t, dir, "models", "cfg")
	link(t, dir, "materials/b", "a")
	link(t, dir, "materials/a/loop", "..")
	link(t, dir, "materials/self", ".")
	link(t, dir, "particles", ".")
	link(t, dir, "ignored.cfg", "cfg/server.cfg")
	s := read(t, rules(t, config.ProfileSource, nil), dir)
	want := []string{"maps/alias.bsp", "maps/real.bsp", "materials/a/x.vmt", "materials/b/x.vmt"}
	if diff := cmp.Diff(want, served(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantCodes := []string{
		"link_denied maps/leak.txt", "link_denied maps/leak2.txt", "link_denied maps/leak3.txt", "link_denied models",
		"link_outside maps/nowhere.bsp", "link_outside maps/out.bsp", "link_outside maps/up.bsp", "link_outside sound",
	}
	if diff := cmp.Diff(wantCodes, codes(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f, _ := s.Index.Lookup("maps/alias.bsp")
	if content(t, f) != "r" {
		t.Error("the link's target is not what is served")
	}
	// What was a file when the folder was read may be a link when it is opened.
	if err := os.Remove(filepath.Join(dir, "maps", "real.bsp")); err != nil {
		t.Fatal(err)
	}
	link(t, dir, "maps/real.bsp", filepath.Join(outside, "secret.bsp"))
	f, _ = s.Index.Lookup("maps/real.bsp")
	if file, _, err := f.Open(); err == nil {
		file.Close() //nolint:errcheck // only read
		t.Error("a link out of the folder was opened")
	}
	for _, p := range []string{"maps/out.bsp", "maps/leak.txt", "sound/o.bsp", "maps/leak3.txt"} {
		if _, err := s.Probe(rules(t, config.ProfileSource, nil), p); !fault.Is(err, fault.NotFound) {
			t.Errorf("a look at %s: %v", p, err)
		}
	}
}

func TestProbe(t *testing.T) {
	one, two := tree(t, map[string]string{"maps/x.bsp": "x"}), tree(t, map[string]string{"maps/y.bsp": "y"})
	r := rules(t, config.ProfileSource, nil)
	s := read(t, r, one, two)
	put(t, two, "maps/new.bsp", "new")
	put(t, two, "cfg/server.cfg", "rcon")
	if err := os.Mkdir(filepath.Join(two, "maps", "dir.bsp"), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := s.Probe(r, "maps/new.bsp")
	if err != nil || content(t, f) != "new" {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err = s.Probe(r, "Maps/NEW.bsp"); err != nil || content(t, f) != "new" {
		t.Errorf("in another case: %+v, %v", f, err)
	}
	if _, ok := s.Index.Lookup("maps/new.bsp"); !ok {
		t.Error("it is not in the index now")
	}
	for _, p := range []string{"cfg/server.cfg", "maps/dir.bsp", "maps/none.bsp", "maps"} {
		if _, err := s.Probe(r, p); err == nil {
			t.Errorf("%s was found", p)
		}
	}
}

func TestReadReportsWhatIsWrong(t *testing.T) {
	dir := tree(t, map[string]string{"maps/ok.bsp": "x", "maps/x .bsp ": "x", "materials/con/x.vmt": "x", "maps/a:b.bsp": "x"})
	empty := tree(t, map[string]string{"tf/maps/x.bsp": "x"})
	s := read(t, rules(t, config.ProfileSource, nil), dir, empty, filepath.Join(dir, "missing"))
	want := []string{"bad_name maps/a:b.bsp", "bad_name materials/con", "root_empty " + empty, "root_missing " + filepath.Join(dir, "missing")}
	if runtime.GOOS != "windows" {
		if diff := cmp.Diff(want, codes(s)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if s.Complete || s.Roots[2].OK || !s.Roots[1].OK {
		t.Errorf("complete %v, roots %v", s.Complete, s.Roots)
	}
	for _, p := range s.Problems {
		if p.Text == "" || strings.Contains(p.Text, "%!") {
			t.Errorf("%s says %q", p.Code, p.Text)
		}
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, []string{tree(t, map[string]string{"maps/x.bsp": "x"})}, rules(t, config.ProfileSource, nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOpenSeesTheFileAsItIs(t *testing.T) {
	dir := tree(t, map[string]string{"maps/x.bsp": "old"})
	s := read(t, rules(t, config.ProfileSource, nil), dir)
	put(t, dir, "maps/x.bsp", "newer")
	f, _ := s.Index.Lookup("maps/x.bsp")
	file, now, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	if now.Size != 5 || now.Same(f) {
		t.Errorf("%+v", now)
	}
	if err := os.Remove(filepath.Join(dir, "maps", "x.bsp")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Open(); !fault.Is(err, fault.NotFound) {
		t.Errorf("gone: %v", err)
	}
	s.Index.Drop(f)
	if _, ok := s.Index.Lookup("maps/x.bsp"); ok || s.Index.Len() != 0 {
		t.Error("still there")
	}
}

func TestStale(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		packed time.Time
		want   bool
	}{{now, false}, {now.Add(time.Hour), false}, {now.Add(-30 * time.Second), false}, {now.Add(-2 * time.Minute), true}} {
		if got := Stale(File{ModTime: now}, File{ModTime: tt.packed}); got != tt.want {
			t.Errorf("%v: %v", tt.packed.Sub(now), got)
		}
	}
}
