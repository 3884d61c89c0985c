package workshop

import (
	"errors"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// A mod whose current version is stored is ready, whatever is being found out
// or was asked for besides.
func TestMod_CurrentVersionIsStored(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.get(vector, 10*second)
		state := func() State {
			t.Helper()
			m, err := r.Get(t.Context(), vectorItem)
			if err != nil {
				t.Fatal(err)
			}
			return m.State
		}
		for _, job := range []State{Queued, Fetching} {
			r.records.setJob(Job{ID: 7, Name: Name{Item: vectorItem}, State: job, CreatedAt: time.Now()})
			if got := state(); got != Ready {
				t.Errorf("while a job for whatever is current is %s: %s", job, got)
			}
		}
		r.records.setJob(Job{ID: 7, Name: Name{Item: vectorItem}, State: Failed, RetryAt: time.Now().Add(time.Minute)})
		if got := state(); got != Ready {
			t.Errorf("after such a job failed: %s", got)
		}
		r.records.setJob(Job{ID: 7, Name: Name{Item: vectorItem}, State: Removed})

		// A newer version is on its way: that is what the mod's state says.
		newer := Name{vectorItem, vectorVersion + 1}
		r.offer(newer)
		r.source.fail(fault.Wrap(errors.New("x"), fault.Unavailable, "Try later"))
		pass(2 * time.Minute)
		r.get(newer, 0)
		pass(2 * second)
		if got := state(); got != Failed {
			t.Errorf("while the current version cannot be fetched: %s", got)
		}
		r.source.fail(nil)
		r.get(newer, time.Minute)
		if got := state(); got != Ready {
			t.Errorf("after it came: %s", got)
		}
	})
}

// What clients are sent to is what they are served.
func TestDownloadPath(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		if got := r.DownloadPath(vectorItem); got != "" {
			t.Errorf("nothing is stored: %q", got)
		}
		r.offer(vector)
		r.get(vector, 10*second)
		if got, want := r.DownloadPath(vectorItem), "/"+vector.File(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := r.DownloadPath(vectorItem + 1); got != "" {
			t.Errorf("another item: %q", got)
		}
	})
}
