package workshop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Runs of programs take real time, so these tests are in no bubble.

// ugc is an item that Steam names no download address for.
var ugc = Name{installed, 1348957670}

// cmdRig is a rig with a fake SteamCMD.
type cmdRig struct {
	*rig
	fake *steamtest.SteamCMD
}

func newCmdRig(t *testing.T, d *db.DB, dir string, change func(*Options)) cmdRig {
	t.Helper()
	fake := steamtest.NewSteamCMD(t, filepath.Join(t.TempDir(), "cmd"), steamtest.Archive)
	return cmdRig{cmdRigOn(t, d, dir, fake, change), fake}
}

func cmdRigOn(t *testing.T, d *db.DB, dir string, fake *steamtest.SteamCMD, change func(*Options)) *rig {
	t.Helper()
	r := newRigWith(t, d, dir, func(o *Options) {
		o.SteamCMD = config.SteamCMD{Path: fake.Path(), Login: "anonymous", Workers: 1}
		if change != nil {
			change(o)
		}
	})
	r.steam.put(installed, ugc.Version, func(d *webapi.FileDetails) { d.URL, d.Manifest, d.Size = "", "77", 26 })
	return r
}

func (r cmdRig) put(it fakecmd.Item) {
	r.t.Helper()
	if err := r.fake.Put(installed, it); err != nil {
		r.t.Fatal(err)
	}
}

// within asks again and again until a condition holds.
func within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// settled asks for a version until the answer is not 202.
func (r *rig) settled(n Name) *httptest.ResponseRecorder {
	r.t.Helper()
	var w *httptest.ResponseRecorder
	within(r.t, 20*time.Second, "an answer other than 202", func() bool {
		w = r.do(http.MethodGet, "/"+n.File(), nil)
		return w.Code != http.StatusAccepted
	})
	return w
}

// job waits until the only job meets a condition.
func (r *rig) job(what string, meets func(Job) bool) (j Job) {
	r.t.Helper()
	within(r.t, 20*time.Second, what, func() bool {
		jobs, err := r.Jobs(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		i := slices.IndexFunc(jobs, meets)
		if i >= 0 {
			j = jobs[i]
		}
		return i >= 0
	})
	return j
}

func (r *rig) emptyJobs() {
	r.t.Helper()
	if left, err := os.ReadDir(filepath.Join(r.dir, "steamcmd", "jobs")); err != nil && !os.IsNotExist(err) || len(left) != 0 {
		r.t.Errorf("left behind: %v %v", left, err)
	}
}

// A client asks for an item that only SteamCMD can bring, and gets it.
func TestSteamCMD_Serves(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := newCmdRig(t, d, t.TempDir(), nil)
		r.put(fakecmd.Item{Updated: ugc.Version})
		r.start()
		r.expect("/"+ugc.File(), 202, "Downloading")
		w := r.settled(ugc)
		if w.Code != 200 || !slices.Equal(entries(t, w.Body.Bytes()), []string{"lua/main.lua", "maps/ns2_ünïcode 地図.level", "mod.info"}) {
			t.Fatalf("%d %q", w.Code, w.Header().Get("X-Reason"))
		}
		st := r.index.get(ugc)
		if st.Source != "steamcmd" || st.Origin != "SteamCMD" || !st.ours() || st.VerifiedAt.IsZero() {
			t.Errorf("%+v", st.Version)
		}
		if r.irreplaceable(ugc) || !r.irreplaceable(Name{installed, 5}) {
			t.Error("Steam still has this version, and no other one")
		}
		status, err := r.Status(t.Context())
		if err != nil || status.SteamCMD.State != SteamCMDReady || len(status.Problems) != 0 {
			t.Errorf("%+v %v %v", status.SteamCMD, status.Problems, err)
		}
		if got, want := r.keys(), []string{blobKey(ugc)}; !slices.Equal(got, want) {
			t.Errorf("stored %v", got)
		}
		r.emptyJobs()
	})
}

