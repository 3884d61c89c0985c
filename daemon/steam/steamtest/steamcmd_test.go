package steamtest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
	"github.com/quartermasterd/quartermaster/daemon/steam/vdf"
)

// console runs the fake as a person would.
type console struct {
	t    *testing.T
	fake *SteamCMD
	home string
	root string
}

func newConsole(t *testing.T) *console {
	t.Helper()
	return &console{t, NewSteamCMD(t, t.TempDir(), Archive), t.TempDir(), t.TempDir()}
}

func (c *console) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.Command(c.fake.Path(), args...)
	cmd.Env = []string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH")}
	cmd.Stdout = &out
	return cmd, &out
}

// run returns the exit code and what was printed behind the banner.
func (c *console) run(args ...string) (int, string) {
	c.t.Helper()
	cmd, out := c.command(args...)
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		c.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(out.String(), "Loading Steam API...OK\n")
	return cmd.ProcessState.ExitCode(), rest
}

func (c *console) put(id uint64, it fakecmd.Item) {
	c.t.Helper()
	if err := c.fake.Put(id, it); err != nil {
		c.t.Fatal(err)
	}
}

func (c *console) item(id string) []string {
	return []string{"+force_install_dir", c.root, "+login", "anonymous", "+workshop_download_item", "4920", id, "+quit"}
}

func (c *console) workshop(parts ...string) string {
	return filepath.Join(append([]string{c.root, "steamapps", "workshop"}, parts...)...)
}

const loggedIn = "Connecting anonymously to Steam Public...OK\nWaiting for client config...OK\nWaiting for user info...OK\n"

func TestSteamCMD(t *testing.T) {
	c := newConsole(t)
	c.put(7, fakecmd.Item{Updated: 12, Manifest: "34"})
	code, out := c.run(c.item("7")...)
	want := loggedIn + "Downloading item 7 ...\nSuccess. Downloaded item 7 to \"" + c.workshop("content", "4920", "7") + "\" (26 bytes) \nUnloading Steam API...OK\n"
	if diff := cmp.Diff(want, out); diff != "" || code != 0 {
		t.Error(code, diff)
	}
	text, err := os.ReadFile(c.workshop("appworkshop_4920.acf"))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := vdf.ParseWorkshop(text); err != nil || w.App != 4920 || w.Installed[7] != (vdf.Installed{Manifest: "34", TimeUpdated: 12, Size: 26}) {
		t.Errorf("%+v %v", w, err)
	}
	// With the content gone and the state file left, it lies.
	if err := os.RemoveAll(c.workshop("content")); err != nil {
		t.Fatal(err)
	}
	if code, out := c.run(c.item("7")...); code != 0 || !strings.Contains(out, "Success. Downloaded item 7") {
		t.Error(code, out)
	}
	if _, err := os.Stat(c.workshop("content")); err == nil {
		t.Error("it wrote content that its state file lists")
	}
	runs, err := c.fake.Runs()
	if err != nil || len(runs) != 2 || !runs[0].Ended || !cmp.Equal(runs[0].Args, c.item("7")) || runs[0].Root != c.root || runs[0].PID == 0 {
		t.Errorf("%+v %v", runs, err)
	}
}

// TestSteamCMDLateDir: the order of the commands matters to the real one.
func TestSteamCMDLateDir(t *testing.T) {
	c := newConsole(t)
	c.put(7, fakecmd.Item{})
	_, out := c.run("+login", "anonymous", "+force_install_dir", c.root, "+workshop_download_item", "4920", "7", "+quit")
	if !strings.Contains(out, "Please use force_install_dir before logon!\n") ||
		!strings.Contains(out, filepath.Join(c.home, "Steam", "steamapps", "workshop", "content", "4920", "7")) {
		t.Error(out)
	}
}

