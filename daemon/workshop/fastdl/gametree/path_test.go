package gametree

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		raw, want string // "" = refused
	}{
		{"maps/cp_x.bsp", "maps/cp_x.bsp"},
		{"/maps//cp_x.bsp", "maps/cp_x.bsp"},
		{"maps%2Fcp%5fx.bsp", "maps/cp_x.bsp"},
		{`maps\cp_x.bsp`, "maps/cp_x.bsp"},
		{"maps%5Ccp_x.bsp", "maps/cp_x.bsp"},
		{`\maps\\cp_x.bsp`, "maps/cp_x.bsp"},
		{"Maps/CP_X.BSP.bz2", "Maps/CP_X.BSP.bz2"},
		{"sound/a b+c.wav", "sound/a b+c.wav"},
		{"sound/a%20b%2Bc.wav", "sound/a b+c.wav"},
		{"maps/%D0%BA.bsp", "maps/к.bsp"},
		{"maps/%ff.bsp", "maps/\xff.bsp"},
		{"maps/100%25.bsp", "maps/100%.bsp"},
		{"maps/%252e%252e/x", "maps/%2e%2e/x"}, // decoded once
		{"maps/x..y.bsp", "maps/x..y.bsp"},

		{"", ""}, {"/", ""}, {"//", ""}, {"maps/", ""}, {"maps%2f", ""}, {`maps\`, ""},
		{"../x", ""}, {"maps/../x", ""}, {"maps/..", ""}, {"maps/%2e%2e/x", ""}, {`maps\..\x`, ""}, {"maps/.%2e/x", ""},
		{"./x", ""}, {"maps/./x", ""}, {"maps/.hidden", ""}, {".git/config", ""}, {"maps/.../x", ""},
		{"maps/x%00.bsp", ""}, {"maps/x\x00.bsp", ""}, {"maps/x%0a.bsp", ""}, {"maps/x%1f", ""}, {"maps/x%7f", ""},
		{"maps/x.", ""}, {"maps/x%20", ""}, {"maps /x", ""}, {"maps./x", ""},
		{"c:/x", ""}, {"maps/x.bsp::$DATA", ""}, {"maps/x.bsp%3a%3a$DATA", ""},
		{"maps/nul", ""}, {"maps/CON.bsp", ""}, {"aux/x.bsp", ""}, {"maps/com1.bsp", ""}, {"maps/LPT9", ""}, {"maps/com%C2%B9.bsp", ""},
		{"maps/%", ""}, {"maps/%2", ""}, {"maps/%zz", ""}, {"maps/%2gx", ""},
		{strings.Repeat("a/", 40) + "x", ""}, {strings.Repeat("a", 1025), ""}, {strings.Repeat("%61", 1025), ""},
	}
	for _, tt := range tests {
		got, ok := ParsePath(tt.raw)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%q: %q, %v, want %q", tt.raw, got, ok, tt.want)
		}
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"Maps/X.BSP": "maps/x.bsp", "КАРТА": "карта", "A\xff\xfe": "a\xff\xfe", "": "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if Fold("\xff") == Fold("\xfe") {
		t.Error("different bytes became one name")
	}
}

func TestCutSuffix(t *testing.T) {
	for in, want := range map[string]string{"a.bsp.bz2": "a.bsp", "a.bsp.BZ2": "a.bsp", "a.bsp": "", ".bz2": "", "": ""} {
		plain, packed := CutSuffix(in)
		if packed != (want != "") || packed && plain != want {
			t.Errorf("%q: %q, %v", in, plain, packed)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"maps/x.bsp", "maps/%2e%2e/cfg", `a\b`, "%00", "con", "x. ", "//", "%C2%B9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, ok := ParsePath(raw)
		if !ok {
			return
		}
		if p == "" || len(p) > maxPath || strings.ContainsAny(p, "\\:\x00\n\x7f") || p[0] == '/' || strings.HasSuffix(p, "/") ||
			strings.Contains(p, "//") || strings.Contains("/"+p, "/.") || strings.Contains(p+"/", "./") || strings.Contains(p+"/", " /") {
			t.Errorf("%q became %q", raw, p)
		}
		if utf8.ValidString(p) != utf8.ValidString(Fold(p)) || Fold(Fold(p)) != Fold(p) {
			t.Errorf("%q folds to %q", p, Fold(p))
		}
	})
}
