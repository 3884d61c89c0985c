package workshop

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const second = time.Second

func TestState_FailedDownload(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.source.fail(fault.New(fault.Unavailable, "the host is down"))
		began := time.Now()
		w := r.get(vector, time.Hour)
		if w.Code != 404 || w.Header().Get("X-Reason") != "Denied - could not be fetched" {
			t.Fatalf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		// Waits of 5, 10, 20 and 40 s lie between five attempts.
		if took := time.Since(began); took < 75*second || took > 100*second || r.source.count() != 5 {
			t.Errorf("gave up after %s and %d attempts", took, r.source.count())
		}
		pass(10 * time.Minute)
		if r.source.count() != 5 {
			t.Errorf("%d attempts although nobody asked", r.source.count())
		}
		r.expect("/"+vector.File(), 202, "Downloading") // one new attempt
		pass(5 * second)
		for range 50 {
			r.expect("/"+vector.File(), 404, "Denied - could not be fetched")
			pass(second)
		}
		if r.source.count() != 6 {
			t.Errorf("%d attempts, want one more than 5", r.source.count())
		}
		r.source.fail(nil)
		pass(10 * second)
		if w := r.get(vector, 10*second); w.Code != 200 {
			t.Errorf("after the host came back: %d", w.Code)
		}
	})
}

func TestState_NoSource(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.steam.put(vectorItem, vectorVersion, func(d *webapi.FileDetails) { d.URL, d.Manifest = "", "77" })
		w := r.get(vector, time.Minute)
		if w.Code != 404 || w.Header().Get("X-Reason") != "Denied - no source can supply this item" {
			t.Fatalf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		asked := r.source.count()
		for range 9 {
			pass(time.Minute)
			r.expect("/"+vector.File(), 404, "Denied - no source can supply this item")
		}
		if r.source.count() != asked {
			t.Errorf("asked the source %d more times within ten minutes", r.source.count()-asked)
		}
		if n := strings.Count(r.log.String(), "level=WARN"); n != 1 || !strings.Contains(r.log.String(), "workshop.roots") {
			t.Errorf("%d warnings, want one that names the remedy:\n%s", n, r.log)
		}
		pass(2 * time.Minute)
		r.expect("/"+vector.File(), 202, "Downloading")
	})
}

func TestState_NegativeTimers(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		gone := Name{0xdead, 1}
		r.get(gone, time.Minute)
		r.steam.put(vectorItem, vectorVersion, func(d *webapi.FileDetails) { d.AppID = 4000 })
		r.get(vector, time.Minute)
		calls := r.steam.count()
		pass(9 * time.Minute)
		r.expect("/"+gone.File(), 404, "Denied - no such mod")
		pass(2 * time.Minute)
		r.expect("/"+gone.File(), 202, "Downloading")
		pass(2 * second)
		r.expect("/"+gone.File(), 404, "Denied - no such mod")
		if r.steam.count() != calls+1 {
			t.Errorf("%d calls more, want 1", r.steam.count()-calls)
		}
		for after, want := range map[time.Duration]answer{23 * time.Hour: answerWrongApp, 25 * time.Hour: answerDownloading} {
			a, _ := r.decide(time.Now().Add(after), request{name: vector, mayStart: func() bool { return true }})
			if a != want {
				t.Errorf("after %s: %q", after, a.reason())
			}
		}
	})
}

func TestState_SteamDown(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		known := Name{0x77, 50}
		r.offer(known)
		r.get(known, time.Minute)
		r.steam.set(errSteamDown)
		pass(12 * time.Minute)
		// What is stored is served, what was known is known.
		r.expect("/m77_50.zip", 200, "")
		w := r.get(Name{0x77, 49}, time.Minute)
		if w.Code != 404 || w.Header().Get("X-Reason") != "Denied - old version and not backed up" {
			t.Errorf("an old version of a known item: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		// What was not known waits for a while, then is refused.
		began := time.Now()
		w = r.get(vector, time.Hour)
		if w.Code != 404 || w.Header().Get("X-Reason") != "Denied - could not be fetched" {
			t.Fatalf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		if took := time.Since(began); took > 15*time.Minute+second {
			t.Errorf("202 for %s", took)
		}
		r.steam.set(nil)
		r.offer(vector)
		pass(2 * time.Minute)
		if w := r.get(vector, time.Minute); w.Code != 200 {
			t.Errorf("after Steam came back: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
	})
}

// After a restart during an outage, what Steam said before still counts.
func TestState_RestartWhileSteamIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		one := newRigOn(t, d, dir, nil)
		one.start()
		one.offer(Name{0x77, 50})
		one.get(Name{0x77, 50}, time.Minute)
		one.stop()
		two := newRigOn(t, d, dir, nil)
		two.steam.set(errSteamDown)
		two.start()
		synctest.Wait()
		two.expect("/m77_50.zip", 200, "")
		if w := two.get(Name{0x77, 49}, time.Minute); w.Code != 404 || w.Header().Get("X-Reason") != "Denied - old version and not backed up" {
			t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		m, err := two.Get(t.Context(), 0x77)
		if err != nil || m.Title != "mod" || m.Versions[0].Requests != 2 {
			t.Errorf("%+v, %v", m, err)
		}
		two.stop()
	})
}

func TestState_FetchCurrentOnMiss(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		inBubble(t, func(c *config.Workshop) { c.FetchCurrentOnMiss = on }, func(t *testing.T, r *rig) {
			r.offer(vector)
			if w := r.get(Name{vectorItem, 100}, time.Minute); w.Code != 404 {
				t.Errorf("the old version: %d", w.Code)
			}
			pass(10 * second)
			if stored := r.index.get(vector) != nil; stored != on {
				t.Errorf("fetch_current_on_miss=%v, stored: %v", on, stored)
			}
		})
	}
}