func TestSteamCMDFailures(t *testing.T) {
	c := newConsole(t)
	c.put(1, fakecmd.Item{Scenario: fakecmd.Fail, Reason: "Access Denied"})
	c.put(2, fakecmd.Item{Scenario: fakecmd.Timeout, Times: 2, Chunk: 10})
	c.put(3, fakecmd.Item{Scenario: fakecmd.Abort})
	c.put(4, fakecmd.Item{App: 1})
	c.put(5, fakecmd.Item{Scenario: fakecmd.Legacy, Handle: "99"})
	for _, s := range []struct {
		item string
		code int
		out  string
	}{
		{"1", 0, "ERROR! Download item 1 failed (Access Denied).\n"},
		{"2", 10, "ERROR! Timeout downloading item 2\n"},
		{"2", 10, "ERROR! Timeout downloading item 2\n"},
		{"2", 0, "Success. Downloaded item 2"},
		{"3", 134, "Downloading item 3 ...\n"},
		{"4", 0, "ERROR! Download item 4 failed (Failure).\n"},
		{"5", 0, filepath.Join("4920", "5", "99_legacy.bin") + `" (`},
		{"6", 0, "ERROR! Download item 6 failed (File Not Found).\n"},
		{"x", 0, "ERROR! Download item x failed (Invalid Parameter).\n"},
	} {
		code, out := c.run(c.item(s.item)...)
		if code != s.code || !strings.Contains(out, s.out) {
			t.Errorf("%s: exit %d, %q", s.item, code, out)
		}
	}
}

// TestSteamCMDLocking: two at once in one folder.
func TestSteamCMDLocking(t *testing.T) {
	c := newConsole(t)
	c.put(1, fakecmd.Item{Scenario: fakecmd.Sleep, Chunk: 1})
	c.put(2, fakecmd.Item{})
	first, _ := c.command(c.item("1")...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer first.Wait()
	for {
		if _, err := os.Stat(c.workshop("downloads", "4920", "1", "chunks")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if code, out := c.run(c.item("2")...); code != 0 || !strings.Contains(out, "ERROR! Download item 2 failed (Locking Failed).") {
		t.Error(code, out)
	}
	runs, err := c.fake.Runs()
	if err != nil {
		t.Fatal(err)
	}
	sleeping, err := os.FindProcess(runs[0].PID)
	if err == nil {
		err = sleeping.Kill()
	}
	if err != nil {
		t.Error(err)
	}
}

func TestSteamCMDLogin(t *testing.T) {
	for name, s := range map[string]struct {
		change func(*fakecmd.Script)
		user   string
		code   int
		out    string
	}{
		"rate limit": {func(s *fakecmd.Script) { s.Login = "Rate Limit Exceeded" }, "anonymous", 5,
			"Connecting anonymously to Steam Public...FAILED (Rate Limit Exceeded)\n"},
		"not cached": {func(*fakecmd.Script) {}, "gordon", 5, "Cached credentials not found.\n\npassword:\nFAILED (Invalid Password)\n"},
		"guard": {func(s *fakecmd.Script) { s.Prompt = "Steam Guard code:" }, "gordon", 5,
			"Steam Guard code:\nFAILED (Account logon denied)\n"},
		"cached": {func(s *fakecmd.Script) { s.Cached = []string{"gordon"} }, "gordon", 0, "Unloading Steam API...OK\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t)
			if err := c.fake.Script(s.change); err != nil {
				t.Fatal(err)
			}
			if code, out := c.run("+login", s.user, "+quit"); code != s.code || !strings.HasSuffix(out, s.out) {
				t.Errorf("exit %d, %q", code, out)
			}
		})
	}
}

func TestSteamCMDUpdates(t *testing.T) {
	c := newConsole(t)
	if err := c.fake.Script(func(s *fakecmd.Script) { s.FirstRun, s.Restart = 1, 2 }); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.run("+quit"); code != 7 {
		t.Error("first run:", code)
	}
	// The script around the program repeats it when that says 42.
	if code, _ := c.run("+quit"); code != 0 {
		t.Error("second run:", code)
	}
	if runs, err := c.fake.Runs(); err != nil || len(runs) != 4 {
		t.Error(len(runs), err)
	}
}
