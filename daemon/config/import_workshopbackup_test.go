package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// original is the file as the NS2 Workshop Backup Server 0.6.1 writes it on
// its first run.
const original = `{
    "ALLOWED_APP_IDS": [
        4920
    ],
    "ALLOWED_MOD_IDS": [],
    "API_KEY": "",
    "API_URL": "https://api.steampowered.com/IPublishedFileService/GetDetails/v1/",
    "DISALLOWED_MOD_IDS": [],
    "INTERFACE": "0.0.0.0",
    "LOG": false,
    "MAX_OUTSTANDING_STEAM_DOWNLOAD_REQUESTS": 4,
    "MONITOR_INTERVAL": 600,
    "MONITOR_MOD_IDS": [],
    "PORT": 27020,
    "VERSION_OVERLAP_WINDOW": 604800
}`

// imported loads what an import produced the way the daemon would.
func imported(t *testing.T, im *Import) Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, im.TOML, 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(Options{File: path, Environ: []string{"HOME=" + t.TempDir()}})
	if err != nil {
		t.Fatalf("the imported configuration does not load: %v\n%s", err, im.TOML)
	}
	return loaded.Config
}

func TestImportOriginalDefaults(t *testing.T) {
	im, err := ImportWorkshopBackup(strings.NewReader(original), ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.HTTP.Listen = []string{"0.0.0.0:27020"}
	if diff := cmp.Diff(want, imported(t, im)); diff != "" {
		t.Error(diff)
	}
	seen := map[string]bool{}
	for _, m := range im.Mappings {
		if m.Warning {
			t.Errorf("a warning about the original's defaults: %+v", m)
		}
		for key := range strings.SplitSeq(m.From, ", ") {
			seen[key] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("reported are %v", seen)
	}
}

func TestImportKeys(t *testing.T) {
	days := func(n int) Duration { return Duration(n) * Duration(24*time.Hour) }
	for name, c := range map[string]struct {
		json string
		want func(*Config)
		warn string // part of the one warning
	}{
		"apps":              {`{"ALLOWED_APP_IDS":[4920, 550, 4920]}`, func(c *Config) { c.Workshop.Apps = []uint32{4920, 550} }, ""},
		"any app":           {`{"ALLOWED_APP_IDS":[]}`, func(c *Config) { c.Workshop.Apps = []uint32{} }, ""},
		"app of the manual": {`{"ALLOWED_APP_ID":[550]}`, func(c *Config) { c.Workshop.Apps = []uint32{550} }, "the original ignored this key"},
		"one app":           {`{"ALLOWED_APP_ID":550}`, func(c *Config) { c.Workshop.Apps = []uint32{550} }, "the original ignored this key"},
		"both app keys":     {`{"ALLOWED_APP_ID":[550],"ALLOWED_APP_IDS":[4920]}`, func(*Config) {}, "ALLOWED_APP_IDS is there too"},
		"allow":             {`{"ALLOWED_MOD_IDS":["706d242","5f3f7c0"]}`, func(c *Config) { c.Workshop.Allow = []Item{0x706d242, 0x5f3f7c0} }, ""},
		"digits are hex":    {`{"ALLOWED_MOD_IDS":["117887554"]}`, func(c *Config) { c.Workshop.Allow = []Item{0x117887554} }, ""},
		"deny":              {`{"DISALLOWED_MOD_IDS":["d15a"]}`, func(c *Config) { c.Workshop.Deny = []Item{0xd15a} }, ""},
		"capitals":          {`{"DISALLOWED_MOD_IDS":["D15A","bad"]}`, func(c *Config) { c.Workshop.Deny = []Item{0xd15a, 0xbad} }, "1 of the ids"},
		"prefix":            {`{"DISALLOWED_MOD_IDS":["0xd15a"]}`, func(c *Config) { c.Workshop.Deny = []Item{0xd15a} }, "1 of the ids"},
		"monitor":           {`{"MONITOR_MOD_IDS":["5F3F7C0"]}`, func(c *Config) { c.Workshop.Monitor.IDs = []Item{0x5f3f7c0} }, ""},
		"interval":          {`{"MONITOR_INTERVAL":1800}`, func(c *Config) { c.Workshop.Monitor.Interval = Duration(30 * time.Minute) }, ""},
		"short interval":    {`{"MONITOR_INTERVAL":5}`, func(c *Config) { c.Workshop.Monitor.Interval = Duration(time.Minute) }, "shorter intervals"},
		"interface":         {`{"INTERFACE":"192.0.2.7"}`, func(c *Config) { c.HTTP.Listen = []string{"192.0.2.7:27020"} }, ""},
		"port":              {`{"PORT":8080}`, func(c *Config) { c.HTTP.Listen = []string{"0.0.0.0:8080"} }, ""},
		"IPv6":              {`{"PORT":8080,"INTERFACE":"::1"}`, func(c *Config) { c.HTTP.Listen = []string{"[::1]:8080"} }, ""},
		"parallel":          {`{"MAX_OUTSTANDING_STEAM_DOWNLOAD_REQUESTS":8}`, func(c *Config) { c.Workshop.Parallel = 8 }, ""},
		"too parallel":      {`{"MAX_OUTSTANDING_STEAM_DOWNLOAD_REQUESTS":500}`, func(c *Config) { c.Workshop.Parallel = 64 }, "from 1 to 64"},
		"overlap":           {`{"VERSION_OVERLAP_WINDOW":2592000}`, func(c *Config) { c.Workshop.Retention.Overlap = days(30) }, ""},
		"whole float":       {`{"VERSION_OVERLAP_WINDOW":86400.0}`, func(c *Config) { c.Workshop.Retention.Overlap = days(1) }, ""},
		"log":               {`{"LOG":true}`, func(c *Config) { c.Log.Level = "debug" }, ""},
		"mirror":            {`{"API_URL":"http://mirror.example.org:81/steam/IPublishedFileService/GetDetails/v1/"}`, func(c *Config) { c.Steam.APIURL = "http://mirror.example.org:81/steam" }, ""},
		"strange mirror":    {`{"API_URL":"http://mirror.example.org/details"}`, func(c *Config) { c.Steam.APIURL = "http://mirror.example.org/details" }, "check that the mirror"},
		"mirror with query": {`{"API_URL":"http://mirror.example.org/IPublishedFileService/GetDetails/v1/?key=SECRET"}`, func(c *Config) { c.Steam.APIURL = "http://mirror.example.org" }, "left out"},
		"unknown":           {`{"COLOUR":"SECRET"}`, func(*Config) {}, "unknown key"},
		"byte order mark":   {"\ufeff{\"LOG\":true}", func(c *Config) { c.Log.Level = "debug" }, ""},
		"nothing":           {`{}`, func(*Config) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := ImportWorkshopBackup(strings.NewReader(c.json), ImportOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := Default()
			c.want(&want)
			if diff := cmp.Diff(want, imported(t, im)); diff != "" {
				t.Error(diff)
			}
			var warnings []string
			for _, m := range im.Mappings {
				if m.Warning {
					warnings = append(warnings, m.Note)
				}
				if strings.Contains(m.Value+m.Note, "SECRET") {
					t.Errorf("a value of unknown meaning is shown: %+v", m)
				}
			}
			if all := strings.Join(warnings, "|"); len(warnings) > 1 || (c.warn == "") != (all == "") || !strings.Contains(all, c.warn) {
				t.Errorf("warnings %q, want %q", all, c.warn)
			}
			if strings.Contains(string(im.TOML), "SECRET") {
				t.Errorf("the file repeats what it left out:\n%s", im.TOML)
			}
		})
	}
}

func TestImportRootAndKey(t *testing.T) {
	key := filepath.Join(t.TempDir(), "steam \"key\"")
	if err := os.WriteFile(key, []byte("0123456789ABCDEF"), 0o600); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir() + `/Work\shop "1"`
	text := strings.NewReader(`{"API_KEY":" 0123456789ABCDEF\n"}`)
	im, err := ImportWorkshopBackup(text, ImportOptions{Root: root, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	if im.APIKey != "0123456789ABCDEF" {
		t.Errorf("key %q", im.APIKey)
	}
	if strings.Contains(string(im.TOML), im.APIKey) {
		t.Errorf("the key is in the file:\n%s", im.TOML)
	}
	c := imported(t, im)
	if c.Steam.APIKey != im.APIKey || len(c.Workshop.Roots) != 1 || c.Workshop.Roots[0] != root {
		t.Errorf("key %q, roots %q", c.Steam.APIKey, c.Workshop.Roots)
	}
	// Without a place for it the key is handed over and nothing points to it.
	im, err = ImportWorkshopBackup(strings.NewReader(`{"API_KEY":"K"}`), ImportOptions{})
	if err != nil || im.APIKey != "K" || !im.Mappings[0].Warning || imported(t, im).Steam.APIKey != "" {
		t.Errorf("%+v, %v", im, err)
	}
}

func TestImportRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                 "",
		`null`:                             "",
		`[1]`:                              "",
		`{"PORT":27020} x`:                 "",
		`{"PORT":`:                         "",
		`{"PORT":"27020"}`:                 "PORT: must be a whole number, not a text",
		`{"PORT":27020.5}`:                 "PORT: must be a whole number, not 27020.5",
		`{"PORT":0}`:                       "PORT: 0 is not a port; it must be from 1 to 65535",
		`{"INTERFACE":null}`:               "INTERFACE: must be an address in quotes, not null",
		`{"INTERFACE":"a b"}`:              `INTERFACE: "a b" is not an address`,
		`{"LOG":1}`:                        "LOG: must be true or false, not the number 1",
		`{"ALLOWED_APP_IDS":4920}`:         "ALLOWED_APP_IDS: must be a list of app ids, not the number 4920",
		`{"ALLOWED_APP_IDS":["4920"]}`:     "ALLOWED_APP_IDS[0]: must be a whole number, not a text",
		`{"ALLOWED_APP_IDS":[4294967296]}`: "ALLOWED_APP_IDS[0]: 4294967296 is not a Steam app id",
		`{"ALLOWED_MOD_IDS":"706d242"}`:    "ALLOWED_MOD_IDS: must be a list of Workshop ids, not a text",
		`{"ALLOWED_MOD_IDS":[117887554]}`:  `ALLOWED_MOD_IDS[0]: must be a hexadecimal text such as "706d242"; write the number 117887554 in quotes if it is hexadecimal, else convert it`,
		`{"MONITOR_MOD_IDS":["a","xyz"]}`:  `MONITOR_MOD_IDS[1]: "xyz" is not a Workshop id in hexadecimal, such as "706d242"`,
		`{"DISALLOWED_MOD_IDS":["0"]}`:     `DISALLOWED_MOD_IDS[0]: "0" is not a Workshop id in hexadecimal, such as "706d242"`,
		`{"MONITOR_INTERVAL":"10m"}`:       "MONITOR_INTERVAL: must be a number of seconds, not a text",
		`{"VERSION_OVERLAP_WINDOW":-1}`:    "VERSION_OVERLAP_WINDOW: must be a number of seconds from 0 to a hundred years, not -1",
		`{"VERSION_OVERLAP_WINDOW":1e300}`: "VERSION_OVERLAP_WINDOW: must be a number of seconds from 0 to a hundred years, not 1e300",
		`{"API_URL":"ftp://SECRET@host/"}`: "API_URL: must be an http:// or https:// address without a user name",
		`{"API_KEY":5355043524554}`:        "API_KEY: must be a text in quotes",
		`{"LOG":"yes","PORT":"x"}`:         "PORT: must be a whole number, not a text; LOG: must be true or false, not a text",
	} {
		_, err := ImportWorkshopBackup(strings.NewReader(text), ImportOptions{})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var fields []string
		if f, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range f.Fields {
				fields = append(fields, f.Name+": "+f.Message)
			}
		}
		if got := strings.Join(fields, "; "); got != want {
			t.Errorf("%s:\n got %q\nwant %q", text, got, want)
		}
		if strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "5355043524554") {
			t.Errorf("%s: the error repeats a secret: %v", text, err)
		}
	}
	huge := strings.NewReader(`{"LOG":` + strings.Repeat(" ", maxImportBytes) + `true}`)
	if _, err := ImportWorkshopBackup(huge, ImportOptions{}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a huge file: %v", err)
	}
}

// FuzzImport: whatever is imported loads strictly and holds no key.
func FuzzImport(f *testing.F) {
	f.Add(original, "/srv/ns2/Workshop")
	f.Add(`{"API_KEY":"SECRETKEY","PORT":1,"X\n[y]":2,"INTERFACE":"\n\""}`, "a\"\\\n")
	f.Add(`{"API_URL":"https://h/\u0001\"?key=x","ALLOWED_MOD_IDS":["M0f"]}`, "")
	f.Fuzz(func(t *testing.T, text, root string) {
		im, err := ImportWorkshopBackup(strings.NewReader(text), ImportOptions{Root: root})
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "c.toml")
		if err := os.WriteFile(path, im.TOML, 0o600); err != nil {
			t.Fatal(err)
		}
		c := Default()
		problems, _, err := readFile(path, &c)
		if err != nil || len(problems) > 0 {
			t.Fatalf("does not load: %v %v\n%s", problems, err, im.TOML)
		}
	})
}