func TestState_BannedItem(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(Name{0x77, 50})
		r.get(Name{0x77, 50}, time.Minute)
		r.steam.put(0x77, 60, func(d *webapi.FileDetails) { d.Banned = true })
		pass(11 * time.Minute)
		if w := r.get(Name{0x77, 60}, time.Minute); w.Code != 404 || w.Header().Get("X-Reason") != "Denied - no such mod" {
			t.Errorf("the banned version: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		r.expect("/m77_50.zip", 200, "")
	})
}

func TestState_BrokenDownloads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data   []byte
		change func(r *rig)
	}{
		"a page of HTML": {data: []byte("<html>503</html>")},
		"half a zip":     {data: []byte("PK\x03\x04 and then nothing")},
		"a panic":        {data: []byte("x"), change: func(r *rig) { r.source.panics = true }},
		"too large":      {data: make([]byte, 2000), change: func(r *rig) { r.Service.config.MaxItemBytes = 1000 }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *rig) {
				r.offer(vector)
				r.source.put(vector, c.data)
				if c.change != nil {
					c.change(r)
				}
				if w := r.get(vector, time.Hour); w.Code != 404 || w.Header().Get("X-Reason") != "Denied - could not be fetched" {
					t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
				}
				if keys := r.keys(); len(keys) != 0 {
					t.Errorf("left behind: %v", keys)
				}
				r.source.panics = false
				other := Name{0x99, 7}
				r.offer(other)
				if w := r.get(other, time.Minute); w.Code != 200 && name != "too large" {
					t.Errorf("another mod afterwards: %d", w.Code)
				}
			})
		})
	}
}

func TestState_NoSpace(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *config.Workshop) { c.Retention.MinFree = 1 << 60 }, func(t *testing.T, r *rig) {
		r.offer(vector)
		if w := r.get(vector, 16*time.Minute); w.Code != 202 {
			t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		st, err := r.Status(t.Context())
		if err != nil || len(st.Problems) != 1 || st.Problems[0].Code != "disk_low" {
			t.Errorf("%+v, %v", st.Problems, err)
		}
		c := testConfig()
		r.Reload(c)
		pass(10 * second)
		r.expect("/"+vector.File(), 200, "")
		if st, err := r.Status(t.Context()); err != nil || len(st.Problems) != 0 {
			t.Errorf("%+v, %v", st.Problems, err)
		}
	})
}

// Downloads are bounded, and what clients wait for comes first.
func TestState_ParallelAndBoost(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *config.Workshop) { c.Parallel = 2; c.Monitor.IDs = []config.Item{1, 2, 3, 4, 5, 6} }, func(t *testing.T, r *rig) {
		r.source.block = make(chan struct{})
		for i := range 7 {
			r.offer(Name{ItemID(i + 1), 100})
		}
		pass(15 * time.Minute) // the monitor wants 1 to 6
		if n := r.source.count(); n != 2 {
			t.Fatalf("%d downloads at once, want 2", n)
		}
		r.expect("/m7_100.zip", 202, "Downloading")
		pass(5 * second)
		r.source.block <- struct{}{}
		pass(5 * second)
		if third := r.source.asked[2]; third != (Name{7, 100}) {
			t.Errorf("%v came before what a client waits for", third)
		}
		close(r.source.block)
		pass(5 * second)
		if n := r.source.count(); n != 7 {
			t.Errorf("%d of 7 fetched", n)
		}
	})
}

// A flood of unknown items costs few calls and little memory.
func TestR10_Flood(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		const n = 20000
		for i := range n {
			r.expect("/"+Name{ItemID(1<<32 + i), 1}.File(), 202, "Downloading")
		}
		began := time.Now()
		pass(3 * time.Minute)
		calls := r.steam.count()
		if most := int(time.Since(began)/second) + 1; calls > most {
			t.Errorf("%d calls to Steam in %s", calls, time.Since(began))
		}
		asked := map[uint64]time.Time{}
		for i, ids := range r.steam.calls {
			for _, id := range ids {
				if last, ok := asked[id]; ok && r.steam.at[i].Sub(last) < time.Minute {
					t.Fatalf("item %d was asked about twice within a minute", id)
				}
				asked[id] = r.steam.at[i]
			}
		}
		r.records.mu.Lock()
		defer r.records.mu.Unlock()
		if v := r.records.verdicts.len(); v > 1000 {
			t.Errorf("%d verdicts are remembered", v)
		}
		if p := len(r.records.pending); p > maxPending {
			t.Errorf("%d items wait", p)
		}
	})
}

