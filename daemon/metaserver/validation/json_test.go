package validation

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// Places and texts are those of Python 3.10's json module.
func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		`x`:                   "Expecting value: line 1 column 1 (char 0)",
		` `:                   "Expecting value: line 1 column 2 (char 1)",
		`{`:                   "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
		`{"a":1,}`:            "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)",
		`{'a':1}`:             "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
		`{"a" 1}`:             "Expecting ':' delimiter: line 1 column 6 (char 5)",
		`{"a":1 "b":2}`:       "Expecting ',' delimiter: line 1 column 8 (char 7)",
		`{"a":}`:              "Expecting value: line 1 column 6 (char 5)",
		`[1,]`:                "Expecting value: line 1 column 4 (char 3)",
		`[1 2]`:               "Expecting ',' delimiter: line 1 column 4 (char 3)",
		`[`:                   "Expecting value: line 1 column 2 (char 1)",
		`{"é":1} {`:           "Extra data: line 1 column 9 (char 8)",
		`01`:                  "Extra data: line 1 column 2 (char 1)",
		`-`:                   "Expecting value: line 1 column 1 (char 0)",
		`1.`:                  "Extra data: line 1 column 2 (char 1)",
		`"a`:                  "Unterminated string starting at: line 1 column 1 (char 0)",
		`"a\`:                 "Unterminated string starting at: line 1 column 1 (char 0)",
		"\"a\nb\"":            "Invalid control character at: line 1 column 3 (char 2)",
		`"a\x"`:               "Invalid \\escape: line 1 column 3 (char 2)",
		`"a\u12"`:             "Invalid \\uXXXX escape: line 1 column 4 (char 3)",
		`"a\u12g4 "`:          "Invalid \\uXXXX escape: line 1 column 4 (char 3)",
		"{\"a\": 1,\n  \"b\"": "Expecting ':' delimiter: line 2 column 6 (char 14)",
		`tru`:                 "Expecting value: line 1 column 1 (char 0)",
	} {
		_, err := ParseBody(Model, "", []byte(text))
		syntax, ok := errors.AsType[*SyntaxError](err)
		if !ok || syntax.Msg != want {
			t.Errorf("%q: %v, want %s", text, err, want)
			continue
		}
		e := syntax.Entries()[0]
		if e.Type != "value_error.jsondecode" || e.Loc[1] != syntax.Pos || e.Ctx != nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for name, text := range map[string]string{
		"deep lists": strings.Repeat("[", 1<<15), "deep objects": strings.Repeat(`{"a":`, 1<<13), "not UTF-8": "{\"a\":\"\xff\"}",
	} {
		if _, err := ParseBody(Model, "", []byte(text)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseBody(Model, "", []byte("\ufeff{}")); err != nil {
		t.Errorf("a byte order mark: %v", err)
	}
}

func TestPythonNumbers(t *testing.T) {
	for _, text := range []string{`NaN`, `Infinity`, `-Infinity`, `-0`, `0.5e-3`, `1E+2`} {
		if _, err := ParseBody(Model, "", []byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	in := body(t, Model, `{"a":1,"a":2}`)
	if got := in.Body("a").Int(); got != 2 {
		t.Errorf("of a name that comes twice the last does not count: %d", got)
	}
}

// FuzzParse compares the parser with that of the standard library: what that
// one takes is taken, with the same strings.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,"x\u00e9\ud83d\ude00",null,true],"b":{"c":-0}}`, `[[[]]]`, `"\ud800"`, `NaN`, "\ufeff{}", `{"a":1,}`, "\"\x00\"", `"\u12`,
		`1e400`, ` [ 1 , 2 ] `, `{"":""}`, "\xff", `"\ud83dx"`, `"\ud83d\u0041"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseBody(Model, "application/json", text)
		var plain any
		if json.Unmarshal(text, &plain) == nil && err != nil && !errors.Is(err, ErrUnreadable) {
			t.Fatalf("%q is JSON: %v", text, err)
		}
		if err != nil {
			return
		}
		if s, ok := plain.(string); ok && b.value.text != s {
			t.Fatalf("%q: %q, want %q", text, b.value.text, s)
		}
		in := New(nil, nil, b)
		in.Body("a").Int()
		in.Body("a").Text(Trim, NoControl)
		in.Body("a").Bool()
		for _, item := range in.Body("b").List(Items(0, 100), Unique) {
			item.Object()
			item.Field("c").Int(Ge(0))
		}
		if _, err := json.Marshal(in.Err()); err != nil {
			t.Fatal(err)
		}
	})
}
