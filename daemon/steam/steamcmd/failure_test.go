package steamcmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// TestReasonsInWords plays every text of the table as the failure of an item
// and checks what follows: the reason, the runs, the pauses.
func TestReasonsInWords(t *testing.T) {
	half, two, ten := 30*time.Second, 2*time.Minute, 10*time.Minute
	for text, c := range map[string]struct {
		code   string
		class  Class
		runs   int
		pauses []time.Duration
		hold   time.Duration
	}{
		"Timeout":                        {CodeTimeout, Transient, 6, nil, ten},
		"No Connection":                  {CodeNoConnection, Transient, 4, []time.Duration{half, two, ten}, ten},
		"Service Unavailable":            {CodeNoConnection, Transient, 4, []time.Duration{half, two, ten}, ten},
		"Busy":                           {CodeNoConnection, Transient, 4, []time.Duration{half, two, ten}, ten},
		"Failure":                        {CodeFailure, Permanent, 3, nil, time.Hour},
		"Locking Failed":                 {CodeLocked, Transient, 4, []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}, ten},
		"I/O Operation Failed":           {CodeIO, Permanent, 2, nil, time.Hour},
		"Disk write failure":             {CodeDisk, Local, 1, nil, ten},
		"Not enough disk space":          {CodeDisk, Local, 1, nil, ten},
		"Access Denied":                  {CodeAccessDenied, Permanent, 1, nil, time.Hour},
		"Banned":                         {CodeAccessDenied, Permanent, 1, nil, time.Hour},
		"File Not Found":                 {CodeNotFound, Permanent, 1, nil, time.Hour},
		"No match":                       {CodeNotFound, Permanent, 1, nil, time.Hour},
		"No subscription":                {CodeSubscription, Permanent, 1, nil, time.Hour},
		"Missing configuration":          {CodeConfig, Permanent, 1, nil, time.Hour},
		"Invalid Parameter":              {CodeConfig, Permanent, 1, nil, time.Hour},
		"Something nobody has seen":      {CodeUnknown, Permanent, 2, nil, time.Hour},
		"":                               {CodeUnknown, Permanent, 2, nil, time.Hour},
		"file not found.":                {CodeNotFound, Permanent, 1, nil, time.Hour},
		strings.Repeat("very long ", 50): {CodeUnknown, Permanent, 2, nil, time.Hour},
	} {
		t.Run(c.code+" "+text[:min(len(text), 20)], func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.put(item, fakecmd.Item{Scenario: fakecmd.Fail, Reason: text})
			res := g.one()
			if res.Err == nil || res.Content != nil {
				t.Fatalf("%+v", res)
			}
			f := res.Err
			if f.Reason.Code != c.code || f.Reason.Class != c.class || f.Runs != c.runs || len(g.runs()) != c.runs {
				t.Errorf("%s %s after %d runs, %d records; want %s %s after %d", f.Reason.Code, f.Reason.Class, f.Runs, len(g.runs()), c.code, c.class, c.runs)
			}
			if !slices.Equal(g.clock.pauses, c.pauses) {
				t.Error("pauses", g.clock.pauses)
			}
			if left := time.Until(f.Until); left > c.hold || left < c.hold-time.Minute {
				t.Error("cool-down", left)
			}
			if len(f.Text) > maxText+3 || !strings.Contains(f.Error(), c.code) {
				t.Error(f.Text, f)
			}
			if s := g.r.State(); s.LastError != f.Error() || !s.Until.IsZero() {
				t.Errorf("%+v", s)
			}
		})
	}
}

// breakdown is a way in which an item does not arrive.
type breakdown struct {
	item   fakecmd.Item
	change func(*Options)
	job    Job
	code   string
	runs   int
}

