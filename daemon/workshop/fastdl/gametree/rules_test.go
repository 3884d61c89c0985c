package gametree

import (
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

func rules(t testing.TB, profile string, change func(*config.FastDL)) *Rules {
	t.Helper()
	c := config.FastDL{Profile: profile}
	if change != nil {
		change(&c)
	}
	r, err := NewRules(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// judgements are of two profiles, and of one that includes everything.
var judgements = []struct {
	path                 string
	source, goldsrc, all Verdict
}{
	{"maps/surf_x.bsp", Served, Served, Served},
	{"maps/surf_x.bsp.bz2", Served, Served, Served},
	{"MAPS/Surf_X.BSP.BZ2", Served, Served, Served},
	{"maps/surf_x.bsp.bz2.bz2", NotListed, NotListed, NotListed},
	{"maps/surf_x.nav", Served, Served, Served},
	{"maps/surf_x.res", Served, Served, Served},
	{"maps/surf_x.txt", Served, Served, Served},
	{"maps/surf_x.ain", Served, Served, Served},
	{"maps/surf_x.vmf", NotListed, NotListed, Served},
	{"materials/a/b/c.vmt", Served, Served, Served},
	{"materials/c.vtf", Served, Served, Served},
	{"materials/c.png", Served, Served, Served},
	{"materials/c.jpg", Served, Served, Served},
	{"materials/models/data/c.vmt", Served, Served, Served},
	{"models/a/x.dx90.vtx", Served, Served, Served},
	{"models/x.mdl", Served, Served, Served},
	{"sound/a/x.wav", Served, Served, Served},
	{"sound/x.mp3", Served, Served, Served},
	{"particles/x.pcf", Served, Served, Served},
	{"particles/a/x.pcf", NotListed, NotListed, Served},
	{"resource/ui/x.res", Served, Served, Served},
	{"resource/x.ttf", Served, Served, Served},
	{"scripts/x.txt", NotListed, NotListed, Served},
	{"x.wad", NotListed, Served, Served},
	{"a/x.wad", NotListed, NotListed, Served},
	{"sprites/a/x.spr", NotListed, Served, Served},
	{"gfx/env/x.tga", NotListed, Served, Served},
	{"gfx/env/x.bmp", NotListed, Served, Served},
	{"overviews/x.bmp", NotListed, Served, Served},
	{"readme.txt", NotListed, NotListed, Served},

	{"cfg/server.cfg", Denied, Denied, Denied},
	{"cfg/motd.txt", Denied, Denied, Denied},
	{"CFG/x.bsp", Denied, Denied, Denied},
	{"tf/cfg/x.txt", Denied, Denied, Denied},
	{"addons/x.bsp", Denied, Denied, Denied},
	{"logs/x.txt", Denied, Denied, Denied},
	{"lua/x.txt", Denied, Denied, Denied},
	{"data/x.txt", Denied, Denied, Denied},
	{"bin/x.txt", Denied, Denied, Denied},
	{"maps/server.cfg", Denied, Denied, Denied},
	{"maps/server.cfg.bz2", Denied, Denied, Denied},
	{"maps/x.CFG", Denied, Denied, Denied},
	{"materials/x.vdf", Denied, Denied, Denied},
	{"sprites/x.ini", Denied, Denied, Denied},
	{"x.vpk", Denied, Denied, Denied},
	{"sound/x.log", Denied, Denied, Denied},
	{"sprites/x.dll", Denied, Denied, Denied},
	{"sprites/x.so", Denied, Denied, Denied},
	{"sprites/x.exe", Denied, Denied, Denied},
	{"sprites/x.sq3", Denied, Denied, Denied},
	{"sprites/x.db", Denied, Denied, Denied},
	{"sprites/x.smx", Denied, Denied, Denied},
	{"sprites/x.sp", Denied, Denied, Denied},

	{"maps/cp_dustbowl.bsp", Stock, Served, Stock},
	{"maps/CP_Dustbowl.nav", Stock, Served, Stock},
	{"maps/cp_dustbowl.bsp.bz2", Stock, Served, Stock},
	{"maps/cp_dustbowl2.bsp", Served, Served, Served},
	{"maps/dustbowl.bsp", Served, Stock, Served},
	{"overviews/de_dust2.bmp", NotListed, Stock, Stock},
	{"cstrike.wad", NotListed, Stock, Served},
	{"sound/cp_dustbowl.wav", Served, Served, Served},
}

func TestJudge(t *testing.T) {
	source, goldsrc := rules(t, config.ProfileSource, nil), rules(t, config.ProfileGoldSrc, nil)
	all := rules(t, config.ProfileSource, func(c *config.FastDL) { c.Include = []config.Pattern{"**"} })
	for _, tt := range judgements {
		if got := source.Judge(tt.path); got != tt.source {
			t.Errorf("source: %s is %s, want %s", tt.path, got, tt.source)
		}
		if got := goldsrc.Judge(tt.path); got != tt.goldsrc {
			t.Errorf("goldsrc: %s is %s, want %s", tt.path, got, tt.goldsrc)
		}
		if got := all.Judge(tt.path); got != tt.all {
			t.Errorf("everything: %s is %s, want %s", tt.path, got, tt.all)
		}
	}
}

func TestOwnPatterns(t *testing.T) {
	r := rules(t, config.ProfileSource, func(c *config.FastDL) {
		c.Include = []config.Pattern{"scripts/**.txt", "media"}
		c.Exclude = []config.Pattern{"sound/music", "maps/old_*", "**.nav"}
		c.IncludeStock = []config.Pattern{"maps/cp_d*"}
	})
	for path, want := range map[string]Verdict{
		"scripts/a/x.txt": Served, "media/a.bik": Served, "scripts/x.cfg": Denied,
		"sound/music/a.mp3": Excluded, "Sound/Music/A.mp3.bz2": Excluded, "maps/old_x.bsp": Excluded, "maps/x.nav": Excluded,
		"maps/cp_dustbowl.bsp": Served, "maps/cp_badlands.bsp": Stock,
	} {
		if got := r.Judge(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestEnter(t *testing.T) {
	r := rules(t, config.ProfileSource, func(c *config.FastDL) {
		c.Include = []config.Pattern{"media/a/b"}
		c.Exclude = []config.Pattern{"sound/music"}
	})
	for dir, want := range map[string]bool{
		"maps": true, "Materials": true, "materials/a/b": true, "media": true, "media/a": true, "media/a/b/c": true,
		"media/x": false, "cfg": false, "addons": false, "tf": false, "sound/music": false, "sound/musical": true, "save": false,
	} {
		if got := r.Enter(dir); got != want {
			t.Errorf("%s: %v", dir, got)
		}
	}
	if all := rules(t, config.ProfileSource, func(c *config.FastDL) { c.Include = []config.Pattern{"**"} }); !all.Enter("save") || all.Enter("cfg") || all.Enter("x/cfg") {
		t.Error("with ** every folder but the denied ones is entered")
	}
}

// Whatever is asked for, nothing that is never served is.
func FuzzJudge(f *testing.F) {
	f.Add("cfg/server.cfg")
	f.Add("maps/x.cfg.bz2")
	r := rules(f, config.ProfileGoldSrc, func(c *config.FastDL) { c.Include = []config.Pattern{"**"} })
	f.Fuzz(func(t *testing.T, p string) {
		if plain, _ := CutSuffix(p); r.Judge(p) == Served && denied(plain) {
			t.Errorf("%q is served", p)
		}
	})
}