// SteamCMD has another version than Steam announced: it is kept under its own
// name, and the wanted one is refused, or tried again later.
func TestSteamCMD_KeepsOtherVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for has, want := range map[int64]State{ugc.Version + 60: Denied, ugc.Version - 60: Failed} {
			dir := t.TempDir()
			r := newCmdRig(t, d, dir, nil)
			n := Name{ItemID(uint64(has)), ugc.Version} // an item of its own in the database that both share
			r.steam.put(uint64(n.Item), n.Version, func(d *webapi.FileDetails) { d.URL = "" })
			if err := r.fake.Put(uint64(n.Item), fakecmd.Item{Updated: has}); err != nil {
				t.Fatal(err)
			}
			r.start()
			r.expect("/"+n.File(), 202, "Downloading")
			j := r.job("an end", func(j Job) bool { return j.Name == n && j.State == want })
			if want == Denied {
				r.expect("/"+n.File(), 404, "Denied - old version and not backed up")
			} else {
				r.expect("/"+n.File(), 202, "Downloading")
			}
			if wait := time.Until(j.RetryAt); wait < 9*time.Minute {
				t.Errorf("has %d: tried again in %s: %s", has, wait, j.Error)
			}
			if w := r.settled(Name{n.Item, has}); w.Code != 200 {
				t.Errorf("has %d: the delivered version: %d %q", has, w.Code, w.Header().Get("X-Reason"))
			}
			if len(downloads(t, r.fake)) != 1 {
				t.Errorf("has %d: it was downloaded again", has)
			}
			r.stop()
		}
	})
}

// What clients and the operator are told when it does not work.
func TestSteamCMD_Refusals(t *testing.T) {
	t.Parallel()
	denied := fakecmd.Item{Scenario: fakecmd.Fail, Reason: "No subscription"}
	for name, c := range map[string]struct {
		item    fakecmd.Item
		login   string
		change  func(*Options)
		answer  string
		problem string
		hint    string
		state   SteamCMDState
		logged  string
	}{
		"not for us": {item: denied, answer: "Denied - no source can supply this item", problem: "no_source", hint: "workshop.roots", state: SteamCMDReady, logged: "steamcmd.login"},
		"off": {change: func(o *Options) { o.SteamCMD.Path = "" }, answer: "Denied - no source can supply this item",
			problem: "no_source", hint: "set steamcmd.path", state: SteamCMDOff},
		"not a source": {change: func(o *Options) { o.Config.Sources = []string{"folder", "steam-url"} },
			answer: "Denied - no source can supply this item", problem: "no_source", hint: "workshop.roots", state: SteamCMDOff},
		"not there": {change: func(o *Options) { o.SteamCMD.Path = filepath.Join(o.DataDir, "nowhere") },
			answer: "Denied - no source can supply this item", problem: "steamcmd_missing", hint: "steamcmd.path", state: SteamCMDMissing},
		"rate limit": {login: "Rate Limit Exceeded", problem: "steamcmd_waits", state: SteamCMDWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newCmdRig(t, dbtest.SQLite(t), t.TempDir(), c.change)
			r.put(c.item)
			if err := r.fake.Script(func(s *fakecmd.Script) { s.Login = c.login }); err != nil {
				t.Fatal(err)
			}
			r.start()
			r.expect("/"+ugc.File(), 202, "Downloading")
			if c.answer == "" {
				j := r.job("a failure", func(j Job) bool { return j.State == Failed })
				if wait := time.Until(j.RetryAt); wait < 29*time.Minute || !strings.Contains(j.Error, c.login) {
					t.Errorf("%s, tried again in %s", j.Error, wait)
				}
				r.expect("/"+ugc.File(), 202, "Downloading")
			} else if w := r.settled(ugc); w.Code != 404 || w.Header().Get("X-Reason") != c.answer {
				t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
			}
			status, err := r.Status(t.Context())
			if err != nil || status.SteamCMD.State != c.state || status.SteamCMD.Text == "" {
				t.Errorf("%+v %v", status.SteamCMD, err)
			}
			i := slices.IndexFunc(status.Problems, func(p Problem) bool { return p.Code == c.problem })
			if i < 0 || !strings.Contains(status.Problems[i].Hint, c.hint) {
				t.Errorf("problems %+v", status.Problems)
			}
			if !strings.Contains(r.log.String(), c.logged) {
				t.Errorf("the log does not name the remedy:\n%s", r.log)
			}
		})
	}
}

