package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExampleFastDL(t *testing.T) {
	text := uncommented(t)
	loaded, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	var want FastDL
	want.setDefaults()
	want.Name, want.Roots = "tf2", []string{"/srv/tf2/tf/custom/*", "/srv/tf2/tf/download", "/srv/tf2/tf"}
	if diff := cmp.Diff([]FastDL{want}, loaded.Config.Workshop.FastDL); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	documented(t, text, "workshop.fastdl", reflect.TypeFor[FastDL]())
}

func TestFastDLReadsBack(t *testing.T) {
	loaded, err := load(t, "[[workshop.fastdl]]\nname = \"cs\"\nroots = [\"cstrike\"]\nprofile = \"goldsrc\"\nexclude = ['maps\\old_*', \"sound/music/\"]\n[[workshop.fastdl]]\nname = \"b\"\nroots = [\"/b\"]\nlevel = 1\n")
	if err != nil {
		t.Fatal(err)
	}
	trees := loaded.Config.Workshop.FastDL
	if want := filepath.Join(filepath.Dir(loaded.File), "cstrike"); trees[0].Roots[0] != want {
		t.Errorf("root %q, want %q", trees[0].Roots[0], want)
	}
	if diff := cmp.Diff([]Pattern{"maps/old_*", "sound/music"}, trees[0].Exclude); diff != "" {
		t.Error(diff)
	}
	text, err := loaded.Config.TOML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if diff := cmp.Diff(trees, again.Config.Workshop.FastDL); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	tables, ok := loaded.Config.Tree()["workshop"].(map[string]any)["fastdl"].([]map[string]any)
	if !ok || len(tables) != 2 || tables[1]["name"] != "b" || tables[1]["level"] != 1 {
		t.Errorf("as a tree: %v", tables)
	}
}

func TestFastDLFaults(t *testing.T) {
	got := problems(t, `[workshop]
mount = "/fastdl"
[[workshop.fastdl]]
name = "TF2"
roots = []
profile = "quake"
level = 10
exclude = ["maps/{a,b"]
referers = ["hl2://1.2.3.4:27015", "1.2.3.4"]
[[workshop.fastdl]]
name = "nul"
roots = [""]
leval = 3
[[workshop.fastdl]]
name = "b"
roots = ["x"]
include = ["../x", "/etc/*", ""]
[[workshop.fastdl]]
name = "b"
roots = ["x"]
`)
	want := []string{
		`2: workshop.mount: /fastdl is taken by workshop.fastdl`,
		`4: workshop.fastdl[0].name: "TF2" is not a name for an address; use up to 32 of a-z, 0-9, "-" and "_", for example "tf2"`,
		`5: workshop.fastdl[0].roots: at least one game folder is needed`,
		`6: workshop.fastdl[0].profile: "quake" is not one of "source", "gmod", "goldsrc"`,
		`7: workshop.fastdl[0].level: must be from 1 to 9, not 10`,
		`8: workshop.fastdl[0].exclude[0]: "maps/{a,b" has braces that do not match; write for example "maps/old_*" or "sound/**.{mp3,ogg}"`,
		`9: workshop.fastdl[0].referers[1]: "1.2.3.4" is not the address of a game server; write for example "203.0.113.5:27015"`,
		`11: workshop.fastdl[1].name: "nul" is not a name for an address; use up to 32 of a-z, 0-9, "-" and "_", for example "tf2"`,
		`12: workshop.fastdl[1].roots[0]: is empty; write the path of a game folder`,
		`13: workshop.fastdl[1].leval: unknown key; did you mean "workshop.fastdl[1].level"?`,
		`17: workshop.fastdl[2].include[0]: "../x" leaves the game folder; write for example "maps/old_*" or "sound/**.{mp3,ogg}"`,
		`17: workshop.fastdl[2].include[1]: "/etc/*" must be relative to the game folder; write for example "maps/old_*" or "sound/**.{mp3,ogg}"`,
		`17: workshop.fastdl[2].include[2]: "" names nothing; write for example "maps/old_*" or "sound/**.{mp3,ogg}"`,
		`19: workshop.fastdl[3].name: "b" stands in the list twice`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	env := problems(t, "", "QUARTERMASTER_WORKSHOP_FASTDL=tf2")
	if len(env) != 1 || !strings.Contains(env[0], "must be tables in the file") {
		t.Errorf("environment: %q", env)
	}
}

func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"maps/*.{bsp,nav}", "maps/cp_x.bsp", true},
		{"maps/*.{bsp,nav}", "MAPS/CP_X.Nav", true},
		{"maps/*.{bsp,nav}", "maps/sub/x.bsp", false},
		{"maps/*.{bsp,nav}", "maps/x.bspx", false},
		{"maps/*.{bsp,nav}", "xmaps/x.bsp", false},
		{"materials/**.vmt", "materials/x.vmt", true},
		{"materials/**.vmt", "materials/a/b/x.vmt", true},
		{"materials/**.vmt", "models/x.vmt", false},
		{"*.wad", "x.wad", true},
		{"*.wad", "a/x.wad", false},
		{"sprites/**", "sprites/a/b.spr", true},
		{"sprites/**", "sprites", false},
		{"sound/music", "sound/music/a/b.mp3", true},
		{"sound/music", "sound/music2/b.mp3", false},
		{"maps/a?c.bsp", "maps/abc.bsp", true},
		{"maps/a?c.bsp", "maps/a/c.bsp", false},
		{"maps/(x).bsp", "maps/(x).bsp", true},
		{"maps/карта.bsp", "maps/КАРТА.bsp", true},
		{"maps/*.bsp", "maps/\xff\xfe.bsp", true},
	}
	for _, tt := range tests {
		re, err := Pattern(tt.pattern).Compile()
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := re.MatchString(tt.path); got != tt.want {
			t.Errorf("%s on %q: %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
	for _, bad := range []Pattern{"", "/maps", "a/../b", "c:/x", "{a", "a}", "{a{b}}", "\xff"} {
		if _, err := bad.Compile(); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("maps/*.{bsp,nav}", "maps/x.bsp")
	f.Add("**", "a/b")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		var p Pattern
		if p.UnmarshalText([]byte(pattern)) != nil {
			return
		}
		re, err := p.Compile()
		if err != nil {
			t.Fatalf("%q was read and does not compile: %v", p, err)
		}
		re.MatchString(path)
	})
}

func TestDevices(t *testing.T) {
	for name, want := range map[string]bool{
		"con": true, "CON.txt": true, "nul .bsp": true, "com1.bsp": true, "lpt9": true, "COM¹": true, "conin$": true,
		"console": false, "com": false, "com10": false, "nula": false, "acon": false, "": false,
	} {
		if got := IsDevice(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
