package workshop

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// heard is what listeners are told of jobs, "item state" each.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) Publish(e web.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if j, ok := e.Data.(jobView); ok {
		h.lines = append(h.lines, fmt.Sprintf("%v %s", j.Item, j.State))
	}
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines
	h.lines = nil
	return l
}

// quiet checks that minutes of polling have nothing to tell.
func (h *heard) quiet(t *testing.T, after string) {
	t.Helper()
	pass(3 * time.Minute)
	if again := h.take(); len(again) != 0 {
		t.Errorf("after %s: %v are told again", after, again)
	}
}

// slowSource takes its time.
type slowSource struct{ Source }

func (s slowSource) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	time.Sleep(700 * time.Millisecond)
	return s.Source.Fetch(ctx, want, dst)
}

// The end of a job is told once, although the row is read again for a minute.
func TestEvents_OncePerChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		r, told := newRig(t, nil), &heard{}
		r.hub = told
		r.sources = []Source{slowSource{r.source}}
		r.start()
		r.offer(Name{1, 100})
		if _, err := r.Add(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		r.get(Name{1, 100}, 10*second)
		if got := told.take(); len(got) == 0 || got[len(got)-1] != "1 ready" {
			t.Errorf("a version that came: %v", got)
		}
		told.quiet(t, "a version came")

		r.steam.put(2, 100, func(d *webapi.FileDetails) { d.URL, d.Manifest = "", "77" })
		r.get(Name{2, 100}, 10*second)
		if got := told.take(); len(got) == 0 || got[len(got)-1] != "2 denied" {
			t.Errorf("a version that nobody has: %v", got)
		}
		told.quiet(t, "a refusal")

		r.source.fail(fault.New(fault.Unavailable, "Try later").WithRetryAfter(time.Hour))
		r.offer(Name{3, 100})
		r.get(Name{3, 100}, 0)
		for range 40 { // until it failed, and not longer
			pass(second / 10)
			if j, _ := r.records.job(Name{3, 100}); j.State == Failed {
				break
			}
		}
		if got := told.take(); len(got) == 0 || got[len(got)-1] != "3 failed" {
			t.Errorf("a version that did not come: %v", got)
		}
		told.quiet(t, "a failure")
		jobs, err := r.Jobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			if _, err := r.Cancel(t.Context(), j.ID); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"2 removed", "3 removed"}, sorted(told.take())); diff != "" {
			t.Error(diff)
		}
		told.quiet(t, "cancelling")
	})
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// What another process did is told once, too, and a job that is cancelled
// while bytes come stays cancelled.
func TestEvents_OfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		r, told := newRigOn(t, d, dir, nil), &heard{}
		r.hub = told
		r.start()
		tool := newRigOn(t, d, dir, nil)
		tool.Service.owner = "tool"
		tool.offer(vector)
		tool.source.block = make(chan struct{})
		time.AfterFunc(10*second, func() { close(tool.source.block) })
		synctest.Wait()
		if _, err := tool.Fetch(t.Context(), vector, nil); err != nil {
			t.Fatal(err)
		}
		pass(3 * second)
		if got := slices.Compact(told.take()); !slices.Equal(got, []string{"99874752 fetching", "99874752 ready"}) {
			t.Errorf("a version that another process brought: %v", got)
		}
		told.quiet(t, "a version came by another process")

		r.offer(Name{5, 100})
		r.source.block = make(chan struct{})
		if _, err := r.Add(t.Context(), 5, 100); err != nil {
			t.Fatal(err)
		}
		pass(second)
		jobs, err := tool.Jobs(t.Context())
		if err != nil || len(jobs) != 1 {
			t.Fatalf("%+v, %v", jobs, err)
		}
		if _, err := tool.Cancel(t.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		pass(10 * second)
		if got := told.take(); len(got) == 0 || got[len(got)-1] != "5 removed" {
			t.Errorf("a job that another process cancelled: %v", got)
		}
		if _, known := r.records.job(Name{5, 100}); known {
			t.Error("the job is still known")
		}
		told.quiet(t, "another process cancelled")
		r.stop()
	})
}
