package steamcmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// hanging is what the tests below download: it hangs, and so does a child of
// it, and both ignore SIGTERM.
var hanging = fakecmd.Item{Scenario: fakecmd.Hang, Chunk: 100}

// onceHanging returns a Progress that calls then when the item hangs.
func (g *rig) onceHanging(then func()) func(Progress) {
	var once sync.Once
	return func(Progress) {
		if runs := g.runs(); len(runs) == 1 && len(runs[0].Children) == 1 {
			once.Do(then)
		}
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	g := newRig(t)
	g.put(item, hanging)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err := g.r.Download(ctx, Job{App: app, Items: []uint64{item}, Progress: g.onceHanging(func() { cancel(enough) })})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	g.gone()
	g.empty()
	g.put(item, fakecmd.Item{})
	g.content() // the worker is free again
}

func TestCloseLeavesNothing(t *testing.T) {
	g := newRig(t)
	g.put(item, hanging)
	closed := make(chan error, 1)
	_, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}, Progress: g.onceHanging(func() { go func() { closed <- g.r.Close() }() })})
	if !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	g.gone()
	g.empty()
	if _, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := g.r.Close(); err != nil {
		t.Error(err)
	}
}

func TestPanicLeavesNothing(t *testing.T) {
	g := newRig(t)
	g.put(item, hanging)
	func() {
		defer func() {
			if recover() != "oops" {
				t.Error("the panic is gone")
			}
		}()
		_, _ = g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}, Progress: g.onceHanging(func() { panic("oops") })})
	}()
	g.gone()
	g.empty()
	g.put(item, fakecmd.Item{})
	g.content()
}

// TestWorkers: never more runs at once than there are workers, whatever is
// asked for, and a waiting download ends with its context.
func TestWorkers(t *testing.T) {
	g := newRig(t, func(o *Options) { o.Workers = 2 })
	var most atomic.Int32
	for id := range uint64(6) {
		g.put(id+1, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 1, Chunk: 10})
	}
	var wg sync.WaitGroup
	for id := range uint64(6) {
		wg.Go(func() {
			d, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{id + 1}, Progress: func(Progress) {
				n := int32(g.r.State().Running)
				most.Store(max(most.Load(), n))
			}})
			if err != nil || d.Results[0].Err != nil {
				t.Error(err, d)
				return
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 2 || most.Load() < 1 {
		t.Error(most.Load(), "at once")
	}
	homes := map[string]bool{}
	for _, run := range g.runs() {
		homes[env(run, "HOME")] = true
	}
	if len(homes) > 2 {
		t.Error(homes)
	}
	g.empty()

	// With all workers busy, who waits can leave.
	g.put(item, hanging)
	ctx, cancel := context.WithCancel(t.Context())
	for _, id := range []uint64{item, item + 1} {
		g.put(id, hanging)
		wg.Go(func() { _, _ = g.r.Download(ctx, Job{App: app, Items: []uint64{id}}) })
	}
	for g.r.State().Running < 2 {
		time.Sleep(time.Millisecond)
	}
	late, leave := context.WithCancel(t.Context())
	wg.Go(func() {
		for g.r.State().Waiting == 0 {
			time.Sleep(time.Millisecond)
		}
		leave()
	})
	if _, err := g.r.Download(late, Job{App: app, Items: []uint64{7}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	cancel()
	wg.Wait()
	g.gone()
	g.empty()
}

// TestTwoProcesses: two Runners with the same folder, as the daemon and the
// command line have, take turns and do not sweep each other's jobs.
func TestTwoProcesses(t *testing.T) {
	g := newRig(t)
	g.put(1, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 3, Chunk: 10})
	g.put(2, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 3, Chunk: 10})
	other := g.runner()
	first := g.download(Job{Items: []uint64{1}}) // stays on the disk
	var wg sync.WaitGroup
	for i, r := range []*Runner{g.r, other} {
		wg.Go(func() {
			d, err := r.Download(t.Context(), Job{App: app, Items: []uint64{uint64(i + 1)}})
			if err != nil || d.Results[0].Err != nil {
				t.Error(err)
				return
			}
			d.Close()
		})
	}
	wg.Wait()
	if got := files(t, first.Results[0].Content.Path); len(got) != len(standard) {
		t.Error("swept away:", got)
	}
}

// TestSweep: what a killed process left is removed, and nothing else.
func TestSweep(t *testing.T) {
	g := newRig(t)
	jobs := filepath.Join(g.dir, jobsDir)
	if err := os.MkdirAll(filepath.Join(jobs, "123", "root", "steamapps"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"123.lock", "456.lock"} {
		if err := os.WriteFile(filepath.Join(jobs, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.put(item, fakecmd.Item{})
	d := g.download(Job{})
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	g.empty()
}

// env is a variable of a run.
func env(run fakecmd.Run, name string) string {
	for _, e := range run.Env {
		if len(e) > len(name) && e[:len(name)+1] == name+"=" {
			return e[len(name)+1:]
		}
	}
	return ""
}