func TestState_CancelAndRetry(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.offer(vector)
		r.source.block = make(chan struct{})
		j, err := r.Add(t.Context(), vectorItem, 0)
		if err != nil {
			t.Fatal(err)
		}
		pass(5 * second)
		jobs, err := r.Jobs(t.Context())
		if err != nil || len(jobs) != 1 || jobs[0].Name != vector || jobs[0].State != Fetching || jobs[0].Bytes == 0 {
			t.Fatalf("%+v, %v", jobs, err)
		}
		if _, err := r.Cancel(t.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		pass(second)
		if jobs, _ := r.Jobs(t.Context()); len(jobs) != 0 || len(r.keys()) != 0 {
			t.Errorf("after cancelling: %+v, %v", jobs, r.keys())
		}
		close(r.source.block)
		if _, err := r.Retry(t.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		pass(3 * second)
		r.expect("/"+vector.File(), 200, "")
		if _, err := r.Cancel(t.Context(), j.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("cancelling what is done: %v", err)
		}
		if _, err := r.Add(t.Context(), vectorItem, vectorVersion); !fault.Is(err, fault.Conflict) {
			t.Errorf("adding what is stored: %v", err)
		}
		if _, err := r.Add(t.Context(), 0xd15a, 0); !fault.Is(err, fault.Forbidden) {
			t.Errorf("adding what is denied: %v", err)
		}
	})
}

// A job that a killed process was working on goes on at the next start.
func TestR1_KillAndResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		one := newRigOn(t, d, dir, nil)
		if _, err := one.Add(t.Context(), vectorItem, vectorVersion); err != nil {
			t.Fatal(err)
		}
		if _, ok := one.claim(t.Context(), 0); !ok { // and then the process dies
			t.Fatal("no job to claim")
		}
		w, err := one.blobs.Create(context.Background(), "incoming/1-"+vector.File())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("half a z")); err != nil {
			t.Fatal(err)
		}
		defer w.Abort() //nolint:errcheck // only to let go of the file
		two := newRigOn(t, d, dir, nil)
		two.offer(vector)
		two.start()
		pass(3 * second)
		two.expect("/"+vector.File(), 200, "")
		two.stop()
		// Another process, under another name, waits for the lease to end.
		three := newRigOn(t, d, dir, nil)
		three.Service.owner = "other"
		if _, err := three.Add(t.Context(), 0x88, 5); err != nil {
			t.Fatal(err)
		}
		if _, ok := one.claim(t.Context(), 0); !ok {
			t.Fatal("no job to claim")
		}
		three.offer(Name{0x88, 5})
		three.start()
		pass(20 * second)
		if three.source.count() != 0 {
			t.Error("a job was taken from its owner")
		}
		pass(20 * second)
		three.expect("/m88_5.zip", 200, "")
		three.stop()
	})
}

// Two processes on one database see what the other did.
func TestState_TwoProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		d, dir := dbtest.SQLite(t), t.TempDir()
		daemon := newRigOn(t, d, dir, nil)
		daemon.start()
		tool := newRigOn(t, d, dir, nil)
		tool.Service.owner = "tool"
		for _, r := range []*rig{daemon, tool} {
			r.offer(vector)
		}
		synctest.Wait()
		var states []State
		v, err := tool.Fetch(t.Context(), Name{Item: vectorItem}, func(j Job) { states = append(states, j.State) })
		if err != nil || v.Name != vector || len(states) == 0 {
			t.Fatalf("%+v, %v, %v", v, states, err)
		}
		if n := daemon.source.count() + tool.source.count(); n != 1 {
			t.Errorf("fetched %d times", n)
		}
		pass(3 * second)
		daemon.expect("/"+vector.File(), 200, "")
		if err := tool.Delete(t.Context(), vector, false); !fault.Is(err, fault.Conflict) {
			t.Errorf("deleting the only copy: %v", err)
		}
		if err := tool.Delete(t.Context(), vector, true); err != nil {
			t.Fatal(err)
		}
		pass(3 * second)
		if daemon.index.get(vector) != nil {
			t.Error("the daemon did not learn of the deletion")
		}
		daemon.stop()
	})
}

// A blob without a row is checked and taken in; a broken one is put aside.
func TestState_Orphans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		r := newRig(t, nil)
		for name, data := range map[string]string{
			vector.File():    string(steamtest.Zip(map[string]string{"a.lua": "1"})),
			"m77_5.zip":      "<html>",
			"something.else": "left alone",
		} {
			write(t, filepath.Join(r.dir, "blobs", "mods", name), data)
		}
		time.Sleep(time.Hour)
		r.start()
		pass(second)
		r.expect("/"+vector.File(), 200, "")
		if keys := fmt.Sprint(r.keys()); keys != "[mods/m5f3f7c0_1348957670.zip mods/something.else quarantine/m77_5.zip]" {
			t.Errorf("stored: %s", keys)
		}
		r.stop()
	})
}
