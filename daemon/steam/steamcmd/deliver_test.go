package steamcmd

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// standard is what the fake delivers for an item that names no files.
var standard = []string{"empty/", "lua/", "lua/main.lua", "maps/", "maps/ns2_ünïcode 地図.level", "mod.info"}

// TestCommandLine: what SteamCMD is started with, to the letter.
func TestCommandLine(t *testing.T) {
	t.Setenv("QUARTERMASTER_SECRET", "hunter2")
	g := newRig(t, func(o *Options) { o.Env = []string{"EXTRA=1"} })
	g.put(item, fakecmd.Item{})
	g.put(5, fakecmd.Item{})
	d := g.download(Job{Items: []uint64{item, 5}, Validate: true})
	all, err := g.fake.Runs()
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if diff := cmp.Diff([]string{"+quit"}, all[0].Args); diff != "" {
		t.Error("first run:", diff)
	}
	root := d.folder.root()
	want := []string{
		"+force_install_dir", root, "+login", "anonymous",
		"+workshop_download_item", "4920", "117887554", "validate", "+workshop_download_item", "4920", "5", "validate", "+quit",
	}
	if diff := cmp.Diff(want, all[1].Args); diff != "" {
		t.Error(diff)
	}
	if all[1].Root != root || !filepath.IsAbs(root) {
		t.Error("root", all[1].Root)
	}
	for _, run := range all {
		env := slices.DeleteFunc(slices.Clone(run.Env), func(e string) bool {
			return strings.HasPrefix(e, "PWD=") || strings.HasPrefix(e, "OLDPWD=") || strings.HasPrefix(e, "_=") || strings.HasPrefix(e, "SHLVL=")
		})
		slices.Sort(env)
		home := g.r.home(0)
		want := []string{"EXTRA=1", "HOME=" + home, "LANG=en_US.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/games", "TMPDIR=" + filepath.Join(home, "tmp")}
		if diff := cmp.Diff(want, env); diff != "" && runtime.GOOS != "windows" {
			t.Error(diff)
		}
	}
}

// delivery is a way in which an item arrives in the end.
type delivery struct {
	item   fakecmd.Item
	script func(*fakecmd.Script)
	layout steamtest.Layout
	runs   int // 0 is 1
}

