package catalog

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseList(t *testing.T) {
	tests := []struct {
		values []string
		want   []string
		nested bool
	}{
		{nil, nil, false},
		{[]string{""}, nil, false},
		{[]string{"[]"}, nil, false},
		{[]string{"[1,2]"}, []string{"1", "2"}, false},
		{[]string{` [ 1 , "2" ] `}, []string{"1", "2"}, false},
		{[]string{`["steam","local"]`}, []string{"steam", "local"}, false},
		{[]string{`['steam', 'local']`}, []string{"steam", "local"}, false},
		{[]string{`['it\'s', "a \" b", 'c " d']`}, []string{"it's", `a " b`, `c " d`}, false},
		{[]string{`["a,b","Ä"]`}, []string{"a,b", "Ä"}, false},
		{[]string{"5"}, []string{"5"}, false},
		{[]string{"steam", "local"}, []string{"steam", "local"}, false},
		{[]string{"[1]", "2", "3,4"}, []string{"1", "2", "3", "4"}, false},
		{[]string{`"steam"`, "'local'"}, []string{"steam", "local"}, false},
		{[]string{"1,,2,"}, []string{"1", "2"}, false},
		{[]string{"[1,2"}, nil, false},
		{[]string{"[steam]"}, nil, false},
		{[]string{"[1,]"}, nil, false},
		{[]string{`{"a":1}`}, nil, false},
		{[]string{"[null,true]"}, []string{"null", "true"}, false},
		{[]string{"[[1]]"}, nil, true},
		{[]string{"[1,{}]"}, nil, true},
		{[]string{"['a',['b']]"}, nil, true},
	}
	for _, tt := range tests {
		got, reason := parseList(tt.values)
		if !slices.Equal(got, tt.want) || (reason != "") != tt.nested {
			t.Errorf("%q: %q %q, want %q", tt.values, got, reason, tt.want)
		}
	}
}

func TestIDs(t *testing.T) {
	tests := []struct {
		query string
		want  []int64
	}{
		{"a=[1,2]", []int64{1, 2}}, {`a=["7"]`, []int64{7}}, {"a=['7']", []int64{7}}, {"a=7", []int64{7}}, {"a=7,8", []int64{7, 8}},
		{"a=7&a=[8]&a=9", []int64{7, 8, 9}}, {"a=abc", nil}, {"a=", nil}, {"a=[abc]", nil}, {"a=[1.5,7.0]", []int64{-1, 7}},
		{`a=["x"]`, []int64{-1}}, {"a=[9223372036854775808,-5,0]", []int64{-1, -1, -1}}, {"a=[3700000000]", []int64{3_700_000_000}},
		{"a=[null,false]", []int64{-1, -1}}, {"b=1", nil},
	}
	for _, tt := range tests {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		p := &params{query: q}
		if got := p.ids("a"); !slices.Equal(got, tt.want) || len(p.problems) != 0 {
			t.Errorf("%q: %v %v, want %v", tt.query, got, p.problems, tt.want)
		}
	}
}

func TestSaturated(t *testing.T) {
	for _, tt := range [][3]int64{
		{0, math.MaxInt64, 0}, {50, 0, 0}, {50, 2, 100}, {1, math.MaxInt64, math.MaxInt64}, {50, 1e18, math.MaxInt64},
		{50, math.MaxInt64 / 50, math.MaxInt64 / 50 * 50}, {50, math.MaxInt64/50 + 1, math.MaxInt64},
	} {
		if got := saturated(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%d × %d = %d, want %d", tt[0], tt[1], got, tt[2])
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"", "[]", "[1,2]", `["a"]`, "['a','b']", "1,2", "[[1]]", "{}", `['\'']`, `["\ud800"]`, "[1e999]", "'", `"`, "[\x00]"} {
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		list, reason := parseList([]string{a, b})
		if reason != "" && list != nil {
			t.Errorf("%q and a reason", list)
		}
		if len(list) > len(a)+len(b) {
			t.Errorf("%d elements out of %q, %q", len(list), a, b)
		}
		p := &params{query: url.Values{"a": {a, b}}}
		for _, id := range p.ids("a") {
			if id <= 0 && id != unknownID {
				t.Errorf("id %d", id)
			}
		}
		// What is an array of numbers in JSON is read as such.
		var numbers []int64
		if strings.HasPrefix(strings.TrimSpace(a), "[") && json.Unmarshal([]byte(a), &numbers) == nil && !strings.Contains(a, "null") {
			got := (&params{query: url.Values{"a": {a}}}).ids("a")
			if len(got) != len(numbers) {
				t.Fatalf("%q: %v, want %v", a, got, numbers)
			}
			for i, n := range numbers {
				if n > 0 && n < math.MaxInt64 && got[i] != n {
					t.Errorf("%q: %v, want %v", a, got, numbers)
				}
			}
		}
	})
}

func FuzzLanguage(f *testing.F) {
	for _, seed := range []string{"", "*", "ru, en;q=0.5", "en-US,en;q=0.9,*;q=0.1", ";;,,==", "en;q=NaN", "ru;q=0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := language([]string{header})
		if got != langRussian && got != langEnglish {
			t.Errorf("language %q", got)
		}
		if got == langEnglish && !strings.Contains(strings.ToLower(header), "en") && !strings.Contains(header, "*") {
			t.Errorf("%q chooses English", header)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "Harmony", "a\"b\\c\n\r\t\x00\x1f\x7f", "Привет 🎮", "\xff\xfe", "\u2028<b>&", "a\xe2\x82"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := appendString(nil, text)
		var got string
		if err := json.Unmarshal(b, &got); err != nil || !utf8.Valid(b) {
			t.Fatalf("%q: %q %v", text, b, err)
		}
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var same string
		if err := json.Unmarshal(want, &same); err != nil || got != same {
			t.Errorf("%q reads as %q, want %q", b, got, same)
		}
	})
}