// A person has logged in by hand and tries again: it goes on at once.
func TestSteamCMD_Retry(t *testing.T) {
	t.Parallel()
	r := newCmdRig(t, dbtest.SQLite(t), t.TempDir(), nil)
	r.put(fakecmd.Item{Updated: ugc.Version})
	if err := r.fake.Script(func(s *fakecmd.Script) { s.Login = "Invalid Password" }); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.expect("/"+ugc.File(), 202, "Downloading")
	j := r.job("a failure", func(j Job) bool { return j.State == Failed })
	if err := r.fake.Script(func(s *fakecmd.Script) { s.Login = "" }); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Retry(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if w := r.settled(ugc); w.Code != 200 {
		t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
	}
}

// The daemon is stopped while SteamCMD runs and does not want to end: nothing
// of it outlives the daemon, and the next start goes on.
func TestSteamCMD_StopAndResume(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		dir := t.TempDir()
		r := newCmdRig(t, d, dir, nil)
		r.put(fakecmd.Item{Scenario: fakecmd.Hang, Times: 1, Chunk: 13, Updated: ugc.Version})
		r.start()
		r.expect("/"+ugc.File(), 202, "Downloading")
		j := r.job("progress", func(j Job) bool { return j.Bytes == 13 })
		if j.Total != 26 || j.State != Fetching || j.Source != "steamcmd" {
			t.Errorf("%+v", j)
		}
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("stopping took %s", took)
		}
		runs, err := r.fake.Runs()
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			for _, pid := range append(run.Children, run.PID) {
				if alive(pid) {
					t.Errorf("process %d lives on", pid)
				}
			}
		}
		r.emptyJobs()
		// What a killed daemon leaves is swept at the start.
		left := filepath.Join(dir, "steamcmd", "jobs", "12345")
		put(t, filepath.Join(left, "root", "file"), []byte("x"))
		put(t, left+".lock", nil)
		next := cmdRigOn(t, d, dir, r.fake, nil)
		next.start()
		within(t, 10*time.Second, "the sweep", func() bool { _, err := os.Stat(left); return os.IsNotExist(err) })
		if w := next.settled(ugc); w.Code != 200 {
			t.Errorf("after the restart: %d %q", w.Code, w.Header().Get("X-Reason"))
		}
		next.stop()
		next.emptyJobs()
	})
}

// Who waits for SteamCMD does not keep others from downloading.
func TestSteamCMD_HoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := newCmdRig(t, dbtest.SQLite(t), t.TempDir(), func(o *Options) { o.Config.Parallel = 1 })
	r.put(fakecmd.Item{Scenario: fakecmd.Sleep})
	for id := range uint64(3) { // they wait for the one worker
		r.steam.put(1000+id, 5, func(d *webapi.FileDetails) { d.URL = "" })
	}
	r.offer(vector)
	r.start()
	r.expect("/"+ugc.File(), 202, "Downloading")
	within(t, 20*time.Second, "SteamCMD runs", func() bool { return r.steamcmd.status().Running == 1 })
	for id := range 3 {
		r.expect("/"+Name{ItemID(1000 + id), 5}.File(), 202, "Downloading")
	}
	within(t, 20*time.Second, "three wait", func() bool { return r.steamcmd.status().Waiting == 3 })
	if w := r.settled(vector); w.Code != 200 {
		t.Errorf("%d %q", w.Code, w.Header().Get("X-Reason"))
	}
	if st := r.steamcmd.status(); st.Running != 1 || st.Waiting != 3 {
		t.Errorf("%+v", st)
	}
}

// The status has words for the operator, and only states for others.
func TestSteamCMD_StatusOfStrangers(t *testing.T) {
	t.Parallel()
	r := newCmdRig(t, dbtest.SQLite(t), t.TempDir(), func(o *Options) { o.SteamCMD.Path = "/secret/steamcmd" })
	status, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := func(v statusView) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if text := told(viewStatus(status).forCaller(t.Context())); strings.Contains(text, "secret") || !strings.Contains(text, `"steamcmd":{"state":"missing","text":"SteamCMD is not where steamcmd.path says","running"`) {
		t.Errorf("strangers are told %s", text)
	}
	if text := told(viewStatus(status).forCaller(accounts.Local(t.Context(), "admin"))); !strings.Contains(text, "/secret/steamcmd") {
		t.Errorf("the operator is told %s", text)
	}
}
