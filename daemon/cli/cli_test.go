package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage/savagetest"
	"github.com/quartermasterd/quartermaster/daemon/steam/a2s"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/workshop/pytorrent/pytorrenttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"quartermaster": func() { os.Exit(Start("v1.2.3-test", exampleText())) },
	})
}

// exampleText is what the binary embeds.
func exampleText() []byte {
	text, err := os.ReadFile(os.Getenv("QM_EXAMPLE"))
	if err != nil {
		panic(err)
	}
	return text
}

// TestScripts runs the sessions below testdata/script as a person would type
// them: a fresh home, a fresh data directory, the real command.
func TestScripts(t *testing.T) {
	example, err := filepath.Abs(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"damage": damage, "exit": exitCodeIs, "age": age, "append": appendFile, "pytorrent": pytorrent, "demo": demo, "reachable": reachable, "keyfrom": keyFrom, "metaserver": oldMetaserver},
		Setup: func(e *testscript.Env) error {
			steam, err := steamtest.Start()
			if err != nil {
				return err
			}
			e.Defer(steam.Close)
			steam.Put(
				steamtest.Item{ID: 0x5f3f7c0, Updated: 1348957670, Title: "Combat", Content: steamtest.Zip(map[string]string{"a.lua": "return 1\n"})},
				steamtest.Item{ID: 0x706d242, App: 4000, Updated: 1348957670, Title: "Other game", Content: steamtest.Zip(nil)},
			)
			config := fmt.Sprintf("[data]\ndir = %q\n[steam]\napi_url = %q\nstore_url = %q\ncommunity_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", filepath.Join(e.WorkDir, "d"), steam.URL(), steam.StoreURL(), steam.CommunityURL())
			if err := os.WriteFile(filepath.Join(e.WorkDir, "c.toml"), []byte(config), 0o600); err != nil {
				return err
			}
			if err := gameServers(e); err != nil {
				return err
			}
			if err := remoteConsoles(e); err != nil {
				return err
			}
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "data"))
			e.Setenv("QM_EXAMPLE", example)
			port, err := freePort()
			if err != nil {
				return err
			}
			e.Setenv("PORT", port)
			return nil
		},
	})
}

// gameServers starts a game server, $GAMESERVER, and one that is silent,
// $SILENT, and writes lists of them: mine.txt and both.txt.
func gameServers(e *testscript.Env) error {
	answers := steamtest.GameServer{Challenges: 1, Replies: map[byte][][]byte{
		a2s.RequestInfo: {a2s.AppendInfo(nil, a2s.Info{ServerName: "Turbine\x1b[2J", Map: "ctf_turbine", Game: "Team Fortress", Folder: "tf", AppID: 440,
			PlayerCount: 3, MaxPlayers: 24, ServerType: 'd', Platform: 'l', Version: "1", SteamID: 85568392920039468})},
		a2s.RequestPlayers: {a2s.AppendPlayers(nil, []a2s.Player{{Name: "Ann", Score: -5, Duration: 60.5}, {Duration: -1}, {Name: "Zoë", Score: 12, Duration: 3601}})},
		a2s.RequestRules:   {a2s.AppendRules(nil, []a2s.Rule{{Name: "mp_fall", Value: "1"}, {Name: "sv_tags", Value: "a,b"}})},
	}}
	silent := steamtest.GameServer{}
	for name, g := range map[string]*steamtest.GameServer{"GAMESERVER": &answers, "SILENT": &silent} {
		if err := g.Listen("127.0.0.1:0"); err != nil {
			return err
		}
		e.Defer(g.Close)
		e.Setenv(name, g.Addr().String())
	}
	text := fmt.Sprintf("# mine\n%s\n\n%s\n", answers.Addr(), answers.Addr())
	if err := os.WriteFile(filepath.Join(e.WorkDir, "mine.txt"), []byte(text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.WorkDir, "both.txt"), fmt.Appendf(nil, "%s\n%s\n", answers.Addr(), silent.Addr()), 0o600)
}

