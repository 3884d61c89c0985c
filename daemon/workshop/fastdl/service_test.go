package fastdl

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// keys returns the blobs that are kept, without what is being written.
func (r *rig) keys() (keys []string) {
	r.t.Helper()
	for info, err := range r.blobs.List(context.Background(), "") {
		if err != nil {
			r.t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func (r *rig) makings() int { return strings.Count(r.log.String(), "made the other form of a file") }

// bz2 asks for the compressed form until it is made.
func (r *rig) bz2(p string) []byte {
	r.t.Helper()
	r.get("tf2/" + p + ".bz2")
	r.settle()
	res, body := r.get("tf2/" + p + ".bz2")
	if res.StatusCode != 200 {
		r.t.Fatalf("%s.bz2: %d\n%s", p, res.StatusCode, r.log)
	}
	return body
}

// What was made is kept over a restart and made anew only when the content
// changed.
func TestIncremental(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir, game := t.TempDir(), t.TempDir()
		one, two := noise(1, 40_000), noise(2, 40_000)
		r := newRigOn(t, d, dir, game, func(r *rig) { r.put("maps/a.bsp", one); r.put("maps/\xff.bsp", noise(4, 20_000)) }, nil)
		first := r.bz2("maps/a.bsp")
		r.bz2("maps/%ff.bsp")
		r.stop()

		r = newRigOn(t, d, dir, game, nil, nil)
		r.expect("tf2/maps/a.bsp.bz2", 200, first)
		if n := r.makings(); n != 0 {
			t.Errorf("after a restart %d files were made", n)
		}
		if res, _ := r.get("tf2/maps/%ff.bsp.bz2"); res.StatusCode != 200 {
			t.Errorf("a name that is no text: %d", res.StatusCode)
		}

		// Touched, not changed.
		at := old().Add(time.Minute)
		if err := os.Chtimes(filepath.Join(game, "maps", "a.bsp"), at, at); err != nil {
			t.Fatal(err)
		}
		keys := r.keys()
		if !bytes.Equal(r.bz2("maps/a.bsp"), first) || !slices.Equal(r.keys(), keys) {
			t.Error("a touched file was compressed again")
		}
		// The same content under another name.
		r.put("maps/b.bsp", one)
		if !bytes.Equal(r.bz2("maps/b.bsp"), first) || !slices.Equal(r.keys(), keys) {
			t.Error("a copy was compressed again")
		}
		// Another content, even of the same size.
		put(t, game, "maps/a.bsp", two, old().Add(2*time.Minute))
		r.expect("tf2/maps/a.bsp.bz2", 404, nil)
		r.settle()
		if _, body := r.get("tf2/maps/a.bsp.bz2"); !bytes.Equal(unpack(t, body), two) {
			t.Error("the old content is served")
		}
		reports, err := r.Lint(context.Background(), "tf2")
		if err != nil || !slices.ContainsFunc(findings(reports), func(f string) bool { return f == "changed maps/a.bsp" }) {
			t.Errorf("lint does not tell of the change: %v, %v", findings(reports), err)
		}
	})
}

func findings(reports []LintReport) (list []string) {
	for _, r := range reports {
		for _, f := range r.Findings {
			list = append(list, f.Code+" "+f.Path)
		}
	}
	return list
}

func TestNotWorthCompressing(t *testing.T) {
	random := make([]byte, 50_000)
	x := uint32(1)
	for i := range random {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	r := newRig(t, func(r *rig) {
		r.put("maps/small.bsp", noise(1, 9_999))
		r.put("maps/random.bsp", random)
		r.put("sound/x.mp3", noise(1, 50_000))
		r.put("sound/x.ogg", noise(1, 50_000))
	}, nil)
	for _, p := range []string{"maps/small.bsp.bz2", "sound/x.mp3.bz2", "sound/x.ogg.bz2"} {
		r.expect("tf2/"+p, 404, nil)
		if n := r.Service.pack.count("tf2"); n != 0 {
			t.Errorf("%s is compressed", p)
		}
	}
	for range 3 {
		r.expect("tf2/maps/random.bsp.bz2", 404, nil)
		r.settle()
	}
	if n := r.makings(); n != 1 || !strings.Contains(r.log.String(), "shrink") {
		t.Errorf("tried %d times\n%s", n, r.log)
	}
	if keys := r.keys(); len(keys) != 0 {
		t.Errorf("kept %v", keys)
	}
	if misses, _ := r.Misses("tf2"); len(misses) != 0 {
		t.Errorf("these are no misses: %+v", misses)
	}
}

// Blobs that were removed, changed or lost with their rows are made anew.
func TestKeptFilesThatChange(t *testing.T) {
	content := noise(1, 30_000)
	r := newRig(t, func(r *rig) { r.put("maps/a.bsp", content) }, nil)
	first := r.bz2("maps/a.bsp")
	path, err := r.blobs.Path(r.keys()[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func() error{
		"removed":  func() error { return os.Remove(path) },
		"cut off":  func() error { return os.Truncate(path, 100) },
		"bit flip": func() error { b := bytes.Clone(first); b[50] ^= 1; return os.WriteFile(path, b, 0o600) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		r.expect("tf2/maps/a.bsp.bz2", 404, nil)
		r.settle()
		if _, body := r.get("tf2/maps/a.bsp.bz2"); !bytes.Equal(body, first) {
			t.Errorf("%s: it was not made anew", name)
		}
	}
}

func TestEviction(t *testing.T) {
	r := newRig(t, func(r *rig) {
		for i := range 4 {
			r.put(fmt.Sprintf("maps/m%d.bsp", i), noise(uint64(i), 40_000))
		}
	}, func(o *Options) { o.Trees[0].MaxBytes = 70_000 }) // two of about 31 kB
	for i := range 4 {
		r.bz2(fmt.Sprintf("maps/m%d.bsp", i))
	}
	_, bytes := r.made.kept("tf2")
	if keys := r.keys(); bytes > 70_000 || len(keys) != 2 {
		t.Errorf("%d bytes in %v", bytes, keys)
	}
	r.expect("tf2/maps/m0.bsp.bz2", 404, nil)
	if res, _ := r.get("tf2/maps/m3.bsp.bz2"); res.StatusCode != 200 {
		t.Error("the newest went")
	}
}

func TestTidy(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, func(r *rig) { r.put("maps/a.bsp", noise(1, 30_000)); r.put("maps/b.bsp", noise(2, 30_000)) }, nil)
	r.bz2("maps/a.bsp")
	r.bz2("maps/b.bsp")
	orphan, err := r.blobs.Create(ctx, "fastdl/tf2/00ff.bz2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := orphan.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(r.game, "maps", "a.bsp")); err != nil {
		t.Fatal(err)
	}
	if err := r.scan(ctx, r.tree("tf2")); err != nil {
		t.Fatal(err)
	}
	if err := r.tidy(ctx); err != nil || len(r.keys()) != 3 {
		t.Errorf("something went too early: %v, %v", r.keys(), err)
	}
	for _, m := range r.made.all("") {
		m.RequestedAt = time.Now().Add(-25 * time.Hour)
		r.made.put(m)
	}
	for _, key := range r.keys() {
		path, err := r.blobs.Path(key)
		if err != nil {
			t.Fatal(err)
		}
		if key == "fastdl/tf2/00ff.bz2" {
			at := time.Now().Add(-2 * time.Hour)
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.tidy(ctx); err != nil {
		t.Fatal(err)
	}
	rows, err := r.store.made(ctx)
	if err != nil || len(r.keys()) != 1 || len(rows) != 1 || rows[0].Path != "maps/b.bsp" {
		t.Errorf("left: %v, %+v, %v", r.keys(), rows, err)
	}
	// A disk that is away is no reason to throw anything away.
	if err := os.Rename(r.game, r.game+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := r.scan(ctx, r.tree("tf2")); err != nil {
		t.Fatal(err)
	}
	if err := r.tidy(ctx); err != nil || len(r.keys()) != 1 {
		t.Errorf("the folder is only away: %v, %v", r.keys(), err)
	}
	if n := len(r.tree("tf2").seen); n != 1 {
		t.Errorf("%d files are remembered", n)
	}
}

func TestMisses(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir, game := t.TempDir(), t.TempDir()
		change := func(o *Options) { o.Trees[0].Exclude = []config.Pattern{"sound/music"} }
		r := newRigOn(t, d, dir, game, func(r *rig) {
			r.put("maps/ok.bsp", []byte("x"))
			r.put("maps/empty.bsp", nil)
			r.put("sound/music/x.mp3", []byte("x"))
		}, change)
		for range 3 {
			r.get("tf2/maps/wanted.bsp.bz2", sourceFrom)
			r.get("tf2/maps/wanted.bsp", sourceFrom)
		}
		for _, p := range []string{"maps/empty.bsp", "sound/music/x.mp3", "scripts/x.txt", "maps/cp_dustbowl.bsp", "maps/ok.bsp", "cfg/server.cfg", "maps/%ff.bsp"} {
			r.get("tf2/" + p)
		}
		r.stop()
		r = newRigOn(t, d, dir, game, nil, change)
		misses, err := r.Misses("tf2")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, m := range misses {
			got[m.Path] = fmt.Sprint(m.Requests, " ", m.Reason, " ", m.Server)
			if m.First.IsZero() || m.Last.Before(m.First) || m.Text == "" {
				t.Errorf("%+v", m)
			}
		}
		want := map[string]string{
			"maps/wanted.bsp": "3 missing 203.0.113.5:27015", "maps/empty.bsp": "1 empty ", "sound/music/x.mp3": "1 excluded ",
			"scripts/x.txt": "1 not_listed ", "maps/cp_dustbowl.bsp": "1 stock ", "maps/\xff.bsp": "1 missing ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if misses[0].Path != "maps/wanted.bsp" {
			t.Errorf("the most wanted is not first: %+v", misses)
		}
		if err := r.ForgetMisses("tf2"); err != nil {
			t.Fatal(err)
		}
		r.get("tf2/maps/wanted.bsp")
		r.stop()
		rows, err := r.store.misses(context.Background(), "tf2")
		if err != nil || len(rows) != 1 || rows[0].Plain != 1 {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestMissesAreBounded(t *testing.T) {
	m := newMissTable()
	now := time.Now()
	for range 5 {
		m.note("maps/wanted.bsp", false, "", now)
	}
	for i := range 10 * maxMisses {
		m.note(fmt.Sprintf("maps/flood%d.bsp", i), false, "", now.Add(time.Duration(i)))
		if i%3000 == 0 {
			m.take()
		}
	}
	changed, gone := m.take()
	if list := m.all(); len(list) > maxMisses || list[0].Path != "maps/wanted.bsp" {
		t.Errorf("%d misses, first %s", len(list), list[0].Path)
	}
	if len(changed) > maxMisses || len(gone) > 4*maxMisses {
		t.Errorf("%d changed, %d gone", len(changed), len(gone))
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	now := time.Now()
	first := q.ask(madeKey{Path: "0"}, fileAt("0"), now)
	for i := range maxQueued + 10 {
		q.ask(madeKey{Path: fmt.Sprint(i)}, fileAt("x"), now)
	}
	if q.ask(madeKey{Path: "0"}, fileAt("0"), now) != first {
		t.Error("one file waits twice")
	}
	if q.ask(madeKey{Path: "new"}, fileAt("x"), now) != nil || q.count("") != maxQueued {
		t.Errorf("%d wait", q.count(""))
	}
	j := q.next()
	q.finish(j, now.Add(retryAfter))
	if q.ask(j.key, fileAt("0"), now) != nil {
		t.Error("it is tried again at once")
	}
	if q.ask(j.key, fileAt("0"), now.Add(retryAfter)) == nil {
		t.Error("it is never tried again")
	}
}

func TestReload(t *testing.T) {
	other := t.TempDir()
	put(t, other, "maps/o.bsp", []byte("o"), old())
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", []byte("x")); r.put("maps/y.bsp", []byte("y")) }, nil)
	kept := r.tree("cs")
	r.get("tf2/maps/none.bsp")
	changed := treeConfig("tf2", config.ProfileSource, r.game)
	changed.Exclude = []config.Pattern{"maps/y*"}
	r.Reload([]config.FastDL{changed, r.tree("cs").config, treeConfig("new", config.ProfileGMod, other)})
	for deadline := time.Now().Add(10 * time.Second); r.tree("new") == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new tree does not come")
		}
	}
	r.expect("tf2/maps/x.bsp", 200, []byte("x"))
	r.expect("tf2/maps/y.bsp", 404, nil)
	r.expect("new/maps/o.bsp", 200, []byte("o"))
	if r.tree("cs") != kept {
		t.Error("what did not change was made anew")
	}
	if misses, _ := r.Misses("tf2"); len(misses) != 2 {
		t.Errorf("the report began anew: %+v", misses)
	}
}

// A full disk is no reason to stop serving, and passes.
func TestNoSpace(t *testing.T) {
	full := true
	r := newRig(t, func(r *rig) { r.put("maps/a.bsp", noise(1, 30_000)) }, func(o *Options) {
		o.Space = func(context.Context, int64) error {
			if full {
				return fault.New(fault.NoSpace, "the disk is full")
			}
			return nil
		}
	})
	r.expect("tf2/maps/a.bsp.bz2", 404, nil)
	r.settle()
	r.expect("tf2/maps/a.bsp.bz2", 404, nil)
	r.settle()
	if n := strings.Count(r.log.String(), "could not be made"); n != 1 {
		t.Errorf("tried %d times within a minute", n)
	}
	full = false
	clear(r.Service.pack.later)
	r.bz2("maps/a.bsp")
}

// A file that changes while it is read is not kept.
func TestChangesMeanwhile(t *testing.T) {
	r := newRig(t, func(r *rig) { r.put("maps/a.bsp", noise(1, 30_000)) }, nil)
	f, ok := r.tree("tf2").scan.Index.Lookup("maps/a.bsp")
	if !ok {
		t.Fatal("not there")
	}
	file, now, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	m := made{madeKey: madeKey{"tf2", f.Path, packed}, Size: now.Size, ModTime: now.ModTime.UnixNano(), SHA256: []byte("what it was")}
	if _, err := r.compress(context.Background(), r.tree("tf2"), m, file); err == nil {
		t.Error("other content was kept")
	}
	if keys := r.keys(); len(keys) != 0 {
		t.Errorf("left %v", keys)
	}
}

// A client that waits for a file to be decompressed gets it when it is done,
// and nothing when it takes too long.
func TestClientsWait(t *testing.T) {
	plain := noise(1, 30_000)
	r := newRig(t, func(r *rig) { r.put("maps/a.bsp.bz2", compressed(t, plain)) }, nil)
	answers := make(chan int, 20)
	for range cap(answers) {
		go func() {
			res, _ := r.get("tf2/maps/a.bsp")
			answers <- res.StatusCode
		}()
	}
	for range cap(answers) {
		if status := <-answers; status != 200 {
			t.Errorf("%d", status)
		}
	}
	if n := r.makings(); n != 1 {
		t.Errorf("made %d times", n)
	}
	for range maxWaiting {
		r.waiting <- struct{}{}
	}
	r.put("maps/b.bsp.bz2", compressed(t, noise(2, 30_000)))
	r.expect("tf2/maps/b.bsp", 404, nil) // no room to wait
	for range maxWaiting {
		<-r.waiting
	}
	r.settle()
	r.expect("tf2/maps/b.bsp", 200, noise(2, 30_000))
}

// A file that is being copied is no file that changed.
func TestUploadsAreNoChanges(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, func(r *rig) { r.put("maps/x.bsp", []byte("x")) }, nil)
	tf2 := r.tree("tf2")
	for size := 1; size < 4; size++ {
		put(t, r.game, "maps/new.bsp", noise(1, size), time.Now())
		if err := r.scan(ctx, tf2); err != nil {
			t.Fatal(err)
		}
	}
	put(t, r.game, "maps/new.bsp", noise(1, 9), old())
	reports, err := r.Lint(ctx, "tf2")
	if err != nil || len(findings(reports)) != 0 {
		t.Errorf("%v, %v", findings(reports), err)
	}
	put(t, r.game, "maps/new.bsp", noise(1, 10), old())
	if reports, err = r.Lint(ctx, "tf2"); err != nil || !slices.Equal(findings(reports), []string{"changed maps/new.bsp"}) {
		t.Errorf("%v, %v", findings(reports), err)
	}
}
