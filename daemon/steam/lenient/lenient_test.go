package lenient

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLink(t *testing.T) {
	for in, want := range map[string]string{
		"https://images.example/p.jpg":                        "https://images.example/p.jpg",
		" http://images.example/a b.jpg ":                     "http://images.example/a%20b.jpg",
		"javascript:alert(1)":                                 "",
		"data:image/png;base64,AAAA":                          "",
		"//images.example/p.jpg":                              "",
		"https://user:password@images.example/":               "",
		"ftp://images.example/p.jpg":                          "",
		"https://images.example/" + strings.Repeat("a", 2000): "",
		"": "", "https://": "", "://": "",
	} {
		if got := Link(in); got != want {
			t.Errorf("Link(%.60q) = %q, want %q", in, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]Number{
		`7`: {N: 7, Set: true}, `"7"`: {N: 7, Set: true}, `" 7 "`: {N: 7, Set: true}, `0`: {Set: true},
		`18446744073709551615`: {N: 1<<64 - 1, Set: true}, `null`: {}, `""`: {},
		`-1`: {Bad: true}, `1.5`: {Bad: true}, `"x"`: {Bad: true}, `{}`: {Bad: true}, `18446744073709551616`: {Bad: true},
	} {
		var got Number
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestArray(t *testing.T) {
	for in, want := range map[string]Array{
		`[]`: {}, `[1,"a"]`: {json.RawMessage("1"), json.RawMessage(`"a"`)}, `null`: nil, `{}`: nil, `7`: nil,
	} {
		var got Array
		if err := got.UnmarshalJSON([]byte(in)); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %#v, %v", in, got, err)
		}
	}
	var many Array
	if err := json.Unmarshal([]byte("["+strings.Repeat("1,", 5000)+"1]"), &many); err != nil || len(many) != MaxElements {
		t.Errorf("%d elements, %v", len(many), err)
	}
}

func TestTexts(t *testing.T) {
	const in = " a\x00b\x1b[2J\u202ec\nd\xff "
	if got, want := Line(in, 100), "a b [2J c d\uFFFD"; got != want {
		t.Errorf("Line %q, want %q", got, want)
	}
	if got, want := Prose(in, 100), "ab[2J\u202ec\nd\uFFFD"; got != want {
		t.Errorf("Prose %q, want %q", got, want)
	}
	if got := Line("äöüß", 2); got != "äö" {
		t.Errorf("Line cut to %q", got)
	}
}
