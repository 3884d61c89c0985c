package vdf

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want Block
	}{
		"empty":             {"", Block{}},
		"only a comment":    {"// nothing\n", Block{}},
		"quoted":            {`"a" "1"`, Block{{Key: "a", Value: "1"}}},
		"bare":              {"a 1", Block{{Key: "a", Value: "1", Bare: true}}},
		"nested":            {"a { b { c d } }", Block{{Key: "a", Block: Block{{Key: "b", Block: Block{{Key: "c", Value: "d", Bare: true}}}}}}},
		"empty block":       {"a{}", Block{{Key: "a", Block: Block{}}}},
		"brace ends a word": {"a{b c}", Block{{Key: "a", Block: Block{{Key: "b", Value: "c", Bare: true}}}}},
		"quote ends a word": {`a"b"c"d"`, Block{{Key: "a", Value: "b"}, {Key: "c", Value: "d"}}},
		"empty strings":     {`"" ""`, Block{{}}},
		"comments":          {"a 1 // x \"y {\nb // z\n{ //}\n}", Block{{Key: "a", Value: "1", Bare: true}, {Key: "b", Block: Block{}}}},
		"slashes in words":  {`url http://x "u" "a//b"`, Block{{Key: "url", Value: "http://x", Bare: true}, {Key: "u", Value: "a//b"}}},
		"escapes":           {`"k" "a\nb\rc\td\\e\"f"`, Block{{Key: "k", Value: "a\nb\rc\td\\e\"f"}}},
		"other backslashes": {`"p" "C:\xyz\ q"`, Block{{Key: "p", Value: `C:\xyz\ q`}}},
		"bare backslash":    {`p C:\new`, Block{{Key: "p", Value: `C:\new`, Bare: true}}},
		"byte order mark":   {"\xef\xbb\xbfa 1", Block{{Key: "a", Value: "1", Bare: true}}},
		"repeated keys":     {"a 1 a 2 A 3", Block{{Key: "a", Value: "1", Bare: true}, {Key: "a", Value: "2", Bare: true}, {Key: "A", Value: "3", Bare: true}}},
		"condition":         {`"a" "1" [$WIN32] "b" "2"`, Block{{Key: "a", Value: "1", Condition: "$WIN32"}, {Key: "b", Value: "2"}}},
		"condition of a block": {"a [!$X360||$OSX]\n{ b 1 [$LINUX] }",
			Block{{Key: "a", Condition: "!$X360||$OSX", Block: Block{{Key: "b", Value: "1", Bare: true, Condition: "$LINUX"}}}}},
		"condition before a value": {`a [$WIN32] "1"`, Block{{Key: "a", Value: "1", Condition: "$WIN32"}}},
		"bracket in a word":        {"a [1", Block{{Key: "a", Value: "[1", Bare: true}}},
		"bracket in quotes":        {`a "[$WIN32]"`, Block{{Key: "a", Value: "[$WIN32]"}}},
		"includes stay keys": {`#base "/etc/passwd" "#include" "x.vdf"`,
			Block{{Key: "#base", Value: "/etc/passwd"}, {Key: "#include", Value: "x.vdf"}}},
		"Windows lines": {"a 1\r\nb 2\r\n", Block{{Key: "a", Value: "1", Bare: true}, {Key: "b", Value: "2", Bare: true}}},
		"any bytes":     {"\"\xff\" \"ü\x00\"", Block{{Key: "\xff", Value: "ü\x00"}}},
		"mixed": {`"a" { b 1 "c" "2" "p" "C:\\x" d "" }`, Block{{Key: "a", Block: Block{
			{Key: "b", Value: "1", Bare: true}, {Key: "c", Value: "2"}, {Key: "p", Value: `C:\x`}, {Key: "d"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(c.in))
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct {
		in           string
		line, column int
		msg          string
	}{
		"missing brace":        {"a {\n b 1\n", 3, 1, "closing brace is missing"},
		"extra brace":          {"a 1\n }", 2, 2, "no opening one"},
		"block without key":    {"{ a 1 }", 1, 1, "no key"},
		"key alone":            {"a 1\nkey", 2, 4, "neither"},
		"key before brace":     {"a { b }", 1, 7, "neither"},
		"open quote":           {"a \"x", 1, 3, "not closed"},
		"open quote on a line": {"\"a\" \"x\n\"b\" \"y\"", 1, 7, "opens at column 5"},
		"condition first":      {"[$X] a 1", 1, 1, "belongs to no pair"},
		"condition open":       {"a 1 [$X\n]", 1, 5, "not closed"},
		"two conditions":       {"a [$X] [$Y] 1", 1, 8, "neither"},
		"zeros":                {"\x00\x00\x00", 1, 1, "0x00"},
		"zeros at the end":     {"a 1\n\x00", 2, 1, "0x00"},
		"UTF-16":               {"\xff\xfea\x00", 1, 1, "UTF-16"},
		"too deep":             {strings.Repeat("a{", 65) + strings.Repeat("}", 65), 1, 130, "deeper than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.in))
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok || e.Line != c.line || e.Column != c.column || !strings.Contains(e.Msg, c.msg) {
				t.Errorf("got %v, want %d:%d %q", err, c.line, c.column, c.msg)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	o := Options{MaxBytes: 10, MaxPairs: 2, MaxDepth: 1, Multiline: true}
	for in, ok := range map[string]bool{
		"a 1 b 2":     true,
		"a 1 b 2 c":   false,
		"a{b c}":      true,
		"a{b{}}":      false,
		"a \"1\n2\"":  true,
		"a 123456789": false,
	} {
		got, err := o.Read(iotest.OneByteReader(strings.NewReader(in)))
		if (err == nil) != ok {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	broken := errors.New("broken")
	if _, err := o.Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := Parse([]byte(strings.Repeat("a{", 64) + strings.Repeat("}", 64))); err != nil {
		t.Error(err)
	}
}

func TestLookup(t *testing.T) {
	b, err := Parse([]byte(`Root { key 1 KEY 2 sub { x y } }`))
	if err != nil {
		t.Fatal(err)
	}
	root := b.Child("root")
	if got := root.Text("Key"); got != "2" {
		t.Errorf("Text = %q", got)
	}
	var all []string
	for p := range root.All("kEy") {
		all = append(all, p.Value)
	}
	if !cmp.Equal(all, []string{"1", "2"}) {
		t.Error(all)
	}
	if got := b.Child("ROOT", "Sub").Text("X"); got != "y" {
		t.Errorf("Child = %q", got)
	}
	if b.Child("root", "none", "x") != nil || b.Child("root", "key") != nil || root.Text("sub") != "" {
		t.Error("found what is not there")
	}
}

func TestMarshal(t *testing.T) {
	b := Block{{Key: "a", Condition: "$WIN32", Block: Block{
		{Key: "b", Value: "1\n\"2\"\\", Condition: "!$OSX"}, {Key: "", Block: Block{}}}}, {Key: "z", Value: ""}}
	for indent, want := range map[string]string{
		"":   "\"a\" [$WIN32]\n{\n    \"b\" \"1\\n\\\"2\\\"\\\\\" [!$OSX]\n    \"\"\n    {\n    }\n}\n\"z\" \"\"\n",
		"\t": "\"a\" [$WIN32]\n{\n\t\"b\"\t\t\"1\\n\\\"2\\\"\\\\\" [!$OSX]\n\t\"\"\n\t{\n\t}\n}\n\"z\"\t\t\"\"\n",
	} {
		got, err := Marshal(b, indent)
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Error(err, diff)
		}
		back, err := Parse(got)
		if diff := cmp.Diff(b, back); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
	deep := Block{}
	for range DefaultMaxDepth + 2 {
		deep = Block{{Key: "a", Block: deep}}
	}
	for name, bad := range map[string]Block{
		"condition": {{Key: "a", Condition: "WIN32"}}, "bracket": {{Key: "a", Condition: "$A] b"}}, "depth": deep,
	} {
		if _, err := Marshal(bad, ""); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if _, err := Marshal(b, "x"); err == nil {
		t.Error("indented with a letter")
	}
}

// TestSteamFile reads a file of the shape that Steam writes and writes the
// same bytes.
func TestSteamFile(t *testing.T) {
	text, err := os.ReadFile("testdata/appworkshop_4920.acf")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(b, "\t")
	if diff := cmp.Diff(string(text), string(got)); diff != "" || err != nil {
		t.Error(err, diff)
	}
	w, err := ParseWorkshop(text)
	want := Workshop{
		App: 4920, SizeOnDisk: 1180293,
		Installed: map[uint64]Installed{
			117887554:  {Manifest: "17741234567890123456", TimeUpdated: 1348957670, Size: 1179648},
			3712345678: {Manifest: "5741234567890123456", TimeUpdated: 1712827267, Size: 645},
		},
		Details: map[uint64]Details{
			117887554: {Manifest: "17741234567890123456", TimeUpdated: 1348957670, TimeTouched: 1760000000,
				LatestManifest: "17741234567890123457", LatestTimeUpdated: 1760000001},
			3712345678: {Manifest: "5741234567890123456", TimeUpdated: 1712827267, TimeTouched: 1760000000,
				LatestManifest: "5741234567890123456", LatestTimeUpdated: 1712827267},
		},
	}
	if diff := cmp.Diff(want, w); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestWorkshopTolerance(t *testing.T) {
	w, err := ParseWorkshop([]byte(`appworkshop { AppID "  4920 " SizeOnDisk 9223372036854775808 NeedsUpdate 1 NeedsDownload yes
		workshopitemsinstalled {
			1 { timeupdated "12.5" size -3 manifest -1 }
			2 { TimeUpdated " 77 " Size "" manifest 18446744073709551616 }
			2 { timeupdated 78 }
			3 "no block"  none { timeupdated 5 }  0 { timeupdated 5 }  -4 { timeupdated 5 }
			18446744073709551615 { size { } }
		} }`))
	want := Workshop{App: 4920, NeedsUpdate: true,
		Installed: map[uint64]Installed{1: {}, 2: {TimeUpdated: 78}, 18446744073709551615: {}}, Details: map[uint64]Details{}}
	if diff := cmp.Diff(want, w); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if w, _ := ParseWorkshop([]byte("AppWorkshop { appid 4294967296 }")); w.App != 0 {
		t.Error(w.App)
	}
	for _, bad := range []string{"", "AppState { appid 4920 }", "AppWorkshop 1"} {
		if _, err := ParseWorkshop([]byte(bad)); !errors.Is(err, ErrNotWorkshop) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ParseWorkshop(make([]byte, 100)); err == nil {
		t.Error("read a file of zeros")
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/appworkshop_4920.acf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, seed := range []string{
		`"a" { b 1 "c" "2" "p" "C:\\x" d "" }`, "a [$X] { b \"1\n\" [!$Y] } // c", "{", "}", `"`, "a\x00", "\xef\xbb\xbfa{}", `"\`, "[$a] b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {Multiline: true}} {
			b, err := o.Parse(text)
			if err != nil {
				if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Line < 1 || e.Column < 1 {
					t.Fatalf("%#v", err)
				}
				continue
			}
			for _, indent := range []string{"", "\t"} {
				out, err := Marshal(b, indent)
				if err != nil {
					t.Fatal(err)
				}
				back, err := Options{MaxBytes: 2*len(out) + 1}.Parse(out)
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if diff := cmp.Diff(quoted(b), back); diff != "" {
					t.Fatal(diff)
				}
				again, err := Marshal(back, indent)
				if err != nil || !bytes.Equal(out, again) {
					t.Fatal("written differently", err)
				}
			}
		}
		_, _ = ParseWorkshop(text)
	})
}

// quoted is b as Marshal writes it, with all values in quotes.
func quoted(b Block) Block {
	out := Block{}
	for _, p := range b {
		p.Bare = false
		if p.Block != nil {
			p.Block = quoted(p.Block)
		}
		out = append(out, p)
	}
	return out
}
