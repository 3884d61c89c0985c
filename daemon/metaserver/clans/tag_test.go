package clans

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	textColour  = "'^' must always be followed by exactly three numbers or one of 'rgbwkycm'"
	textColours = "Clan tags can contain at most 4 colors"
	textLetters = "Clan tags can contain at most 4 letters"
	textHidden  = "Clan tags cannot contain characters that do not show"
	textNothing = "Clan tags need at least 1 visible letter"
)

func TestParseTag(t *testing.T) {
	for _, c := range []struct{ in, visible, refused string }{
		{"Zzz", "Zzz", ""}, {"^123(Zzz", "(Zzz", ""}, {"^1234", "4", ""}, {"^rAb", "Ab", ""}, {"^r^g^b^wABCD", "ABCD", ""},
		{"^123^123^123^123ABCD", "ABCD", ""}, {"éééé", "éééé", ""}, {"A B", "A B", ""}, {" \tAb^r\u00a0", "Ab", ""},
		{"A^rB^gC^000D", "ABCD", ""}, {"^123(Zz2", "(Zz2", ""}, {"日本語", "日本語", ""}, {"\x1cAb\x1f", "Ab", ""},

		{"^12", "", textColour}, {"^", "", textColour}, {"^x", "", textColour}, {"a^", "", textColour}, {"^R", "", textColour},
		{"^r^", "", textColour}, {"^^r", "", textColour}, {"^12a", "", textColour}, {"^١٢٣A", "", textColour}, {"a\nb", "", textColour},
		{"^\u00a0", "", textColour}, {"A\xffB", "", textColour},

		{"^r^g^b^w^kA", "", textColours}, {"^900^900^900^900^900", "", textColours}, {"^r^g^b^w^kABCDE", "", textColours},
		{"ABCDE", "", textLetters}, {"^rABCDE", "", textLetters}, {"éééé\u0301", "", textLetters}, {strings.Repeat("A", 5000), "", textLetters},
		{"", "", textNothing}, {"  ", "", textNothing}, {"^r^g", "", textNothing}, {"^900", "", textNothing}, {"\u0301", "", textNothing},
		{"A\u200bB", "", textHidden}, {"\u202eAB", "", textHidden}, {"A\u00adB", "", textHidden}, {"A\u00a0B", "", textHidden},
		{"A\x00", "", textHidden}, {"\u2800", "", textHidden}, {"A\u3164", "", textHidden}, {"A\ufe0f", "", textHidden}, {"A\tB", "", textHidden},
	} {
		tag, err := ParseTag(c.in)
		if c.refused != "" {
			if !fault.Is(err, fault.Invalid) || fault.Public(err) != c.refused {
				t.Errorf("ParseTag(%q) = %q, %v; want %q", c.in, tag, err, c.refused)
			}
			continue
		}
		if err != nil || tag.Visible() != c.visible || string(tag) != trim(c.in) {
			t.Errorf("ParseTag(%q) = %q, %v, visible %q; want %q", c.in, tag, err, tag.Visible(), c.visible)
		}
	}
}

func TestParseName(t *testing.T) {
	hundred := strings.Repeat("é", 100)
	for in, want := range map[string]string{
		"Zaitev's Snore Club": "Zaitev's Snore Club", "  x ": "x", hundred: hundred, " " + hundred + " ": hundred, "日本": "日本", "a  b": "a  b",
	} {
		if got, err := ParseName(in); err != nil || got != want {
			t.Errorf("ParseName(%q) = %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"": "Clan names need at least 1 character", " \n ": "Clan names need at least 1 character",
		hundred + "x": "Clan names can contain at most 100 characters", strings.Repeat("x", 1<<20): "Clan names can contain at most 100 characters",
		"a\u202eb": "Clan names cannot contain characters that do not show", "a\nb": "Clan names cannot contain characters that do not show",
		"\u200b": "Clan names cannot contain characters that do not show", "a\xff": "Clan names cannot contain characters that do not show",
		"\u0301": "Clan names cannot contain characters that do not show",
	} {
		if got, err := ParseName(in); !fault.Is(err, fault.Invalid) || fault.Public(err) != want {
			t.Errorf("ParseName(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

// Groups of texts that players take for the same; no text of one group may
// have the key of another.
func TestKeys(t *testing.T) {
	groups := [][]string{
		{"ABC", "abc", "АВС", "авс", "ＡＢＣ", "Abс", "ᴀʙᴄ"},
		{"(Zzz", "(zZZ", "(ΖΖΖ"},
		{"(Zz2"},
		{"O0o", "ooo", "000", "ООО", "οοο"},
		{"Il1|", "llll", "IIII", "ӀӀӀӀ"},
		{"rn", "m", "М", "RN"},
		{"vv", "W", "Ԝ"},
		{"é", "É", "e\u0301"},
		{"e", "Е", "Ε"},
		{"A B", "a  b", "А В"},
		{"AB"},
		{"[AB]"},
		{"Ω", "ω"},
		{"λ"},
	}
	seen := map[string]int{}
	for i, group := range groups {
		want := key(group[0])
		if other, ok := seen[want]; ok {
			t.Errorf("%q and %q have the same key", group[0], groups[other][0])
		}
		seen[want] = i
		for _, text := range group {
			if got := key(text); got != want {
				t.Errorf("key(%q) = %q, that of %q is %q", text, got, group[0], want)
			}
		}
	}
}

func FuzzParseTag(f *testing.F) {
	for _, seed := range []string{"Zzz", "^123(Zzz", "^1234", "^r^g^b^wABCD", "éééé", "^", "a^", "^12", "^900^900^900^900^900", "\u202eA", "\xff", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tag, err := ParseTag(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if n := utf8.RuneCountInString(string(tag)); n > maxTag || n == 0 {
			t.Fatalf("%q has %d characters", tag, n)
		}
		if strings.Contains(tag.Visible(), "^") || !allShow(tag.Visible()) || !hasGlyph(tag.Visible()) {
			t.Fatalf("%q shows as %q", tag, tag.Visible())
		}
		if again, err := ParseTag(string(tag)); err != nil || again != tag {
			t.Fatalf("%q parsed again: %q, %v", tag, again, err)
		}
		k := key(tag.Visible())
		if k == "" {
			t.Fatalf("%q has no key", tag)
		}
		if upper := strings.ToUpper(tag.Visible()); isASCII(tag.Visible()) && key(upper) != k {
			t.Fatalf("the case of %q matters: %q and %q", tag, k, key(upper))
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 126 }) < 0
}
