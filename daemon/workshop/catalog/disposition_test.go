package catalog

import (
	"math"
	"strings"
	"testing"
)

func TestDisposition(t *testing.T) {
	for title, want := range map[string]string{
		"Harmony":                     `attachment; filename="Harmony.zip"`,
		"a.b-c_d~1":                   `attachment; filename="a.b-c_d~1.zip"`,
		"plain mod":                   `attachment; filename*=utf-8''plain%20mod.zip`,
		"HugsLib [1.5]":               `attachment; filename*=utf-8''HugsLib%20%5B1.5%5D.zip`,
		"Мод":                         `attachment; filename*=utf-8''%D0%9C%D0%BE%D0%B4.zip`,
		`a"b`:                         `attachment; filename*=utf-8''a%22b.zip`,
		"a/b\\c":                      `attachment; filename="a_b_c.zip"`,
		"../../etc":                   `attachment; filename="___.._etc.zip"`,
		".hidden":                     `attachment; filename="_hidden.zip"`,
		"a\r\nSet-Cookie":             `attachment; filename="a__Set-Cookie.zip"`,
		"\x00\x7f\u0085":              `attachment; filename="___.zip"`,
		"a\xffb":                      `attachment; filename="a_b.zip"`,
		"":                            `attachment; filename="7.zip"`,
		"100% 'x'*":                   `attachment; filename*=utf-8''100%25%20%27x%27%2A.zip`,
		strings.Repeat("a", 200):      `attachment; filename="` + strings.Repeat("a", 120) + `.zip"`,
		"x" + strings.Repeat("é", 99): `attachment; filename*=utf-8''x` + strings.Repeat("%C3%A9", 59) + `.zip`,
	} {
		if got := disposition(title, 7); got != want {
			t.Errorf("%q:\n got %s\nwant %s", title, got, want)
		}
	}
}

func FuzzDisposition(f *testing.F) {
	f.Add("HugsLib [1.5]")
	f.Add("../\x00é")
	f.Fuzz(func(t *testing.T, title string) {
		got := disposition(title, math.MaxInt64)
		if strings.Count(got, ";") != 1 || strings.ContainsAny(got, "\r\n\\/") || len(got) > 3*(maxFileName+4)+40 {
			t.Errorf("%q", got)
		}
	})
}
