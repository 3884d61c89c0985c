package workshop

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamcmd"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// skipping is the system's clock, but what takes long passes at once.
type skipping struct{}

func (skipping) Now() time.Time { return time.Now() }

func (skipping) After(d time.Duration) <-chan time.Time {
	if d != 5*time.Second && d != 30*time.Second && d != 2*time.Minute && d != 10*time.Minute {
		return time.After(d)
	}
	passed := make(chan time.Time, 1)
	passed <- time.Now()
	return passed
}

// cmdFixture is the source before a fake SteamCMD.
type cmdFixture struct {
	*SteamCMD
	t    *testing.T
	fake *steamtest.SteamCMD
	dir  string
}

func newCmdFixture(t *testing.T, change func(*SteamCMDOptions)) cmdFixture {
	t.Helper()
	f := cmdFixture{t: t, dir: filepath.Join(t.TempDir(), "data")}
	f.fake = steamtest.NewSteamCMD(t, filepath.Join(t.TempDir(), "cmd"), steamtest.Archive)
	o := SteamCMDOptions{
		Config: config.SteamCMD{Path: f.fake.Path(), Login: "anonymous", Workers: 1}, Dir: f.dir, Limits: modzip.Limits{Bytes: 1 << 20},
		Space: func(context.Context, int64) error { return nil }, Free: func(string) (int64, error) { return 1 << 40, nil },
		Clock: skipping{}, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	s, err := NewSteamCMD(o)
	if err == nil { // with times for a run that are unlike any pause
		s.runner, err = steamcmd.New(steamcmd.Options{
			Path: o.Config.Path, Dir: o.Dir, MaxBytes: o.Limits.Bytes, Free: o.Free, Clock: o.Clock,
			Grace: 50 * time.Millisecond, Tick: 5 * time.Millisecond, RunTime: 61 * time.Second, BootTime: time.Minute,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.SteamCMD = s
	return f
}

func (f cmdFixture) put(it fakecmd.Item) {
	f.t.Helper()
	if err := f.fake.Put(installed, it); err != nil {
		f.t.Fatal(err)
	}
}

// fetch asks for a version that Steam says is current.
func (f cmdFixture) fetch(version int64) (Got, []byte, error) {
	var sink folderSink
	got, err := f.Fetch(f.t.Context(), Want{
		Name: Name{installed, version}, App: 4920,
		Details: &webapi.FileDetails{ID: installed, Result: webapi.ResultOK, AppID: 4920, Updated: version, Size: 26},
	}, &sink)
	if entries, _ := os.ReadDir(filepath.Join(f.dir, "jobs")); len(entries) != 0 {
		f.t.Errorf("left behind: %v", entries)
	}
	return got, sink.Bytes(), err
}

// runs counts the runs that were to download something.
func (f cmdFixture) runs() int { return len(downloads(f.t, f.fake)) }

func downloads(t *testing.T, fake *steamtest.SteamCMD) []fakecmd.Run {
	t.Helper()
	all, err := fake.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(r fakecmd.Run) bool { return len(r.Args) < 2 })
}

func TestSteamCMD_Delivers(t *testing.T) {
	t.Parallel()
	upload := textZip(t)
	f := newCmdFixture(t, nil)
	f.put(fakecmd.Item{Updated: 5})
	got, z, err := f.fetch(5)
	if want := (Got{Version: 5, Origin: "SteamCMD", State: Fetching}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if names := entries(t, z); !slices.Equal(names, []string{"lua/main.lua", "maps/ns2_ünïcode 地図.level", "mod.info"}) {
		t.Errorf("the zip holds %q", names)
	}
	if _, again, err := f.fetch(5); err != nil || !bytes.Equal(z, again) {
		t.Errorf("the second time differs: %v", err)
	}
	f.put(fakecmd.Item{Scenario: fakecmd.Legacy, Updated: 6, Files: map[string]string{"": string(upload)}})
	if _, z, err := f.fetch(6); err != nil || !bytes.Equal(z, upload) {
		t.Errorf("the upload is not what is served: %v", err)
	}
	f.put(fakecmd.Item{Scenario: fakecmd.Timeout, Times: 3, Updated: 7})
	if _, _, err := f.fetch(7); err != nil {
		t.Errorf("after time-outs: %v", err)
	}
	if f.Name() != "steamcmd" || f.runs() != 7 {
		t.Errorf("%s, %d runs", f.Name(), f.runs())
	}
}

// textZip is a zip that is ASCII, since the fake's script is JSON.
func textZip(t *testing.T) []byte {
	t.Helper()
	for i := range 1000 {
		text := fmt.Sprintf("print(%d)", i)
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{
			Name: "lua/a.lua", CRC32: crc32.ChecksumIEEE([]byte(text)), CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
		})
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err = errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.ContainsFunc(b.Bytes(), func(r rune) bool { return r > unicode.MaxASCII }) {
			return b.Bytes()
		}
	}
	t.Fatal("no checksum is ASCII")
	return nil
}

// What is not the current version, or not to be had at all, costs no run.
func TestSteamCMD_NotAsked(t *testing.T) {
	t.Parallel()
	f := newCmdFixture(t, nil)
	f.put(fakecmd.Item{Updated: 5})
	ok := webapi.FileDetails{ID: installed, Result: webapi.ResultOK, AppID: 4920, Updated: 5}
	for name, c := range map[string]struct {
		change func(d *webapi.FileDetails)
		app    uint32
		want   fault.Kind
	}{
		"older than Steam's": {func(d *webapi.FileDetails) { d.Updated = 6 }, 4920, fault.NotFound},
		"newer than Steam's": {func(d *webapi.FileDetails) { d.Updated = 4 }, 4920, fault.NotFound},
		"banned":             {func(d *webapi.FileDetails) { d.Banned = true }, 4920, fault.NotFound},
		"gone":               {func(d *webapi.FileDetails) { d.Result = webapi.ResultFileNotFound }, 4920, fault.NotFound},
		"unknown app":        {func(*webapi.FileDetails) {}, 0, fault.NotFound},
		"too large":          {func(d *webapi.FileDetails) { d.Size = 1<<20 + 1 }, 4920, fault.TooLarge},
		"not described":      {nil, 0, fault.Unavailable},
	} {
		want := Want{Name: Name{installed, 5}, App: c.app}
		if c.change != nil {
			d := ok
			c.change(&d)
			want.Details = &d
		}
		if got, err := f.Fetch(t.Context(), want, &folderSink{}); !fault.Is(err, c.want) || got != (Got{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	full := newCmdFixture(t, func(o *SteamCMDOptions) {
		o.Space = func(_ context.Context, more int64) error {
			if more != 2*26 {
				t.Errorf("room was asked for %d bytes", more)
			}
			return fault.New(fault.NoSpace, "full")
		}
	})
	if _, _, err := full.fetch(5); !fault.Is(err, fault.NoSpace) {
		t.Errorf("no room: %v", err)
	}
	if n := f.runs() + full.runs(); n != 0 {
		t.Errorf("%d runs", n)
	}
}

// cmdFailure is a way to fail, and what follows.
type cmdFailure struct {
	item fakecmd.Item
	want fault.Kind
	wait time.Duration
	text string // of the public message
	runs int
}

func cmdFailures() map[string]cmdFailure {
	no := func(text string) fakecmd.Item { return fakecmd.Item{Scenario: fakecmd.Fail, Reason: text} }
	const hour = time.Hour
	return map[string]cmdFailure{
		"time-outs":        {fakecmd.Item{Scenario: fakecmd.Timeout}, fault.Unavailable, 10 * time.Minute, "Timeout", 6},
		"no connection":    {no("No Connection"), fault.Unavailable, 10 * time.Minute, "No Connection", 4},
		"failure":          {no("Failure"), fault.NotFound, hour, "Failure", 3},
		"lock":             {no("Locking Failed"), fault.Unavailable, 10 * time.Minute, "Locking Failed", 4},
		"I/O":              {no("I/O Operation Failed"), fault.NotFound, hour, "I/O Operation Failed", 2},
		"access denied":    {no("Access Denied"), fault.NotFound, hour, "Access Denied", 1},
		"file not found":   {no("File Not Found"), fault.NotFound, hour, "File Not Found", 1},
		"no subscription":  {no("No subscription"), fault.NotFound, hour, "No subscription", 1},
		"configuration":    {no("Missing configuration"), fault.NotFound, hour, "Missing configuration", 1},
		"unknown words":    {no("/etc/passwd is odd"), fault.NotFound, hour, "unknown", 2},
		"silence":          {fakecmd.Item{Scenario: fakecmd.Silent}, fault.NotFound, hour, "unknown", 2},
		"aborts":           {fakecmd.Item{Scenario: fakecmd.Abort}, fault.Unavailable, 10 * time.Minute, "aborted", 6},
		"lies":             {fakecmd.Item{Scenario: fakecmd.SuccessNoFiles}, fault.NotFound, hour, "no files", 3},
		"another item":     {fakecmd.Item{Scenario: fakecmd.WrongID}, fault.NotFound, hour, "unknown", 2},
		"elsewhere":        {fakecmd.Item{Scenario: fakecmd.Outside}, fault.NotFound, hour, "escape", 1},
		"a link out":       {fakecmd.Item{Scenario: fakecmd.SymlinkEscape}, fault.NotFound, hour, "escape", 1},
		"endless output":   {fakecmd.Item{Scenario: fakecmd.Endless}, fault.NotFound, hour, "output", 1},
		"disk full":        {fakecmd.Item{Scenario: fakecmd.DiskFull}, fault.NoSpace, 10 * time.Minute, "", 1},
		"too much":         {fakecmd.Item{Scenario: fakecmd.Fill, Limit: 8 << 20}, fault.TooLarge, hour, "too large", 1},
		"no state file":    {fakecmd.Item{Scenario: fakecmd.NoState}, fault.Invalid, 10 * time.Minute, "which version", 1},
		"broken state":     {fakecmd.Item{Scenario: fakecmd.BrokenState}, fault.Invalid, 10 * time.Minute, "which version", 1},
		"a broken upload":  {fakecmd.Item{Scenario: fakecmd.Legacy, Updated: 5, Files: map[string]string{"": "PK\x03\x04 and no more"}}, fault.NotFound, hour, "zip", 1},
		"names twice":      {fakecmd.Item{Updated: 5, Files: map[string]string{"a": "1", "A": "2"}}, fault.NotFound, hour, "", 1},
		"a large upload":   {fakecmd.Item{Updated: 5, Files: map[string]string{"a": strings.Repeat("x", 1<<20+1)}}, fault.TooLarge, hour, "", 1},
		"retracts success": {fakecmd.Item{Scenario: fakecmd.Retracted}, fault.NotFound, hour, "Failure", 3},
	}
}

// Every way to fail: what it means, how long it lasts, and that it is not
// tried again meanwhile.
func TestSteamCMD_Fails(t *testing.T) {
	t.Parallel()
	for name, c := range cmdFailures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newCmdFixture(t, nil)
			f.put(c.item)
			for range 2 {
				_, _, err := f.fetch(5)
				if !fault.Is(err, c.want) || !strings.Contains(fault.Public(err), c.text) {
					t.Fatalf("%v, want %s and %q", err, c.want, c.text)
				}
				if w := retryAfter(err); w > c.wait || w < c.wait-time.Minute {
					t.Errorf("to be tried again in %s, want %s", w, c.wait)
				}
				if public := fault.Public(err) + fault.Hint(err); strings.Contains(public, f.dir) || strings.Contains(public, "/etc") {
					t.Errorf("strangers are told %q", public)
				}
			}
			if got := f.runs(); got != c.runs {
				t.Errorf("%d runs, want %d", got, c.runs)
			}
			f.put(fakecmd.Item{Updated: 5})
			f.Resume(Name{installed, 5})
			if _, _, err := f.fetch(5); err != nil {
				t.Errorf("after a person saw to it: %v", err)
			}
		})
	}
}

// A refused login, a SteamCMD that does not run and one that is not there
// concern every item.
func TestSteamCMD_FailsForAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script func(*fakecmd.Script)
		path   string
		state  SteamCMDState
		want   fault.Kind
		wait   time.Duration
	}{
		"rate limit":  {func(s *fakecmd.Script) { s.Login = "Rate Limit Exceeded" }, "", SteamCMDWaiting, fault.Unavailable, 30 * time.Minute},
		"password":    {func(s *fakecmd.Script) { s.Login = "Invalid Password" }, "", SteamCMDWaiting, fault.Unavailable, 10 * time.Minute},
		"Steam Guard": {func(s *fakecmd.Script) { s.Prompt = "Steam Guard code:" }, "", SteamCMDWaiting, fault.Unavailable, 10 * time.Minute},
		"broken":      {func(s *fakecmd.Script) { s.Broken = 1 }, "", SteamCMDWaiting, fault.Unavailable, 5 * time.Minute},
		"not there":   {nil, "/nowhere/steamcmd", SteamCMDMissing, fault.NotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newCmdFixture(t, func(o *SteamCMDOptions) {
				if c.path != "" {
					o.Config.Path = c.path
				}
			})
			f.put(fakecmd.Item{Updated: 5})
			if c.script != nil {
				if err := f.fake.Script(c.script); err != nil {
					t.Fatal(err)
				}
			}
			for version := range int64(3) {
				_, _, err := f.fetch(5 + version)
				if w := retryAfter(err); !fault.Is(err, c.want) || w > c.wait*5/4 || w < c.wait-time.Minute {
					t.Errorf("%v, to be tried again in %s", err, w)
				}
			}
			if n := f.runs(); n > 1 {
				t.Errorf("%d runs", n)
			}
			st := f.status()
			p, isProblem := st.problem()
			if st.State != c.state || st.Text == "" || !isProblem || p.Text != st.Text || p.Code == "" {
				t.Errorf("%+v", st)
			}
		})
	}
}