func TestDelivers(t *testing.T) {
	for name, c := range map[string]delivery{
		"ok":           {},
		"Debian":       {layout: steamtest.Debian},
		"glued lines":  {script: func(s *fakecmd.Script) { s.Glued = true }},
		"escape codes": {script: func(s *fakecmd.Script) { s.ANSI = true }},
		"older build":  {script: func(s *fakecmd.Script) { s.OldWords = true }},
		"first run":    {script: func(s *fakecmd.Script) { s.FirstRun = 1 }},
		"first runs":   {script: func(s *fakecmd.Script) { s.FirstRun = 2 }},
		"restart":      {script: func(s *fakecmd.Script) { s.Restart = 3 }},
		"ignores dir":  {script: func(s *fakecmd.Script) { s.IgnoreDir = true }},
		"nonzero exit": {item: fakecmd.Item{Exit: 8}},
		"old mtime":    {item: fakecmd.Item{Scenario: fakecmd.OldMtime}},
		"grandchild":   {item: fakecmd.Item{Scenario: fakecmd.Grandchild}},
		"after time-outs": {item: fakecmd.Item{Scenario: fakecmd.Timeout, Times: 5},
			runs: 6},
		"after growing time-outs": {item: fakecmd.Item{Scenario: fakecmd.Timeout, Times: 12, Chunk: 100}, runs: 13},
		"after failures":          {item: fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Failure", Times: 2}, runs: 3},
		"after no connection":     {item: fakecmd.Item{Scenario: fakecmd.Fail, Reason: "No Connection", Times: 3}, runs: 4},
		"after a lock":            {item: fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Locking Failed", Times: 1}, runs: 2},
		"after an abort":          {item: fakecmd.Item{Scenario: fakecmd.Abort, Times: 1}, runs: 2},
		"after a crash":           {item: fakecmd.Item{Scenario: fakecmd.Crash, Times: 1}, runs: 2},
		"after silence":           {item: fakecmd.Item{Scenario: fakecmd.Silent, Times: 1}, runs: 2},
		"after a lie":             {item: fakecmd.Item{Scenario: fakecmd.SuccessNoFiles, Times: 1}, runs: 2},
		"after a retraction":      {item: fakecmd.Item{Scenario: fakecmd.Retracted, Times: 1}, runs: 2},
		"after another item":      {item: fakecmd.Item{Scenario: fakecmd.WrongID, Times: 1}, runs: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c delivery) check(t *testing.T) {
	g := newRig(t)
	g.fake = steamtest.NewSteamCMD(t, filepath.Join(t.TempDir(), "layout"), c.layout)
	g.r = g.runner()
	c.item.Updated, c.item.Manifest = 1348957670, "17741234567890123456"
	g.put(item, c.item)
	if c.script != nil {
		g.script(c.script)
	}
	d := g.download(Job{})
	res := d.Results[0]
	if res.Err != nil {
		t.Fatalf("%v\n%s", res.Err, res.Err.Tail)
	}
	want := &Content{
		Path:  filepath.Join(d.folder.dir, "done", "117887554"),
		Files: 3, Bytes: 26, Size: 26, Manifest: "17741234567890123456", Updated: 1348957670,
	}
	if diff := cmp.Diff(want, res.Content); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(standard, files(t, res.Content.Path)); diff != "" {
		t.Error(diff)
	}
	if got := max(c.runs, 1); d.Runs != got || len(g.runs()) != got {
		t.Errorf("%d runs, %d records, want %d", d.Runs, len(g.runs()), got)
	}
	if s := g.r.State(); s.LastError != "" || s.Running != 0 || s.Waiting != 0 || !s.Until.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	g.empty()
}

func TestLegacy(t *testing.T) {
	g := newRig(t)
	g.put(item, fakecmd.Item{Scenario: fakecmd.Legacy, Handle: "598213490712345678"})
	c := g.content()
	if c.Legacy != "598213490712345678_legacy.bin" || c.Handle != "598213490712345678" || c.Files != 1 {
		t.Errorf("%+v", c)
	}
	if text, err := os.ReadFile(filepath.Join(c.Path, c.Legacy)); err != nil || !strings.HasPrefix(string(text), "PK") {
		t.Error(string(text), err)
	}
	// Such a file among others, or in a folder, is content like any other.
	for _, files := range []map[string]string{{"1_legacy.bin": "x", "a": "y"}, {"d/1_legacy.bin": "x"}, {"x_legacy.bin": "x"}} {
		g.put(item, fakecmd.Item{Files: files})
		if c := g.content(); c.Legacy != "" || c.Handle != "" {
			t.Errorf("%v: %+v", files, c)
		}
	}
}

// TestState: what the state file says is told as it is, and nothing is made
// up when it says nothing.
func TestState(t *testing.T) {
	for name, c := range map[string]struct {
		item     fakecmd.Item
		manifest string
		updated  int64
	}{
		"another version": {fakecmd.Item{Updated: 1700000001, Manifest: "7"}, "7", 1700000001},
		"missing":         {fakecmd.Item{Scenario: fakecmd.NoState, Updated: 1}, "", 0},
		"broken":          {fakecmd.Item{Scenario: fakecmd.BrokenState, Updated: 1}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.put(item, c.item)
			if got := g.content(); got.Updated != c.updated || got.Manifest != c.manifest || got.Files != 3 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestSeveralItems: what was delivered is kept while the others are tried
// again, even when their failure clears the cache.
func TestSeveralItems(t *testing.T) {
	g := newRig(t)
	g.put(1, fakecmd.Item{Updated: 11})
	g.put(2, fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Failure", Times: 1, Updated: 12})
	g.put(3, fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Access Denied"})
	g.put(4, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 2, Updated: 14})
	d := g.download(Job{Items: []uint64{4, 3, 2, 1}})
	if d.Runs != 3 {
		t.Error(d.Runs, "runs")
	}
	var asked [][]string
	for _, run := range g.runs() {
		asked = append(asked, run.Args[4:len(run.Args)-1])
	}
	want := [][]string{
		strings.Fields("+workshop_download_item 4920 4 +workshop_download_item 4920 3 +workshop_download_item 4920 2 +workshop_download_item 4920 1"),
		strings.Fields("+workshop_download_item 4920 4 +workshop_download_item 4920 2"),
		strings.Fields("+workshop_download_item 4920 4"),
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
	for i, id := range []uint64{4, 3, 2, 1} {
		res := d.Results[i]
		if res.Item != id {
			t.Fatal("order", d.Results)
		}
		if id == 3 {
			if res.Err == nil || res.Err.Reason.Code != CodeAccessDenied || res.Content != nil {
				t.Errorf("%+v", res)
			}
			continue
		}
		if res.Err != nil || res.Content.Updated != int64(10+id) || !cmp.Equal(files(t, res.Content.Path), standard) {
			t.Errorf("%d: %+v %v", id, res.Content, res.Err)
		}
	}
}

// TestFreshFolder: a second job for the same item gets the content anew. In a
// folder that was used before, SteamCMD would claim success for nothing, and
// so it would in the home, which builds use that heed no other folder.
func TestFreshFolder(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		g := newRig(t)
		g.put(item, fakecmd.Item{})
		g.script(func(s *fakecmd.Script) { s.IgnoreDir = ignore })
		for range 3 {
			d := g.download(Job{})
			if d.Runs != 1 || d.Results[0].Err != nil {
				t.Fatal(d.Runs, d.Results[0].Err)
			}
		}
	}
}

// TestProgress: the growth of the folder is told while it grows.
func TestProgress(t *testing.T) {
	g := newRig(t)
	g.put(item, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 3, Chunk: 1000})
	highest := map[int]int64{}
	d := g.download(Job{Progress: func(p Progress) { highest[p.Run] = max(highest[p.Run], p.Bytes) }})
	want := []int64{1000, 2000, 3000}
	for i, w := range want {
		if highest[i+1] < w {
			t.Errorf("run %d: %d bytes", i+1, highest[i+1])
		}
	}
	if d.Results[0].Err != nil {
		t.Error(d.Results[0].Err)
	}
}
