package steamcmd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// app is Natural Selection 2, item one of its mods.
const (
	app  = 4920
	item = 117887554
)

// rig is a Runner with a fake SteamCMD.
type rig struct {
	t     *testing.T
	fake  *steamtest.SteamCMD
	clock *skipClock
	dir   string
	r     *Runner
}

// newRig makes one. Times are short, so that what must take its time does
// not take ours.
func newRig(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	g := &rig{t: t, clock: &skipClock{}, dir: filepath.Join(t.TempDir(), "data")}
	g.fake = steamtest.NewSteamCMD(t, filepath.Join(t.TempDir(), "cmd"), steamtest.Archive)
	g.r = g.runner(change...)
	return g
}

func (g *rig) runner(change ...func(*Options)) *Runner {
	g.t.Helper()
	o := Options{
		Path: g.fake.Path(), Dir: g.dir, Clock: g.clock, Grace: 50 * time.Millisecond, Tick: 5 * time.Millisecond,
		RunTime: 61 * time.Second, BootTime: time.Minute, // unlike any pause, also times the items
	}
	for _, c := range change {
		c(&o)
	}
	r, err := New(o)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { r.Close() })
	return r
}

func (g *rig) put(id uint64, it fakecmd.Item) {
	g.t.Helper()
	if err := g.fake.Put(id, it); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) script(change func(*fakecmd.Script)) {
	g.t.Helper()
	if err := g.fake.Script(change); err != nil {
		g.t.Fatal(err)
	}
}

// download fetches items, item alone when none is named, and closes the
// download at the test's end.
func (g *rig) download(job Job) *Download {
	g.t.Helper()
	job.App = app
	if job.Items == nil {
		job.Items = []uint64{item}
	}
	d, err := g.r.Download(g.t.Context(), job)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { d.Close() })
	return d
}

// one downloads item and returns its result.
func (g *rig) one() Result {
	g.t.Helper()
	return g.download(Job{}).Results[0]
}

// content downloads item, which must succeed.
func (g *rig) content() *Content {
	g.t.Helper()
	res := g.one()
	if res.Err != nil {
		g.t.Fatalf("%v\n%s", res.Err, res.Err.Tail)
	}
	return res.Content
}

// runs are the records of the runs that were to download something.
func (g *rig) runs() []fakecmd.Run {
	g.t.Helper()
	all, err := g.fake.Runs()
	if err != nil {
		g.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r fakecmd.Run) bool { return len(r.Args) < 2 })
}

// files lists dir, folders with a slash.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if d.IsDir() {
			p += "/"
		}
		all = append(all, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

// empty fails when a job left something in Dir.
func (g *rig) empty() {
	g.t.Helper()
	entries, err := os.ReadDir(filepath.Join(g.dir, jobsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) != 0 {
		g.t.Error("left behind:", entries, err)
	}
}

// skipClock is the system's clock, but the pauses between runs pass at once
// and are written down.
type skipClock struct {
	mu     sync.Mutex
	pauses []time.Duration
	ahead  time.Duration
}

func (c *skipClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *skipClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (c *skipClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d != 5*time.Second && !slices.Contains(online, d) {
		return time.After(d)
	}
	c.pauses = append(c.pauses, d)
	passed := make(chan time.Time, 1)
	passed <- time.Now()
	return passed
}
