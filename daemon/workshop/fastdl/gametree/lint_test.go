package gametree

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

func TestParseRes(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"Source", "\"resources\"\r\n{\r\n\t\"maps/x.txt\" \"file\"\r\n\t\"materials\\a b.vmt\"   \"file\" // \"no\" \"file\"\r\n}\r\n", []string{"maps/x.txt", "materials/a b.vmt"}},
		{"Source, unquoted", "resources{ sound/x.wav file\nmodels/x.mdl file }", []string{"sound/x.wav", "models/x.mdl"}},
		{"deeper keys are not files", `"r" { "a/b.vmt" { "x" "y" } "c.vmt" "file" }`, []string{"a/b.vmt", "c.vmt"}},
		{"GoldSrc", "// made by resgen\r\nmodels\\x.mdl\r\n\r\nsound/y.wav // loud\r\nx y.wad\r\n", []string{"models/x.mdl", "sound/y.wav", "x y.wad"}},
		{"byte order mark", "\ufeffx.wad\n", []string{"x.wad"}},
		{"a URL is no comment in quotes", `"r" { "http://x" "file" }`, []string{"http://x"}},
		{"empty", "", nil},
		{"half", `"resources" { "a.vmt" "fi`, []string{"a.vmt"}},
		{"braces only", "}}}{{{", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, parseRes(tt.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if n := len(parseRes(strings.Repeat("x.wad\n", maxResEntries+5))); n != maxResEntries {
		t.Errorf("%d entries", n)
	}
}

func FuzzParseRes(f *testing.F) {
	f.Add(`"resources" { "a" "file" }`)
	f.Add("a.mdl\n// x\n")
	f.Add("{\"\n}")
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(parseRes(text)); n > maxResEntries || n > len(text)+1 {
			t.Errorf("%d entries", n)
		}
	})
}

func noFacts() Facts {
	return Facts{
		Changed: func(string) (time.Time, bool) { return time.Time{}, false },
		Packed:  func(File) bool { return false },
		Broken:  func(File) string { return "" },
		Large:   1 << 30,
	}
}

func lint(t *testing.T, s *Scan, r *Rules, facts Facts) (list []string) {
	t.Helper()
	findings, more, err := Lint(context.Background(), s, r, facts)
	if err != nil || more != 0 {
		t.Fatal(more, err)
	}
	for _, f := range findings {
		list = append(list, string(f.Severity)+" "+f.Code+" "+f.Path)
		if f.Text == "" || strings.Contains(f.Text+f.Hint, "%!") {
			t.Errorf("%s says %q", f.Code, f.Text)
		}
	}
	return list
}

func TestLint(t *testing.T) {
	big := strings.Repeat("map", 5000)
	one := tree(t, map[string]string{
		"maps/plain.bsp": big, "maps/small.bsp": "tiny", "maps/both.bsp": big, "maps/both.bsp.bz2": "BZh9", "maps/stale.bsp": big, "maps/stale.bsp.bz2": "z",
		"maps/Twice.bsp": big, "maps/twice.bsp": big, "maps/empty.bsp": "", "maps/changed.bsp": "new", "maps/two.bsp": "1", "maps/kept.bsp": big,
		"maps/packed.bsp.bz2": "BZh9broken", "maps/html.bsp.bz2": "<html>", "maps/cp_dustbowl.bsp": "stock", "sound/long.wav": big + big,
		"maps/plain.res":   `"resources" { "sound/LONG.wav" "file" "sound/none.wav" "file" "cfg/x.cfg" "file" "maps/packed.bsp" "file" "maps/cp_dustbowl.nav" "file" "maps/small.bsp" "file" }`,
		"maps/x.bsp.bz2.x": "",
	})
	two := tree(t, map[string]string{"maps/two.bsp": "22", "maps/small.bsp": "tiny"})
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(one, "maps", "stale.bsp.bz2"), old, old); err != nil {
		t.Fatal(err)
	}
	facts := noFacts()
	facts.Large = 20_000
	facts.Changed = func(p string) (time.Time, bool) { return old, p == "maps/changed.bsp" }
	facts.Packed = func(f File) bool { return f.Path == "maps/kept.bsp" }
	facts.Broken = func(f File) string {
		if f.Path == "maps/packed.bsp.bz2" {
			return "it is no whole bzip2 file"
		}
		return ""
	}
	source := rules(t, config.ProfileSource, nil)
	want := []string{
		"error broken_bz2 maps/html.bsp.bz2",
		"error broken_bz2 maps/packed.bsp.bz2",
		"error zero_bytes maps/empty.bsp",
		"warning changed maps/changed.bsp",
		"warning duplicate_case maps/Twice.bsp",
		"warning large sound/long.wav",
		"warning res_missing maps/plain.res",
		"warning res_refused maps/plain.res",
		"warning stale_bz2 maps/stale.bsp.bz2",
		"info no_bz2 maps/Twice.bsp",
		"info no_bz2 maps/plain.bsp",
		"info res_case maps/plain.res",
		"info shadowed maps/two.bsp",
		"info stock ",
	}
	if diff := cmp.Diff(want, lint(t, read(t, source, one, two), source, facts)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	gmod := rules(t, config.ProfileGMod, nil)
	if got := lint(t, read(t, gmod, one), gmod, facts); !slices.Contains(got, "error changed maps/changed.bsp") {
		t.Errorf("gmod: %q", got)
	}
	goldsrc := rules(t, config.ProfileGoldSrc, nil)
	for _, f := range lint(t, read(t, goldsrc, one), goldsrc, facts) {
		if strings.Contains(f, "no_bz2") {
			t.Errorf("goldsrc: %s", f)
		}
	}
	clean := tree(t, map[string]string{"maps/a.bsp": "a", "maps/a.nav": "n"})
	if got := lint(t, read(t, source, clean), source, noFacts()); got != nil {
		t.Errorf("nothing is wrong: %q", got)
	}
}

func TestLintOpensEveryFile(t *testing.T) {
	source := rules(t, config.ProfileSource, nil)
	dir := tree(t, map[string]string{"maps/x.bsp": "x", "maps/y.bsp": "y"})
	s := read(t, source, dir)
	if err := os.Remove(filepath.Join(dir, "maps", "x.bsp")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"error unreadable maps/x.bsp"}, lint(t, s, source, noFacts())); diff != "" {
		t.Error(diff)
	}
}

func TestLintTellsOfFolders(t *testing.T) {
	source := rules(t, config.ProfileSource, nil)
	missing := filepath.Join(t.TempDir(), "missing")
	if diff := cmp.Diff([]string{"error root_missing " + missing}, lint(t, read(t, source, missing), source, noFacts())); diff != "" {
		t.Error(diff)
	}
}
