package pgcsv

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func null() Field             { return Field{Null: true} }
func value(text string) Field { return Field{Text: text} }

func TestReader(t *testing.T) {
	const file = "a,b,c\n1,,\"\"\n\"x,\"\"y\"\"\nz\",\\x00,t\r\n\"\",\"\",last"
	want := []struct {
		line int
		row  []Field
	}{
		{1, []Field{value("a"), value("b"), value("c")}},
		{2, []Field{value("1"), null(), value("")}},
		{3, []Field{value("x,\"y\"\nz"), value(`\x00`), value("t")}},
		{5, []Field{value(""), value(""), value("last")}},
	}
	r := NewReader(strings.NewReader(file))
	for _, w := range want {
		row, line, err := r.Read()
		if err != nil || line != w.line {
			t.Fatalf("line %d: %v, want line %d", line, err, w.line)
		}
		if d := cmp.Diff(w.row, row); d != "" {
			t.Errorf("line %d: %s", line, d)
		}
	}
	if _, _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

func TestReader_Refuses(t *testing.T) {
	for file, want := range map[string]string{
		"a,b\n1\n":                      "line 2: it has 1 values, and the first line has 2",
		"a\n\"x\n\ny":                   "line 2: a quote is not closed",
		"a\n\"x\"y\n":                   "line 2: there is text behind a closing quote",
		"a\nx\"y\n":                     "line 2: there is a quote in the middle of a value",
		"a\nb\nx\ry\n":                  "line 3: there is a carriage return in the middle of a line",
		"a\n\"\n\n\"\n\"x":              "line 5: a quote is not closed",
		strings.Repeat(",", 100) + "\n": "line 1: it has more than 100 values",
		"a\n" + strings.Repeat("x", 1<<20) + "\n":     "line 2: it is longer than 1048576 bytes",
		"a\n\"" + strings.Repeat("x", 1<<20) + "\"\n": "line 2: it is longer than 1048576 bytes",
	} {
		r := NewReader(strings.NewReader(file))
		var err error
		for err == nil {
			_, _, err = r.Read()
		}
		if err.Error() != want {
			t.Errorf("%.20q: %v, want %s", file, err, want)
		}
	}
}

// FuzzReader wants what was read to be read again when it is written.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "a,b\n", "a\n\"\"\n", "a,b\r\n1,\r\n", "\"a\"\"b\"", "\"", "a\"", ",,,\n", "\"x\n\r,\"\n", "\r", "\"\"\"\"", "a\n\\x00\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		r, first := NewReader(strings.NewReader(file)), [][]Field{}
		var out bytes.Buffer
		w := New(&out)
		for {
			row, line, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				var syntax *SyntaxError
				if !errors.As(err, &syntax) || syntax.Line != line {
					t.Fatalf("%q: %v", file, err)
				}
				return
			}
			first = append(first, append([]Field{}, row...))
			for _, f := range row {
				if f.Null {
					w.Null()
				} else {
					w.Text(f.Text)
				}
			}
			if err := w.EndRow(); err != nil {
				t.Fatal(err)
			}
		}
		again := NewReader(&out)
		for _, want := range first {
			row, _, err := again.Read()
			if err != nil {
				t.Fatalf("%q: written and read again: %v", file, err)
			}
			if d := cmp.Diff(want, row); d != "" {
				t.Errorf("%q: %s", file, d)
			}
		}
	})
}
