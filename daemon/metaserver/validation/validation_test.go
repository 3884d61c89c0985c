package validation

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// The entries below are those of pydantic 1.10.2 behind FastAPI 0.86.

func body(t *testing.T, style Style, text string) *Input {
	t.Helper()
	b, err := ParseBody(style, "application/json", []byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return New(nil, nil, b)
}

func entries(t *testing.T, in *Input) string {
	t.Helper()
	errs, _ := in.Err().(Errors)
	if len(errs) == 0 {
		return "[]"
	}
	text, err := json.Marshal(errs)
	if err != nil {
		t.Fatal(err)
	}
	s := string(text)
	s = strings.ReplaceAll(s, `\u003c`, "<")
	return strings.ReplaceAll(s, `\u003e`, ">")
}

func TestEntries(t *testing.T) {
	for _, c := range []struct {
		name, body string
		read       func(*Field)
		want       string
	}{
		{"missing", `{}`, func(f *Field) { f.Int() }, `[{"loc":["body","x"],"msg":"field required","type":"value_error.missing"}]`},
		{"none", `{"x":null}`, func(f *Field) { f.Int() }, `[{"loc":["body","x"],"msg":"none is not an allowed value","type":"type_error.none.not_allowed"}]`},
		{"int", `{"x":"1.0"}`, func(f *Field) { f.Int() }, `[{"loc":["body","x"],"msg":"value is not a valid integer","type":"type_error.integer"}]`},
		{"str", `{"x":[]}`, func(f *Field) { f.Text() }, `[{"loc":["body","x"],"msg":"str type expected","type":"type_error.str"}]`},
		{"bool", `{"x":2}`, func(f *Field) { f.Bool() }, `[{"loc":["body","x"],"msg":"value could not be parsed to a boolean","type":"type_error.bool"}]`},
		{"dict", `{"x":1}`, func(f *Field) { f.Object() }, `[{"loc":["body","x"],"msg":"value is not a valid dict","type":"type_error.dict"}]`},
		{"list", `{"x":{}}`, func(f *Field) { f.List() }, `[{"loc":["body","x"],"msg":"value is not a valid list","type":"type_error.list"}]`},
		{"minlen", `{"x":"пароль"}`, func(f *Field) { f.Text(MinLen(8), MaxLen(32)) }, `[{"loc":["body","x"],"msg":"ensure this value has at least 8 characters","type":"value_error.any_str.min_length","ctx":{"limit_value":8}}]`},
		{"maxlen", `{"x":"1234567"}`, func(f *Field) { f.Text(MinLen(6), MaxLen(6)) }, `[{"loc":["body","x"],"msg":"ensure this value has at most 6 characters","type":"value_error.any_str.max_length","ctx":{"limit_value":6}}]`},
		{"ge", `{"x":-2}`, func(f *Field) { f.Int(Ge(-1), Le(3)) }, `[{"loc":["body","x"],"msg":"ensure this value is greater than or equal to -1","type":"value_error.number.not_ge","ctx":{"limit_value":-1}}]`},
		{"le", `{"x":4}`, func(f *Field) { f.Int(Ge(-1), Le(3)) }, `[{"loc":["body","x"],"msg":"ensure this value is less than or equal to 3","type":"value_error.number.not_le","ctx":{"limit_value":3}}]`},
		{"gt", `{"x":-1}`, func(f *Field) { f.Int(Gt(-1), Lt(4)) }, `[{"loc":["body","x"],"msg":"ensure this value is greater than -1","type":"value_error.number.not_gt","ctx":{"limit_value":-1}}]`},
		{"lt", `{"x":4}`, func(f *Field) { f.Int(Gt(-1), Lt(4)) }, `[{"loc":["body","x"],"msg":"ensure this value is less than 4","type":"value_error.number.not_lt","ctx":{"limit_value":4}}]`},
		{"minitems", `{"x":[1]}`, func(f *Field) { f.List(Items(2, 4), Unique) }, `[{"loc":["body","x"],"msg":"ensure this value has at least 2 items","type":"value_error.list.min_items","ctx":{"limit_value":2}}]`},
		{"maxitems", `{"x":[1,1,1,1,1]}`, func(f *Field) { f.List(Items(2, 4), Unique) }, `[{"loc":["body","x"],"msg":"ensure this value has at most 4 items","type":"value_error.list.max_items","ctx":{"limit_value":4}}]`},
		{"unique", `{"x":[{"a":1,"b":2},{"b":2.0,"a":true}]}`, func(f *Field) { f.List(Items(2, 4), Unique) }, `[{"loc":["body","x"],"msg":"the list has duplicated items","type":"value_error.list.unique_items"}]`},
		{"enum", `{"x":"c"}`, func(f *Field) { f.Enum("a", "b") }, `[{"loc":["body","x"],"msg":"value is not a valid enumeration member; permitted: 'a', 'b'","type":"type_error.enum","ctx":{"enum_values":["a","b"]}}]`},
		{"email", `{"x":"a"}`, func(f *Field) { f.Fail(Email()) }, `[{"loc":["body","x"],"msg":"value is not a valid email address","type":"value_error.email"}]`},
		{"custom", `{"x":"a"}`, func(f *Field) { f.Fail(Custom("No")) }, `[{"loc":["body","x"],"msg":"No","type":"value_error"}]`},
		{"assert", `{"x":"a"}`, func(f *Field) { f.Fail(Assertion("No")) }, `[{"loc":["body","x"],"msg":"No","type":"assertion_error"}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := body(t, Model, c.body)
			c.read(in.Body("x"))
			if got := entries(t, in); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Everything wrong is listed, in the order of declaration, and nested places
// are named in full.
func TestErrorsAreCollectedInOrder(t *testing.T) {
	in := New(url.Values{"server_id": {"x"}}, map[string]string{"clan_id": "a"}, body(t, Model,
		`{"winner":9,"teams":[{"id":0,"players":[{"user_id":"a"},3]},{"id":7}]}`).body)
	in.Query("server_id").Int()
	in.Path("clan_id").Int()
	teams := in.Body("teams")
	for _, team := range teams.List(Items(2, 4), Unique) {
		team.Object()
		team.Field("id").Int(Gt(-1), Lt(4))
		for _, player := range team.Field("players").List() {
			player.Object()
			player.Field("user_id").Int()
		}
	}
	if !teams.Broken() {
		t.Error("a list with broken items is not broken")
	}
	in.Body("winner").Int(Ge(-1), Le(3))
	in.Root(Custom("not listed beside other errors"))
	errs, _ := in.Err().(Errors)
	var got []string
	for _, e := range errs {
		loc, err := json.Marshal(e.Loc)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(loc)+" "+e.Type)
	}
	want := `["query","server_id"] type_error.integer
["path","clan_id"] type_error.integer
["body","teams",0,"players",0,"user_id"] type_error.integer
["body","teams",0,"players",1] type_error.dict
["body","teams",1,"id"] value_error.number.not_lt
["body","teams",1,"players"] value_error.missing
["body","winner"] value_error.number.not_le`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

// The two styles of bodies differ in what they say of those that are no object.
func TestBodiesAsAWhole(t *testing.T) {
	const (
		whole  = `[{"loc":["body"],"msg":"field required","type":"value_error.missing"}]`
		noDict = `[{"loc":["body"],"msg":"value is not a valid dict","type":"type_error.dict"}]`
		each   = `[{"loc":["body","a"],"msg":"field required","type":"value_error.missing"},{"loc":["body","b"],"msg":"field required","type":"value_error.missing"}]`
	)
	for _, c := range []struct{ media, text, model, embedded string }{
		{"application/json", ``, whole, each},
		{"application/json", `null`, whole, each},
		{"application/json", `[]`, noDict, each},
		{"application/json", `[1]`, noDict, each},
		{"application/json", `"x"`, noDict, each},
		{"application/json", `1`, noDict, each},
		{"application/json", `false`, noDict, each},
		{"text/plain", `{"a":1,"b":1}`, noDict, each},
		{"application/x-www-form-urlencoded", `a=1&b=1`, noDict, each},
		{"text/plain", ``, whole, each},
		{"application/json; charset=utf-8", `{"a":1,"b":1}`, `[]`, `[]`},
		{"Application/Vnd.API+JSON", `{"a":1,"b":1}`, `[]`, `[]`},
		{"", `{"a":1,"b":1}`, `[]`, `[]`},
		{"application/json; =", `{"a":1,"b":1}`, `[]`, `[]`},
	} {
		for style, want := range map[Style]string{Model: c.model, Embedded: c.embedded} {
			b, err := ParseBody(style, c.media, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			in := New(nil, nil, b)
			in.Body("a").Int()
			in.Body("b").Int()
			if got := entries(t, in); got != want {
				t.Errorf("%q %s, style %d:\ngot  %s\nwant %s", c.media, c.text, style, got, want)
			}
		}
	}
	in := body(t, Embedded, `{"a":null}`)
	in.Body("a").Int()
	if got := entries(t, in); got != `[{"loc":["body","a"],"msg":"field required","type":"value_error.missing"}]` {
		t.Errorf("null in an embedded body: %s", got)
	}
}

func TestIntegers(t *testing.T) {
	for text, want := range map[string]any{
		`1`: int64(1), `-1`: int64(-1), `" 7 "`: int64(7), `"+7"`: int64(7), `"-7"`: int64(-7), `1.9`: int64(1), `-1.9`: int64(-1),
		`1e3`: int64(1000), `true`: int64(1), `false`: int64(0), `9223372036854775807`: int64(9223372036854775807),
		`"1.0"`: nil, `""`: nil, `"0x1"`: nil, `"a"`: nil, `[]`: nil, `{}`: nil, `9223372036854775808`: nil, `1e19`: nil,
		`1e400`: nil, `NaN`: nil, `Infinity`: nil, `"18446744073709551616"`: nil,
	} {
		in := body(t, Model, `{"x":`+text+`}`)
		got := in.Body("x").Int()
		if want == nil {
			if !strings.Contains(entries(t, in), "type_error.integer") {
				t.Errorf("%s: %d, %s", text, got, entries(t, in))
			}
			continue
		}
		if got != want || in.Err() != nil {
			t.Errorf("%s: %d, %v, want %v", text, got, in.Err(), want)
		}
	}
}

func TestTextsAndTruth(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `123456`: "123456", `12345678901234567890123`: "12345678901234567890123", `1.5`: "1.5", `1e3`: "1000.0",
		`"\u0041\ud83d\ude00\ud800\n"`: "A😀\ufffd\n", `"a\"b\\c\/d"`: `a"b\c/d`,
	} {
		in := body(t, Model, `{"x":`+text+`}`)
		if got := in.Body("x").Text(); got != want || in.Err() != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, in.Err(), want)
		}
	}
	for _, text := range []string{`true`, `[]`, `{}`} {
		in := body(t, Model, `{"x":`+text+`}`)
		in.Body("x").Text()
		if in.Err() == nil {
			t.Errorf("%s is a text", text)
		}
	}
	for text, want := range map[string]string{
		`true`: "true", `1`: "true", `1.0`: "true", `"1"`: "true", `"ON"`: "true", `"t"`: "true", `"True"`: "true", `"y"`: "true", `"yes"`: "true",
		`false`: "false", `0`: "false", `"0"`: "false", `"off"`: "false", `"F"`: "false", `"false"`: "false", `"n"`: "false", `"no"`: "false",
		`2`: "error", `"maybe"`: "error", `" 1"`: "error", `[]`: "error", `{}`: "error",
	} {
		in := body(t, Model, `{"x":`+text+`}`)
		v := in.Body("x").Bool()
		got := map[bool]string{true: "true", false: "false"}[v]
		if in.Err() != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestRulesRunInOrder(t *testing.T) {
	in := body(t, Model, `{"a":"  é  ","b":"   ","c":"a\u0000b"}`)
	if got := in.Body("a").Text(Trim, MinLen(1), MaxLen(1)); got != "é" {
		t.Errorf("got %q", got)
	}
	in.Body("b").Text(Trim, MinLen(1))
	in.Body("c").Text(NoControl)
	if got := entries(t, in); strings.Count(got, `"loc"`) != 2 || !strings.Contains(got, "at least 1 characters") {
		t.Error(got)
	}
}

func TestQueries(t *testing.T) {
	in := New(url.Values{"a": {"1", "2"}, "b": {""}, "ids": {"1", "x", " 3 ", "y"}, "one": {"5"}, "many": make([]string, 9)}, nil, Body{})
	if got := in.Query("a").Int(); got != 2 {
		t.Errorf("the last value does not count: %d", got)
	}
	if in.Query("b").Given() != true || in.Query("none").Given() {
		t.Error("Given is wrong")
	}
	in.Query("b").Int()
	in.Query("none").Int()
	in.Query("ids").Ints(500)
	in.Query("many").Ints(8)
	in.Query("absent").Ints(8)
	if got := in.Query("one").Ints(500); len(got) != 1 || got[0] != 5 {
		t.Errorf("one: %v", got)
	}
	want := `[{"loc":["query","b"],"msg":"value is not a valid integer","type":"type_error.integer"},` +
		`{"loc":["query","none"],"msg":"field required","type":"value_error.missing"},` +
		`{"loc":["query","ids",1],"msg":"value is not a valid integer","type":"type_error.integer"},` +
		`{"loc":["query","ids",3],"msg":"value is not a valid integer","type":"type_error.integer"},` +
		`{"loc":["query","many"],"msg":"ensure this value has at most 8 items","type":"value_error.list.max_items","ctx":{"limit_value":8}},` +
		`{"loc":["query","absent"],"msg":"field required","type":"value_error.missing"}]`
	if got := entries(t, in); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
