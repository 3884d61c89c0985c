package steamcmd

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// banner is what every run prints first.
const banner = `Redirecting stderr to '/var/lib/x/w0/Steam/logs/stderr.txt'
[  0%] Checking for available updates...
[----] Verifying installation...
Steam Console Client (c) Valve Corporation - version 1751406682
-- type 'quit' to exit --
Loading Steam API...OK

Connecting anonymously to Steam Public...OK
Waiting for client config...OK
Waiting for user info...OK
`

func TestParseOutput(t *testing.T) {
	done := Verdict{Item: 2009463077, OK: true, Path: "/var/lib/x/job/steamapps/workshop/content/294100/2009463077", Size: 2154312}
	for name, c := range map[string]struct {
		in       string
		verdicts []Verdict
		login    string
	}{
		"nothing": {"", nil, ""},
		"success": {banner + `Downloading item 2009463077 ...
Success. Downloaded item 2009463077 to "/var/lib/x/job/steamapps/workshop/content/294100/2009463077" (2154312 bytes) 
`, []Verdict{done}, ""},
		"success after chunks": {`Success. Downloaded item 2009463077 to "/var/lib/x/job/steamapps/workshop/content/294100/2009463077" (2154312 bytes after 3 chunks)`,
			[]Verdict{done}, ""},
		"older build": {"Connecting anonymously to Steam Public...Logged in OK\nWaiting for user info...OK\n", nil, ""},
		"Windows path": {`Success. Downloaded item 5 to "C:\x y\steamapps\workshop\content\1\5" (7 bytes)`,
			[]Verdict{{Item: 5, OK: true, Path: `C:\x y\steamapps\workshop\content\1\5`, Size: 7}}, ""},
		"legacy": {`Success. Downloaded item 5 to "/x/5/598213490712345678_legacy.bin" (7 bytes)`,
			[]Verdict{{Item: 5, OK: true, Path: "/x/5/598213490712345678_legacy.bin", Size: 7}}, ""},
		"glued time-out": {"Downloading item 5 ...ERROR! Timeout downloading item 5Redirecting stderr to 'x'",
			[]Verdict{{Item: 5, Text: "Timeout"}}, ""},
		"time-out without error": {"Timeout downloading item 5\n", []Verdict{{Item: 5, Text: "Timeout"}}, ""},
		"glued failure": {"Downloading item 5 ...ERROR! Download item 5 failed (Access Denied).Unloading Steam API...OK",
			[]Verdict{{Item: 5, Text: "Access Denied"}}, ""},
		"I/O": {"ERROR! Download item 105982362 failed (I/O Operation Failed).", []Verdict{{Item: 105982362, Text: "I/O Operation Failed"}}, ""},
		"in order": {"ERROR! Timeout downloading item 1\nSuccess. Downloaded item 2 to \"/a\" (1 bytes)\nERROR! Download item 2 failed (Failure).",
			[]Verdict{{Item: 1, Text: "Timeout"}, {Item: 2, OK: true, Path: "/a", Size: 1}, {Item: 2, Text: "Failure"}}, ""},
		"escape codes": {"\x1b[0m\x1b[1;31mERROR! Download item \x1b[4m5\x1b[0m failed (Fail\x1b]0;title\x07ure).\r\n\x1b(B",
			[]Verdict{{Item: 5, Text: "Failure"}}, ""},
		"login failed": {"Connecting anonymously to Steam Public...FAILED (No Connection)\n", nil, "No Connection"},
		"login error":  {"Connecting anonymously to Steam Public...ERROR (Timeout)\n", nil, "Timeout"},
		"login failure, older": {"Login Failure: Rate Limit Exceeded\nFAILED (Other)", nil,
			"Rate Limit Exceeded"},
		"login with code":    {"FAILED login with result code Invalid Password\n", nil, "Invalid Password"},
		"Steam Guard":        {"Please check your email\nSteam Guard code:FAILED (Account logon denied)\n", nil, "Account logon denied"},
		"two factors":        {"Two-factor code:FAILED (Account logon denied, need two-factor code)", nil, "Account logon denied, need two-factor code"},
		"phone":              {"Please confirm the login in the Steam Mobile app on your phone.\n", nil, "Account logon denied, need two-factor code"},
		"not cached":         {"Cached credentials not found.\n\npassword: \nFAILED (Invalid Password)\n", nil, "Cached credentials not found"},
		"rate limit, prompt": {"Steam Guard code:FAILED (Rate Limit Exceeded)\n", nil, "Rate Limit Exceeded"},
		"no item":            {"ERROR! Download item 0 failed (Failure).ERROR! Download item 99999999999999999999 failed (Failure).", nil, ""},
		"broken lines":       {"ERROR! Download item 5 failed (Fail\nure). Success. Downloaded item 5 to \"/a\n/b\" (1 bytes)", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ParseOutput([]byte(c.in))
			if diff := cmp.Diff(c.verdicts, got.Verdicts); diff != "" || got.Login != c.login {
				t.Error(diff, got.Login)
			}
		})
	}
}

func TestTranscript(t *testing.T) {
	got := ParseOutput([]byte(strings.Repeat("ü\x00", maxTail) + "\nPlease use force_install_dir before logon!\nlast\n"))
	if !got.LateDir || !strings.HasSuffix(got.Tail, "\nlast") || len(got.Tail) > maxTail || !utf8.ValidString(got.Tail) || strings.Contains(got.Tail, "\x00") {
		t.Errorf("%+v", got)
	}
	two := ParseOutput([]byte(`ERROR! Timeout downloading item 1 Success. Downloaded item 1 to "/a" (1 bytes)`))
	if v, ok := two.Last(1); !ok || !v.OK {
		t.Error(v)
	}
	if v, ok := two.Last(2); ok {
		t.Error(v)
	}
}

func FuzzParseOutput(f *testing.F) {
	for _, seed := range []string{
		banner, "Success. Downloaded item 5 to \"/x/5/1_legacy.bin\" (7 bytes)", "ERROR! Download item 5 failed (Failure).",
		"ERROR! Timeout downloading item 5", "\x1b[1mFAILED (No Connection)\x1b]0;", "Steam Guard code:", "Success. Downloaded item 99999999999999999999 to \"\" (",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		got := ParseOutput(output)
		for _, v := range got.Verdicts {
			if v.Item == 0 || v.OK != (v.Path != "") || v.Size < 0 || len(v.Text) > maxText+len("…") {
				t.Errorf("%+v", v)
			}
			if last, ok := got.Last(v.Item); !ok || last.Item != v.Item {
				t.Error("lost", v)
			}
			if _, err := locate(v.Path, 4920, v.Item, t.TempDir()); v.OK && err == nil {
				t.Error("nothing is there", v)
			}
		}
		if len(got.Tail) > maxTail || len(got.Login) > maxText+len("…") || strings.ContainsAny(got.Login+got.Tail, "\x00\x1b\r\x7f") {
			t.Errorf("%+v", got)
		}
		_, _ = diagnose(plain(output), 4920, 5, reason(CodeFailure))
	})
}