// pytorrent makes the folder of a PyTorrent with one mod of game 294100.
func pytorrent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pytorrent DIR")
	}
	s, err := pytorrenttest.New(ts.MkAbs(args[0]))
	ts.Check(err)
	at := time.Date(2024, 4, 11, 9, 21, 7, 0, time.UTC)
	ts.Check(s.Insert("games", 294100, "RimWorld", "game", "", "", "", 4, 2, at, "steam"))
	ts.Check(s.Insert("mods", 2009463077, "Harmony", "", 26, 0, at, at, at, "steam", 42))
	ts.Check(s.Insert("mods", 818773962, "HugsLib", "", 26, 0, at, at, at, "steam", 1))
	ts.Check(s.Insert("unity_games_mods", 294100, 2009463077))
	ts.Check(s.Insert("statistics_day", 1, "2024-04-11", "files_sent", 5))
	_, err = s.Archive(294100, 2009463077, map[string]string{"About/About.xml": "<a/>"})
	ts.Check(err)
	ts.Check(s.Close())
}

// demo writes a recording of so many bytes with the header of a demo.
func demo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: demo FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	d := make([]byte, max(size, 1072))
	for i := 1072; i < len(d); i++ {
		d[i] = byte(i * i >> 3)
	}
	copy(d, "HL2DEMO\x00\x03\x00\x00\x00\x18\x00\x00\x00")
	copy(d[0x010:], "169.254.189.228:41928")
	copy(d[0x114:], "player")
	copy(d[0x218:], "pl_pier")
	copy(d[0x31C:], "tf")
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, d[:size], 0o600))
}

// freePort returns a port of the loopback on which nobody listens.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// reachable waits until a server that was started answers 200.
func reachable(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reachable URL")
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(args[0])
		if err == nil {
			ts.Check(res.Body.Close())
			if res.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(res.Status)
		}
		if time.Now().After(end) {
			ts.Fatalf("%v", err)
		}
	}
}

// keyFrom makes the content of a file the key of demos push.
func keyFrom(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: keyfrom FILE")
	}
	ts.Setenv("DEMOS_KEY", strings.TrimSpace(ts.ReadFile(args[0])))
}

// oldMetaserver makes the database of a Savage metaserver; more statements of
// SQL may follow the file.
func oldMetaserver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: metaserver FILE [STATEMENT...]")
	}
	d, err := savagetest.New(ts.MkAbs(args[0]))
	ts.Check(err)
	at := savagetest.At
	ts.Check(d.User(1, "foo@example.com", "foo"))
	ts.Check(d.User(2, "foo2@example.com", "foo2"))
	ts.Check(d.Insert("clan", 1, "^123(Zzz", "Zaitev's Snore Club", savagetest.Icon, at(200), time.Time{}))
	ts.Check(d.Link(1, 1, "owner", at(300), time.Time{}, ""))
	ts.Check(d.Link(1, 2, "member", time.Time{}, at(400), "kicked"))
	ts.Check(d.Server(28, 1, "Unnamed"))
	ts.Check(d.Insert("userstats", 1, 28, at(600), at(700), 2, 0, 1, 0, 829.174035521201))
	ts.Check(d.Insert("userstats", 77, 28, at(600), at(700), 2, 0, 1, 0, 771.0614615186989))
	ts.Check(d.Insert("emailtoken", 2, "KRBWAE", at(1)))
	for _, statement := range args[1:] {
		ts.Check(d.Exec(statement))
	}
	ts.Check(d.Close())
}

// damage flips a bit in the middle of a file.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage FILE")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// age makes files an hour old.
func age(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: age FILE...")
	}
	at := time.Now().Add(-time.Hour)
	for _, name := range args {
		ts.Check(os.Chtimes(ts.MkAbs(name), at, at))
	}
}

// appendFile adds the second file to the end of the first.
func appendFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE MORE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

// exitCodeIs runs a command that must end with the given exit code.
func exitCodeIs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		failed, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func TestGrammarHasHelpEverywhere(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"service", "--help"}, {"config", "--help"},
		{"admin", "--help"}, {"key", "--help"}, {"mods", "--help"}, {"fastdl", "--help"}, {"demos", "--help"}, {"rcon", "--help"}, {"a2s", "--help"}, {"setup-link", "--help"}, {"version", "--help"}} {
		var out, errs discard
		if code := Main(context.Background(), Program{Args: args, Stdout: &out, Stderr: &errs}); code != ExitOK || out.n == 0 {
			t.Errorf("%v: exit %d, %d bytes of help", args, code, out.n)
		}
	}
}

// discard counts what is written to it.
type discard struct{ n int }

func (d *discard) Write(p []byte) (int, error) {
	d.n += len(p)
	return len(p), nil
}