// TestReasonsWithoutWords: what goes wrong without a message of SteamCMD.
func TestReasonsWithoutWords(t *testing.T) {
	quick := func(o *Options) { o.RunTime = 300 * time.Millisecond }
	for name, c := range map[string]breakdown{
		"time-outs that never grow":  {item: fakecmd.Item{Scenario: fakecmd.Timeout}, code: CodeTimeout, runs: 6},
		"time-outs that always grow": {item: fakecmd.Item{Scenario: fakecmd.Timeout, Chunk: 10}, code: CodeTimeout, runs: 13},
		"aborts":                     {item: fakecmd.Item{Scenario: fakecmd.Abort}, code: CodeAborted, runs: 6},
		"aborts that grow":           {item: fakecmd.Item{Scenario: fakecmd.Abort, Chunk: 10}, code: CodeAborted, runs: 13},
		"silence":                    {item: fakecmd.Item{Scenario: fakecmd.Silent}, code: CodeUnknown, runs: 2},
		"another item":               {item: fakecmd.Item{Scenario: fakecmd.WrongID}, code: CodeUnknown, runs: 2},
		"a retraction":               {item: fakecmd.Item{Scenario: fakecmd.Retracted}, code: CodeFailure, runs: 3},
		"success without files":      {item: fakecmd.Item{Scenario: fakecmd.SuccessNoFiles}, code: CodeNoFiles, runs: 3},
		"success with folders only":  {item: fakecmd.Item{Files: map[string]string{"a/": ""}}, code: CodeNoFiles, runs: 3},
		"content elsewhere":          {item: fakecmd.Item{Scenario: fakecmd.Outside}, code: CodeEscape, runs: 1},
		"a link for content":         {item: fakecmd.Item{Scenario: fakecmd.SymlinkEscape}, code: CodeEscape, runs: 1},
		"a link on the way":          {item: fakecmd.Item{Scenario: fakecmd.SymlinkParent}, code: CodeEscape, runs: 1},
		"a full disk":                {item: fakecmd.Item{Scenario: fakecmd.DiskFull}, code: CodeDisk, runs: 1},
		"endless output":             {item: fakecmd.Item{Scenario: fakecmd.Endless}, code: CodeOutput, runs: 1},
		"hanging":                    {item: fakecmd.Item{Scenario: fakecmd.Hang}, change: quick, code: CodeHang, runs: 3},
		"sleeping":                   {item: fakecmd.Item{Scenario: fakecmd.Sleep}, change: quick, code: CodeHang, runs: 3},
		"a job that takes too long": {item: fakecmd.Item{Scenario: fakecmd.Hang},
			change: func(o *Options) { o.JobTime = 300 * time.Millisecond }, code: CodeTooLong, runs: 1},
		"filling the disk": {item: fakecmd.Item{Scenario: fakecmd.Fill, Limit: 8 << 20}, job: Job{MaxBytes: 1 << 20}, code: CodeTooLarge, runs: 1},
		"filling the disk, bounded by the options": {item: fakecmd.Item{Scenario: fakecmd.Fill, Limit: 8 << 20},
			change: func(o *Options) { o.MaxBytes = 1 << 20 }, code: CodeTooLarge, runs: 1},
		"content that is too large": {item: fakecmd.Item{}, job: Job{MaxBytes: 25}, code: CodeTooLarge, runs: 1},
		"no room for what will come": {item: fakecmd.Item{}, job: Job{Expect: 1000}, code: CodeDisk, runs: 1,
			change: func(o *Options) { o.Free, o.MinFree = func(string) (int64, error) { return 1500, nil }, 501 }},
		"no room left": {item: fakecmd.Item{Scenario: fakecmd.Hang}, code: CodeDisk, runs: 1, change: func(o *Options) {
			free := int64(1000)
			o.Free, o.MinFree = func(string) (int64, error) { free -= 100; return free, nil }, 500
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func (c breakdown) check(t *testing.T) {
	t.Helper()
	change := c.change
	if change == nil {
		change = func(*Options) {}
	}
	g := newRig(t, change)
	g.put(item, c.item)
	d := g.download(c.job)
	f := d.Results[0].Err
	if f == nil {
		t.Fatalf("%+v", d.Results[0].Content)
	}
	if f.Reason.Code != c.code || f.Runs != c.runs {
		t.Errorf("%s after %d runs, want %s after %d: %v\n%s", f.Reason.Code, f.Runs, c.code, c.runs, f, f.Tail)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	g.gone()
	g.empty()
}

// TestSameFailureClearsCache: the third identical failure in a row clears
// steamapps/workshop, unless the runs add bytes.
func TestSameFailureClearsCache(t *testing.T) {
	for name, c := range map[string]struct {
		why  Reason
		grew bool
		want []Clear
	}{
		"time-outs":             {reason(CodeTimeout), false, []Clear{0, 0, ClearCache, 0, 0}},
		"growing time-outs":     {reason(CodeTimeout), true, []Clear{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		"failures":              {reason(CodeFailure), false, []Clear{ClearCache, ClearCache}},
		"no connection":         {reason(CodeNoConnection), false, []Clear{0, 0, ClearCache}},
		"locks":                 {reason(CodeLocked), false, []Clear{ClearFolder, ClearFolder, ClearFolder}},
		"success without files": {reason(CodeNoFiles), false, []Clear{ClearFolder, ClearFolder}},
		"denied":                {reason(CodeAccessDenied), false, nil},
	} {
		var l ledger
		var got []Clear
		for p := l.next(c.why, c.grew); p.again; p = l.next(c.why, c.grew) {
			got = append(got, p.clear)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(name, diff)
		}
	}
}

// TestMixedFailures: all reasons together are worth MaxReruns.
func TestMixedFailures(t *testing.T) {
	var l ledger
	n := 0
	for _, why := range Reasons() {
		for l.next(why, true).again {
			n++
		}
	}
	if n != MaxReruns {
		t.Error(n, "further runs")
	}
	l = ledger{}
	for range 2 {
		for _, code := range []string{CodeTimeout, CodeAborted} {
			if p := l.next(reason(code), false); !p.again || p.clear != ClearNothing {
				t.Error(code, p)
			}
		}
	}
}

// TestTable: the codes and the words are unique, and each reason says what to
// do.
func TestTable(t *testing.T) {
	codes, texts := map[string]bool{}, map[string]bool{}
	for _, r := range Reasons() {
		if codes[r.Code] || r.Code == "" || r.Retries > MaxReruns || r.Cooldown <= 0 && r.Code != "" {
			t.Errorf("%+v", r)
		}
		codes[r.Code] = true
		if r.Class == Account && r.Retries != 0 {
			t.Error(r.Code, "concerns all items and yet is repeated")
		}
		if (r.Cooldown >= time.Hour) != (r.Class == Permanent) {
			t.Errorf("%s is %s, and the item rests for %s: clients would wait for it", r.Code, r.Class, r.Cooldown)
		}
		for _, text := range r.Texts {
			if texts[strings.ToLower(text)] {
				t.Error(text, "twice")
			}
			texts[strings.ToLower(text)] = true
			if got := ReasonFor(" " + strings.ToUpper(text) + ". "); got.Code != r.Code {
				t.Error(text, got.Code)
			}
		}
	}
	if Class(99).String() != "transient" || Account.String() != "account" {
		t.Error("names of classes")
	}
}

// TestLogins: a refused login ends the job at once and holds back all others.
func TestLogins(t *testing.T) {
	type login struct {
		script func(*fakecmd.Script)
		name   string
		code   string
		hold   time.Duration
		most   time.Duration
	}
	refuse := func(why string) func(*fakecmd.Script) { return func(s *fakecmd.Script) { s.Login = why } }
	for name, c := range map[string]login{
		"rate limit":       {refuse("Rate Limit Exceeded"), "", CodeRateLimit, 30 * time.Minute, 38 * time.Minute},
		"throttled":        {refuse("Account Login Denied Throttle"), "", CodeRateLimit, 30 * time.Minute, 38 * time.Minute},
		"wrong password":   {refuse("Invalid Password"), "", CodeLogin, 10 * time.Minute, 10 * time.Minute},
		"another word":     {refuse("Some New Word"), "", CodeLogin, 10 * time.Minute, 10 * time.Minute},
		"two factors":      {refuse("Account logon denied, need two-factor code"), "", CodeGuard, 10 * time.Minute, 10 * time.Minute},
		"expired code":     {refuse("Expired Login Auth Code"), "", CodeGuard, 10 * time.Minute, 10 * time.Minute},
		"not cached":       {func(*fakecmd.Script) {}, "gordon", CodeLogin, 10 * time.Minute, 10 * time.Minute},
		"Steam Guard":      {func(s *fakecmd.Script) { s.Prompt = "Steam Guard code:" }, "gordon", CodeGuard, 10 * time.Minute, 10 * time.Minute},
		"two-factor":       {func(s *fakecmd.Script) { s.Prompt = "Two-factor code:" }, "gordon", CodeGuard, 10 * time.Minute, 10 * time.Minute},
		"glued rate limit": {func(s *fakecmd.Script) { s.Login, s.Glued = "Rate Limit Exceeded", true }, "", CodeRateLimit, 30 * time.Minute, 38 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, func(o *Options) { o.Login = c.name })
			g.put(item, fakecmd.Item{})
			g.script(c.script)
			f := g.one().Err
			if f == nil || f.Reason.Code != c.code || f.Reason.Class != Account || f.Runs != 1 {
				t.Fatalf("%+v", f)
			}
			if left := time.Until(f.Until); left < c.hold-time.Minute || left > c.most {
				t.Error("held for", left)
			}
			if s := g.r.State(); s.Reason.Code != c.code || !s.Until.Equal(f.Until) {
				t.Errorf("%+v", s)
			}
			_, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{5}})
			if held, ok := errors.AsType[*Failure](err); !ok || held.Reason.Code != c.code || len(g.runs()) != 1 {
				t.Error("not held back:", err)
			}
			g.script(func(s *fakecmd.Script) { s.Login, s.Prompt, s.Cached = "", "", []string{"gordon"} })
			g.clock.advance(c.most + time.Minute)
			if res := g.one(); res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
}

// TestLoginWithoutConnection: Steam that cannot be reached is no refusal.
func TestLoginWithoutConnection(t *testing.T) {
	for _, why := range []string{"No Connection", "Timeout", "Service Unavailable", "Try another CM"} {
		g := newRig(t)
		g.put(item, fakecmd.Item{})
		g.script(func(s *fakecmd.Script) { s.Login = why })
		f := g.one().Err
		if f == nil || f.Reason.Code != CodeNoConnection || f.Runs != 4 || !slices.Equal(g.clock.pauses, online) || !g.r.State().Until.IsZero() {
			t.Errorf("%s: %+v %v", why, f, g.clock.pauses)
		}
	}
}

// TestResume: a person who has logged in does not have to wait.
func TestResume(t *testing.T) {
	g := newRig(t, func(o *Options) { o.Login = "gordon" })
	g.put(item, fakecmd.Item{})
	if f := g.one().Err; f == nil || f.Reason.Hint == "" {
		t.Fatal(f)
	}
	g.script(func(s *fakecmd.Script) { s.Cached = []string{"gordon"} })
	g.r.Resume()
	if res := g.one(); res.Err != nil {
		t.Error(res.Err)
	}
	if args := g.runs()[1].Args; !slices.Contains(args, "gordon") {
		t.Error(args)
	}
}

// TestDiagnosis: SteamCMD's log says more than its output.
func TestDiagnosis(t *testing.T) {
	g := newRig(t)
	g.put(item, fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Failure", Log: "Missing configuration"})
	if f := g.one().Err; f.Reason.Code != CodeFailure || f.Text != "Failure: Missing configuration" || f.Runs != 3 {
		t.Errorf("%+v", f)
	}
	// What the log said of an earlier job is not read again.
	g.put(item, fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Failure"})
	if f := g.one().Err; f.Text != "Failure" {
		t.Errorf("%+v", f)
	}
}

func TestBootstrap(t *testing.T) {
	g := newRig(t)
	g.put(item, fakecmd.Item{})
	g.script(func(s *fakecmd.Script) { s.Broken = 127 })
	_, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}})
	f, ok := errors.AsType[*Failure](err)
	if !ok || f.Reason.Code != CodeBootstrap || f.Text != "exit code 127" || !strings.Contains(f.Tail, "libstdc++") || f.Reason.Hint == "" {
		t.Fatalf("%+v", f)
	}
	if all, _ := g.fake.Runs(); len(all) != bootTries {
		t.Error(len(all), "tries")
	}
	g.script(func(s *fakecmd.Script) { s.Broken = 0 })
	if _, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}}); !errors.As(err, &f) {
		t.Error("not held back", err)
	}
	g.clock.advance(6 * time.Minute)
	g.content()
	g.content()
	if all, _ := g.fake.Runs(); len(all) != bootTries+3 {
		t.Error(len(all), "runs: the first one is made once")
	}
	// The two downloads that are not closed yet are on the disk.
	if locks, err := filepath.Glob(filepath.Join(g.dir, jobsDir, "*"+lockSuffix)); err != nil || len(locks) != 2 {
		t.Error(locks, err)
	}
}

func TestNotInstalled(t *testing.T) {
	g := newRig(t, func(o *Options) { o.Path = filepath.Join(t.TempDir(), "steamcmd") })
	_, err := g.r.Download(t.Context(), Job{App: app, Items: []uint64{item}})
	if !errors.Is(err, ErrNotInstalled) || g.r.State().Path != "" {
		t.Error(err, g.r.State())
	}
	g.empty()
}

func TestFind(t *testing.T) {
	g := newRig(t)
	path := g.fake.Path()
	for _, p := range []string{path, filepath.Dir(path)} {
		if got, err := Find(p); got != path || err != nil {
			t.Errorf("%s: %s %v", p, got, err)
		}
	}
	t.Setenv("PATH", filepath.Dir(path))
	if got, err := Find(""); got != path || err != nil {
		t.Error(got, err)
	}
	for _, p := range []string{t.TempDir(), filepath.Join(path, "x"), filepath.Join(filepath.Dir(path), "script.json")} {
		if got, err := Find(p); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("%s: %s %v", p, got, err)
		}
	}
}

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]Options{
		"relative folder": {Dir: "data"}, "no folder": {},
		"password": {Dir: dir, Login: "gordon hunter2"}, "command": {Dir: dir, Login: "+quit"}, "quote": {Dir: dir, Login: `a"b`},
		"line": {Dir: dir, Login: "a\nb"}, "option": {Dir: dir, Login: "-x"}, "long": {Dir: dir, Login: strings.Repeat("a", 65)},
	} {
		_, err := New(o)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Error(name, err)
		}
	}
	for login, workers := range map[string]int{"": 4, "anonymous": 4, "gordon": 1, "g.f@example.org": 1} {
		r, err := New(Options{Dir: dir, Login: login, Workers: 9})
		if err != nil || cap(r.slots) != workers {
			t.Error(login, err)
		}
	}
	r, err := New(Options{Dir: dir})
	if err != nil || cap(r.slots) != 1 || r.State().Login != Anonymous || r.State().Home != filepath.Join(dir, "homes", "0") {
		t.Error(err, r.State())
	}
	for _, j := range []Job{{}, {App: 1}, {Items: []uint64{1}}, {App: 1, Items: []uint64{0}}, {App: 1, Items: []uint64{1, 2, 1}},
		{App: 1, Items: make([]uint64, MaxItems+1)}} {
		if _, err := r.Download(context.Background(), j); err == nil || errors.Is(err, ErrNotInstalled) {
			t.Error(j, err)
		}
	}
}

