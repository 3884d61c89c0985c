package serverlist

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseHostAccepts(t *testing.T) {
	for text, want := range map[string]string{
		// IPv4
		"10.0.0.67":   "10.0.0.67",
		" 10.0.0.67 ": "10.0.0.67",
		// IPv6, in canonical form; zones are allowed
		"2001:0DB8:0:0:0:0:0:1": "2001:db8::1",
		"::1":                   "::1",
		"fe80::1%eth0":          "fe80::1%eth0",
		// URLs stay as they came, but for the alphabet of the host
		"https://example.com":                 "https://example.com",
		"https://example.com/":                "https://example.com/",
		"HTTPS://Example.COM/Path":            "HTTPS://Example.COM/Path",
		"https://example.com:8443/a?b=c#d":    "https://example.com:8443/a?b=c#d",
		"https://1.2.3.4:11235":               "https://1.2.3.4:11235",
		"https://[2001:db8::1]:8443":          "https://[2001:db8::1]:8443",
		"\thttps://game.example.com\n":        "https://game.example.com",
		"https://münchen.de/x":                "https://xn--mnchen-3ya.de/x",
		"https://пример.рф":                   "https://xn--e1afmkfd.xn--p1ai",
		"https://a_b.example.com":             "https://a_b.example.com",
		"https://e.co/" + longPath(2083-13):   "https://e.co/" + longPath(2083-13),
		"example.com":                         "example.com",
		"Play.Example.com":                    "Play.Example.com",
		"münchen.de":                          "xn--mnchen-3ya.de",
		"0-1.example.xn--p1ai":                "0-1.example.xn--p1ai",
		"https://example.com/?q=https://a@b/": "https://example.com/?q=https://a@b/",
	} {
		got, problems := ParseHost(text)
		if got != want || problems != nil {
			t.Errorf("ParseHost(%q) = %q, %v; want %q", text, got, problems, want)
		}
		if again, _ := ParseHost(got); again != got {
			t.Errorf("%q does not stay as it is: %q", got, again)
		}
	}
}

func longPath(n int) string { return strings.Repeat("a", n) }

func TestParseHostRefuses(t *testing.T) {
	ip := []HostProblem{
		{"value_error.ipv4address", "value is not a valid IPv4 address", nil},
		{"value_error.ipv6address", "value is not a valid IPv6 address", nil},
	}
	scheme := HostProblem{"value_error.url.scheme", "invalid or missing URL scheme", nil}
	permitted := HostProblem{"value_error.url.scheme", "URL scheme not permitted", map[string]any{"allowed_schemes": []string{"https"}}}
	top := HostProblem{"value_error.url.host", "URL host invalid, top level domain required", nil}
	short := HostProblem{"value_error.any_str.min_length", "ensure this value has at least 1 characters", map[string]any{"limit_value": 1}}
	long := HostProblem{"value_error.any_str.max_length", "ensure this value has at most 2083 characters", map[string]any{"limit_value": 2083}}
	for text, want := range map[string]HostProblem{
		"":                                  short,
		"   ":                               short,
		"1.2.3.4:11235":                     scheme,
		"16909060":                          scheme,
		"01.2.3.4":                          scheme,
		"256.1.1.1":                         scheme,
		"localhost":                         scheme,
		"example.com.":                      scheme,
		"example.com:80":                    scheme,
		"user@example.com":                  scheme,
		"[::1]":                             scheme,
		"2001:db8::g":                       scheme,
		"fe80::1%a b":                       scheme,
		"http://":                           permitted,
		"http://example.com":                permitted,
		"ftp://example.com":                 permitted,
		"https://localhost":                 top,
		"https://localhost:8080/x":          top,
		"https://e.co/" + longPath(2083-12): long,
	} {
		got, problems := ParseHost(text)
		if diff := cmp.Diff(append([]HostProblem{want}, ip...), problems); got != "" || diff != "" {
			t.Errorf("ParseHost(%q) = %q (-want +got)\n%s", text, got, diff)
		}
	}
	for text, kind := range map[string]string{
		"https://":                         "value_error.url.host",
		"https://-a.com":                   "value_error.url.host",
		"https://a..com":                   "value_error.url.host",
		"https://01.2.3.4":                 "value_error.url.host",
		"https://[1.2.3.4]":                "value_error.url.host",
		"https://a.com:x":                  "value_error.url.host",
		"https://a.com:70000":              "value_error.url.port",
		"https://user:password@a.com":      "value_error.url.userinfo",
		"https://user@a.com/":              "value_error.url.userinfo",
		"https://a.com/x\u202ey":           "value_error.url.extra",
		"https://a.com/\u200b":             "value_error.url.extra",
		"https://exa\u200bmple\u0000.com/": "value_error.url.host",
	} {
		if got, problems := ParseHost(text); got != "" || len(problems) != 3 || problems[0].Type != kind {
			t.Errorf("ParseHost(%q) = %q, %v; want %s", text, got, problems, kind)
		}
	}
}

func TestHostOf(t *testing.T) {
	for stored, want := range map[string]string{
		"10.0.0.67": "10.0.0.67", "2001:db8::1": "2001:db8::1", "example.com": "example.com",
		"https://example.com": "example.com", "https://example.com:8443/a:b?c": "example.com",
		"https://[2001:db8::1]:8443/": "2001:db8::1", "https://[2001:db8::1]": "2001:db8::1", "https://1.2.3.4:1": "1.2.3.4",
	} {
		if got := hostOf(stored); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", stored, got, want)
		}
	}
}

// What was accepted stays as it is, and shows all of itself.
func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "2001:db8::1", "https://example.com:1/x", "http://", "münchen.de", "https://[::1]", "fe80::1%eth0", "https://a@b.c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, problems := ParseHost(text)
		if (got == "") == (len(problems) == 0) || len(problems) != 0 && len(problems) != 3 {
			t.Fatalf("ParseHost(%q) = %q, %v", text, got, problems)
		}
		if got == "" {
			return
		}
		if again, _ := ParseHost(got); again != got {
			t.Fatalf("%q became %q and then %q", text, got, again)
		}
		if strings.ContainsFunc(got, hides) || hostOf(got) == "" || strings.ContainsAny(hostOf(got), "/@ ") {
			t.Fatalf("ParseHost(%q) = %q", text, got)
		}
	})
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"^mUnnamed ^900DRX ^mServer": "^mUnnamed ^900DRX ^mServer",
		" \x01a\x00b\t c\n":          "ab  c",
		"adm\u202ein\u200b":          "admin",
		"é 日本 🎮":                     "é 日本 🎮",
		"\u3164":                     "",
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}
