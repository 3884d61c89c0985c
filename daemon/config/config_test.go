package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string, environ ...string) (*Loaded, error) {
	t.Helper()
	return Load(Options{File: write(t, "config.toml", text), DataDir: t.TempDir(), Environ: environ})
}

// problems loads text, which must be refused, and returns "line key: message"
// for each fault.
func problems(t *testing.T, text string, environ ...string) []string {
	t.Helper()
	_, err := load(t, text, environ...)
	if err == nil {
		t.Fatal("the configuration was accepted")
	}
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("kind of %v is not invalid", err)
	}
	var out []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if _, rest, ok := strings.Cut(line, "config.toml:"); ok {
			line = rest
		}
		out = append(out, line)
	}
	return out
}

func TestExampleEqualsDefaults(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Data.Dir = loaded.Config.Data.Dir
	if diff := cmp.Diff(want, loaded.Config); diff != "" {
		t.Errorf("config.example.toml differs from the defaults (-default +example):\n%s", diff)
	}
	lines := locate(string(text))
	for _, key := range Keys() {
		switch key { // tables: see TestExampleFastDL, TestExamplePeers, TestExampleServers and TestExampleSchedule
		case "workshop.fastdl", "workshop.peers", "workshop.servers", "limits.schedule":
			continue
		}
		if lines[key] == 0 {
			t.Errorf("%s is missing in config.example.toml", key)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	c := Default()
	if ps := c.Validate(); len(ps) > 0 {
		t.Error(ps)
	}
}

func TestAllFaultsAtOnceWithLines(t *testing.T) {
	got := problems(t, `[http]
lisen = [":27020"]
public_url = "mods.example.org"
[log]
level = "loud"
[workshop]
roots = "/srv"
apps = [
  4920,
  -1,
]
parallel = 0
deny = ["117887554"]
max_item_bytes = "much"
[workshop.monitor]
interval = "1s"
[workshp]
enabled = false
`)
	want := []string{
		`2: http.lisen: unknown key; did you mean "http.listen"?`,
		`3: http.public_url: "mods.example.org" is not an address such as "http://mods.example.org:27020"`,
		`5: log.level: "loud" is not one of "debug", "info", "warn", "error"`,
		`7: workshop.roots: must be a list in [brackets], not the text "/srv"`,
		`8: workshop.apps[1]: must be a whole number from 0 to 4294967295, not the number -1`,
		`12: workshop.parallel: must be from 1 to 64, not 0`,
		`13: workshop.deny[0]: "117887554" is ambiguous: write "0x117887554" if it is hexadecimal, or "d:117887554" (or the number without quotes) if it is decimal`,
		`14: workshop.max_item_bytes: "much" is not a size; write for example "500MB" or "2GiB"`,
		`16: workshop.monitor.interval: must be at least 1m, not 1s`,
		`17: workshp: unknown key; did you mean "workshop"?`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSyntaxErrorShowsThePlace(t *testing.T) {
	got := strings.Join(problems(t, "[http]\nlisten = [\n\"a:1\"\npublic_url = \"\"\n"), "\n")
	if !strings.HasPrefix(got, "4: this is not valid TOML, from column 7 on: expected a comma") {
		t.Errorf("got %s", got)
	}
}

// What is broken may be a secret, or stand beside one, and the message goes
// into the log.
func TestMistakesDoNotRepeatSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"[steam]\napi_key = \"s3cr3t123\"\nx = [\n": `3: this is not valid TOML, from column 6 on: unexpected EOF; expected value`,
		"[steam]\napi_key = \"s3cr3t123\n":          `2: this is not valid TOML, from column 21 on: strings cannot contain newlines`,
		"[steam]\napi_key = s3cr3t123\n":            `2: this is not valid TOML, from column 11 on: expected value but found "s" instead`,
		"[steam]\napi_key = 0s3cr3t123\n":           ``,
		"[steam]\napi_key = 12.34s3cr3t123\n":       ``,
		"[steam]\napi_key = \"s3cr3t123\\q\"\n":     `2: this is not valid TOML, from column 12 on: invalid escape in string '\q'`,
		"[steam]\napi_key = 012345678\n":            `2: this is not valid TOML, from column 11 on: Invalid integer what stands there: cannot have leading zeroes`,
		"[steam]\napi_key = 12345678901234567890\n": `2: this is not valid TOML, from column 11 on: what stands there is out of range for int64`,
		"[steam]\napi_key = 0x3456s3cr3t\n":         ``,
		"[steam]\napi_key = -0x34567\n":             ``,
		"[steam]\napi_key = 1234567.\n":             ``,
		"[steam]\napi_key = 1_234567__8\n":          ``,
		"[steam]\napi_key = 2026-99-99\n":           `2: this is not valid TOML, from column 11 on: invalid datetime: what stands there`,
		"[steam]\napi_key = 12345678\n":             `2: steam.api_key: must be a text in quotes, not a number`,
		"[steam]\napi_key = [\"s3cr3t123\"]\n":      `2: steam.api_key: must be a text in quotes, not a list`,
		"[http]\nlisten = []\nlisten = []\n":        `3: this is not valid TOML, from column 13 on: Key 'http.listen' has already been defined`,
	} {
		got := strings.Join(problems(t, text), "\n")
		if want != "" && got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
		if strings.Contains(got, "s3cr3t") || strings.Contains(got, "3456") || strings.Contains(got, "2026") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestKeyInTheWrongTable(t *testing.T) {
	got := problems(t, "[http]\nkeep_alive = true\n")
	want := []string{`2: http.keep_alive: unknown key; did you mean "workshop.ns2.keep_alive"?`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentGoesOverFile(t *testing.T) {
	loaded, err := load(t, "[workshop]\nparallel = 2\n[workshop.monitor]\ninterval = \"5m\"\n",
		"QUARTERMASTER_WORKSHOP_PARALLEL=7", "QUARTERMASTER_HTTP_LISTEN=127.0.0.1:1, [::1]:2",
		"QUARTERMASTER_WORKSHOP_DENY=m1,d:18", "QUARTERMASTER_WORKSHOP_NS2_KEEP_ALIVE=true", "HOME=/x")
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	if c.Workshop.Parallel != 7 || c.Workshop.Monitor.Interval.Std() != 5*time.Minute || !c.Workshop.NS2.KeepAlive {
		t.Errorf("got %+v", c.Workshop)
	}
	if diff := cmp.Diff([]string{"127.0.0.1:1", "[::1]:2"}, c.HTTP.Listen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Item{1, 18}, c.Workshop.Deny); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsGoOverEnvironment(t *testing.T) {
	dir := t.TempDir()
	loaded, err := Load(Options{DataDir: dir, Listen: []string{"127.0.0.1:9"},
		File:    write(t, "config.toml", ""),
		Environ: []string{"QUARTERMASTER_DATA_DIR=/elsewhere", "QUARTERMASTER_HTTP_LISTEN=:1"}})
	if err != nil {
		t.Fatal(err)
	}
	if loaded.DataDir != dir || loaded.Config.HTTP.Listen[0] != "127.0.0.1:9" {
		t.Errorf("got %q, %q", loaded.DataDir, loaded.Config.HTTP.Listen)
	}
}

func TestEnvironmentFaults(t *testing.T) {
	got := problems(t, "", "QUARTERMASTER_WORKSHOP_PARALEL=3", "QUARTERMASTER_LOG_LEVEL=x",
		"QUARTERMASTER_LIMITS_MAX_CONNS=many", "QUARTERMASTER_PASSWORD=reserved")
	want := []string{
		"environment: QUARTERMASTER_LIMITS_MAX_CONNS: must be a whole number, not the text \"many\"",
		"environment: QUARTERMASTER_WORKSHOP_PARALEL: unknown variable; did you mean QUARTERMASTER_WORKSHOP_PARALLEL?",
		"environment: QUARTERMASTER_LOG_LEVEL: \"x\" is not one of \"debug\", \"info\", \"warn\", \"error\"",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecrets(t *testing.T) {
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "steam"), []byte("FROMCRED\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := write(t, "key", "FROMFILE\r\n")
	loaded, err := load(t, "[steam]\napi_key = \"@steam\"\n[metrics]\ntoken_file = '"+file+"'\n", "CREDENTIALS_DIRECTORY="+credentials)
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Config.Steam.APIKey != "FROMCRED" || loaded.Config.Metrics.Token != "FROMFILE" {
		t.Errorf("got %q and %q", loaded.Config.Steam.APIKey, loaded.Config.Metrics.Token)
	}
	masked, err := loaded.Config.Mask().TOML()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range loaded.Config.Secrets() {
		if strings.Contains(string(masked), secret) {
			t.Errorf("%q is in the masked configuration", secret)
		}
	}
	if loaded.Config.Steam.APIKey != "FROMCRED" {
		t.Error("Mask changed the original")
	}
}

func TestSecretFaults(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"both":       {"[steam]\napi_key = \"a\"\napi_key_file = \"b\"\n", "2: steam.api_key: is set, and so is steam.api_key_file; keep one of them"},
		"no such":    {"[steam]\napi_key_file = \"/does/not/exist\"\n", "2: steam.api_key_file: open /does/not/exist: no such file or directory"},
		"credential": {"[metrics]\ntoken = \"@tok\"\n", "2: metrics.token: names the systemd credential \"tok\", but no credentials were passed; add LoadCredential=tok:/path to the unit"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{tc.want}, problems(t, tc.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDatabaseURLIsMasked(t *testing.T) {
	c := Default()
	c.Database.URL = "postgres://qm:hunter2@db/qm"
	if got := c.Mask().Database.URL; strings.Contains(got, "hunter2") || !strings.Contains(got, "@db/qm") {
		t.Errorf("masked to %q", got)
	}
}

func TestTOMLReadsBack(t *testing.T) {
	c := Default()
	c.Workshop.Deny = []Item{0x117887554}
	c.Workshop.MaxItemBytes = 1500
	text, err := c.TOML()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := load(t, string(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	c.Data.Dir = loaded.Config.Data.Dir
	if diff := cmp.Diff(c, loaded.Config); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryFieldHasAKey(t *testing.T) {
	walk("", reflect.TypeFor[Config](), nil, func(key string, _ []int, f reflect.StructField) {
		if f.Tag.Get("toml") == "" {
			t.Errorf("%s.%s has no toml tag", key, f.Name)
		}
		if f.Tag.Get("secret") == "true" {
			if !slices.Contains(Keys(), key+"_file") {
				t.Errorf("the secret %s has no twin %s_file", key, key)
			}
		}
	})
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	file := write(t, "config.toml", "[workshop]\nroots = [\"Workshop\"]\n")
	loaded, err := Load(Options{File: file, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := loaded.Config.Workshop.Roots[0], filepath.Join(filepath.Dir(file), "Workshop"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRelativeDataDir(t *testing.T) {
	file := write(t, "config.toml", "[data]\ndir = \"data\"\n")
	t.Chdir(t.TempDir())
	here, err := filepath.Abs("given")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, flag, want string
	}{
		{"starts at the file", "", filepath.Join(filepath.Dir(file), "data")},
		{"of the flag starts here", "given", here},
	} {
		t.Run(row.name, func(t *testing.T) {
			loaded, err := Load(Options{File: file, DataDir: row.flag})
			if err != nil {
				t.Fatal(err)
			}
			if loaded.DataDir != row.want || loaded.Config.Data.Dir != row.want && row.flag == "" {
				t.Errorf("got %q, want %q", loaded.DataDir, row.want)
			}
		})
	}
}

func TestManualNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range Keys() {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("%s is missing in docs/configuration.md", key)
		}
	}
}

func TestSteamCMD(t *testing.T) {
	file := write(t, "config.toml", "[steamcmd]\npath = \"bin/steamcmd\"\nlogin = \"mods.example@x\"\nworkers = 2\n")
	loaded, err := Load(Options{File: file, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	want := SteamCMD{Path: filepath.Join(filepath.Dir(file), "bin", "steamcmd"), Login: "mods.example@x", Workers: 2}
	if diff := cmp.Diff(want, loaded.Config.SteamCMD); diff != "" {
		t.Error(diff)
	}
	got := problems(t, "[steamcmd]\nlogin = \"me hunter2\"\nworkers = 5\npassword = \"hunter2\"\n[workshop]\nsources = [\"folder\", \"steamcmd\", \"steamcmd\", \"ftp\"]\n")
	faults := []string{
		`2: steamcmd.login: must be "anonymous" or the name of a Steam account; a password has no place there`,
		`3: steamcmd.workers: must be from 1 to 4, not 5`,
		`4: steamcmd.password: unknown key`,
		`6: workshop.sources[2]: "steamcmd" stands in the list twice`,
		`6: workshop.sources[3]: "ftp" is not a source; this version has "folder", "steam-url", "peers", "steamcmd"`,
	}
	if diff := cmp.Diff(faults, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, login := range []string{"", " ", "a b", "a\"b", "-a", "a\nb", strings.Repeat("a", 65)} {
		c := Default()
		c.SteamCMD.Login = login
		if len(c.Validate()) != 1 {
			t.Errorf("the login %q was accepted", login)
		}
	}
}