// TestLinksAreRemoved: content with links and a pipe loses them, and what
// they point to is not touched.
func TestLinksAreRemoved(t *testing.T) {
	g := newRig(t)
	outside := t.TempDir()
	g.put(item, fakecmd.Item{Scenario: fakecmd.SymlinkInside, Target: outside})
	c := g.content()
	if diff := cmp.Diff(standard, files(t, c.Path)); diff != "" || c.Removed != 3 || c.Files != 3 {
		t.Error(diff, c)
	}
	if len(files(t, outside)) < len(standard) {
		t.Error("something outside was removed")
	}
}

// TestDirIsALink: SteamCMD prints paths without links; ours may have some.
func TestDirIsALink(t *testing.T) {
	g := newRig(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(g.dir, link); err != nil {
		t.Fatal(err)
	}
	g.put(item, fakecmd.Item{})
	g.r = g.runner(func(o *Options) { o.Dir = link })
	g.content()
	g.script(func(s *fakecmd.Script) { s.IgnoreDir = true })
	g.content()
}

// TestHeldMeanwhile: an item that was delivered before the account was
// refused is not lost.
func TestHeldMeanwhile(t *testing.T) {
	g := newRig(t)
	g.put(1, fakecmd.Item{})
	g.put(2, fakecmd.Item{Scenario: fakecmd.Timeout, Chunk: 1})
	d := g.download(Job{Items: []uint64{1, 2}, Progress: func(p Progress) {
		if p.Run == 1 {
			g.r.hold(&Failure{Reason: reason(CodeRateLimit), Until: g.clock.Now().Add(time.Hour)})
		}
	}})
	if c := d.Results[0].Content; c == nil || c.Files != 3 {
		t.Error("lost", d.Results[0].Err)
	}
	if f := d.Results[1].Err; f == nil || f.Reason.Code != CodeRateLimit {
		t.Errorf("%+v", f)
	}
}

func TestExitCodes(t *testing.T) {
	for code, want := range map[int]string{
		0: CodeUnknown, 5: CodeLogin, 7: CodeRestart, 8: CodeUnknown, 10: CodeTimeout, 42: CodeRestart, 134: CodeAborted, -1: CodeUnknown, 1: CodeUnknown,
	} {
		if got := exitReason(code, false).Code; got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
	if got := exitReason(-1, true).Code; got != CodeAborted {
		t.Error(got)
	}
}

// TestUnwritableFolder: a disk that takes no file is the reason, whatever
// SteamCMD says.
func TestUnwritableFolder(t *testing.T) {
	s := session{folder: &folder{dir: filepath.Join(t.TempDir(), "gone")}}
	for _, code := range []string{CodeFailure, CodeIO, CodeUnknown} {
		if why, _ := s.refine(5, reason(code), &outcome{}); why.Code != CodeDisk {
			t.Error(code, why.Code)
		}
	}
	if why, _ := s.refine(5, reason(CodeTimeout), &outcome{}); why.Code != CodeTimeout {
		t.Error(why.Code)
	}
}