// Bytes of another version are those of that version, and the wanted one is
// left alone for a while.
func TestSteamCMD_OtherVersion(t *testing.T) {
	t.Parallel()
	for has, want := range map[int64]fault.Kind{4: fault.Unavailable, 6: fault.NotFound} {
		f := newCmdFixture(t, nil)
		f.put(fakecmd.Item{Updated: has})
		got, z, err := f.fetch(5)
		if err != nil || got.Version != has || len(z) == 0 {
			t.Errorf("%+v %v", got, err)
		}
		if _, _, err := f.fetch(5); !fault.Is(err, want) || retryAfter(err) > otherVersionFor || f.runs() != 1 {
			t.Errorf("has %d: %v after %d runs", has, err, f.runs())
		}
	}
}

// Every reason of the table has a kind, and says so in public.
func TestSteamCMD_EveryReason(t *testing.T) {
	t.Parallel()
	f := newCmdFixture(t, nil)
	for _, r := range steamcmd.Reasons() {
		err := f.failed(&steamcmd.Failure{Reason: r, Text: "/secret/place", Until: time.Now().Add(time.Hour)})
		if err.Kind == fault.Internal || strings.Contains(fault.Public(err), "/secret") || fault.Hint(err) != r.Hint {
			t.Errorf("%s: %v %q", r.Code, err.Kind, fault.Public(err))
		}
		if (r.Class == steamcmd.Permanent) != (err.Kind == fault.NotFound || err.Kind == fault.TooLarge) {
			t.Errorf("%s is %s, so %v", r.Code, r.Class, err.Kind)
		}
	}
}

func TestSteamCMD_Room(t *testing.T) {
	t.Parallel()
	f := newCmdFixture(t, nil)
	var leave func()
	for i := range steamcmdRoom {
		var err error
		if leave, err = f.enter(); err != nil {
			t.Fatal(i, err)
		}
	}
	if _, err := f.enter(); !errors.Is(err, errBusy) || !early(err) || !fault.Is(err, fault.Unavailable) {
		t.Errorf("the room is full: %v", err)
	}
	leave()
	if _, err := f.enter(); err != nil {
		t.Error(err)
	}
}

func TestSteamCMD_Ends(t *testing.T) {
	t.Parallel()
	f := newCmdFixture(t, nil)
	f.put(fakecmd.Item{Scenario: fakecmd.Sleep})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for f.runner.State().Running == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := f.Fetch(ctx, Want{Name: Name{installed, 5}, App: 4920, Details: &webapi.FileDetails{
		ID: installed, Result: webapi.ResultOK, AppID: 4920, Updated: 5}}, &folderSink{})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := f.fetch(5); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after Close: %v", err)
	}
}
