package rcon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Packets as they are on the wire.
var packets = []struct {
	name string
	hex  string
	want Message
}{
	{"login", "1000000001000000030000007365637265740000", Message{1, TypeAuth, []byte("secret")}},
	{"empty reply", "0a00000001000000000000000000", Message{1, TypeResponse, nil}},
	{"login accepted", "0a00000001000000020000000000", Message{1, TypeAuthResponse, nil}},
	{"login refused", "0a000000ffffffff020000000000", Message{-1, TypeAuthResponse, nil}},
	{"command", "1000000002000000020000007374617475730000", Message{2, TypeExec, []byte("status")}},
	{"probe", "0a00000003000000000000000000", Message{3, TypeResponse, nil}},
	{"trailer of SRCDS", "0e0000000300000000000000000100000000", Message{3, TypeResponse, []byte{0, 1, 0, 0}}},
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessages(t *testing.T) {
	for _, tt := range packets {
		t.Run(tt.name, func(t *testing.T) {
			wire := unhex(t, tt.hex)
			// The trailer's own zero bytes look like the end of a body that
			// lacks one; what is stripped is two bytes at most.
			got, rest, err := Decode(append(bytes.Clone(wire), 7))
			if err != nil || !bytes.Equal(rest, []byte{7}) {
				t.Fatalf("rest %x, error %v", rest, err)
			}
			if got.ID != tt.want.ID || got.Type != tt.want.Type || !bytes.Equal(got.Body, tt.want.Body) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if b := tt.want.Append(nil); !bytes.Equal(b, wire) {
				t.Errorf("wrote %x, want %x", b, wire)
			}
			for n := range wire {
				if _, rest, err := Decode(wire[:n]); !errors.Is(err, ErrShort) || !errors.Is(err, ErrMessage) || len(rest) != n {
					t.Errorf("%d bytes: %v", n, err)
				}
			}
		})
	}
}

func TestDecodeOddPackets(t *testing.T) {
	for _, tt := range []struct {
		name, hex string
		want      []byte
		err       error
	}{
		{"one zero byte", "0b0000000100000000000000616200", []byte("ab"), nil},
		{"no zero byte", "0b0000000100000000000000616263", []byte("abc"), nil},
		{"three zero bytes", "0c000000010000000000000061000000", []byte{'a', 0}, nil},
		{"type 4", "0b000000010000000400000061" + "0000", []byte("a"), nil},
		{"size 0", "00000000", nil, ErrInvalid},
		{"size 7", "07000000", nil, ErrInvalid},
		{"size 9", "09000000010000000000000000", nil, ErrInvalid},
		{"size -1", "ffffffff", nil, ErrInvalid},
		{"size 1 MiB", "00001000", nil, ErrShort},
		{"size 1 MiB and one", "01001000", nil, ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _, err := Decode(unhex(t, tt.hex))
			if !errors.Is(err, tt.err) || tt.err != nil && !errors.Is(err, ErrMessage) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if !bytes.Equal(m.Body, tt.want) {
				t.Errorf("body %q, want %q", m.Body, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range packets {
		f.Add(unhex(f, p.hex))
	}
	f.Add(unhex(f, "ffffffff"))
	f.Add(unhex(f, "0b0000000100000000000000616263"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := Decode(b)
		if err != nil {
			if !errors.Is(err, ErrMessage) || len(rest) != len(b) {
				t.Fatalf("%v, %d of %d bytes left", err, len(rest), len(b))
			}
			return
		}
		if len(m.Body)+len(rest) > len(b) {
			t.Fatal("more came out than went in")
		}
		again, none, err := Decode(m.Append(nil))
		if len(m.Body) > DefaultMaxPacket-minSize {
			return
		}
		if err != nil || len(none) != 0 || again.ID != m.ID || again.Type != m.Type || !bytes.Equal(again.Body, m.Body) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}

func TestEncodings(t *testing.T) {
	for _, tt := range []struct {
		encoding string
		wire     string
		text     string
		fails    bool
	}{
		{"auto", "caf\xc3\xa9", "café", false},
		{"auto", "caf\xe9 \x80", "café €", false},
		{"", "plain", "plain", false},
		{"utf-8", "caf\xc3\xa9", "café", false},
		{"UTF8", "caf\xe9", "", true},
		{"ascii", "cafe", "cafe", false},
		{"us-ascii", "caf\xc3\xa9", "", true},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет", false},
		{"CP1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет", false},
		{"cp866", "\x8f\xe0\xa8\xa2\xa5\xe2", "Привет", false},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", false},
		{"latin1", "caf\xe9", "café", false},
		{"ISO_8859-1", "caf\xe9", "café", false},
	} {
		t.Run(tt.encoding, func(t *testing.T) {
			e, err := ParseEncoding(tt.encoding)
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Decode([]byte(tt.wire))
			if got != tt.text || errors.Is(err, ErrMessage) != tt.fails {
				t.Errorf("got %q, %v; want %q", got, err, tt.text)
			}
			if tt.fails || e.String() == "auto" {
				return
			}
			if b, err := e.Encode(tt.text); string(b) != tt.wire || err != nil {
				t.Errorf("wrote %q, %v; want %q", b, err, tt.wire)
			}
		})
	}
	if _, err := ParseEncoding("klingon"); err == nil {
		t.Error("klingon is an encoding")
	}
	ascii, _ := ParseEncoding("ascii")
	cyrillic, _ := ParseEncoding("windows-1251")
	for _, e := range []Encoding{ascii, cyrillic} {
		if _, err := e.Encode("say é"); !errors.Is(err, ErrMessage) {
			t.Errorf("%s wrote what it does not have: %v", e, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"play.example.org":       "play.example.org:27015",
		"play.example.org:27016": "play.example.org:27016",
		"10.0.0.1":               "10.0.0.1:27015",
		"[::1]":                  "[::1]:27015",
		"[2001:db8::1]:1":        "[2001:db8::1]:1",
		"::1":                    "[::1]:27015",
		"h:65535":                "h:65535",
		"":                       "", ":27015": "", "h:0": "", "h:65536": "", "h:-1": "", "h:x": "", "h:": "", "a b": "", "a:b:c": "",
		"[h]:1": "", "[::1": "", "[::1]x": "", "[1.2.3.4]": "", "user@h": "", "h/x": "", "[]": "", "[]:1": "",
	} {
		got, err := Address(text, DefaultPort)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestCVars(t *testing.T) {
	text := `cvar list
--------------
_autosave                                : cmd      :                  : Autosave
sv_cheats                                : 0        : , "sv", "nf", "rep" : Allow cheats on server
sv_tags                                  : a:b,c    : , "nf"           : Server tags. Used to provide extra information
motd                                     : x : y    : , "sv"           : Text : shown first
sv_contact                               :          : , "nf"           :
hostname                                 : Böse "x" :                  : Hostname for server.
sv_gravity : 800 : : World gravity.
a line of the log that is none
bad name                                 : 1        :                  : No
half                                     : 1
--------------
2543 total convars/concommands
`
	want := []CVar{
		{Name: "_autosave", Command: true, Description: "Autosave"},
		{Name: "sv_cheats", Value: "0", Flags: []string{"nf", "rep", "sv"}, Description: "Allow cheats on server"},
		{Name: "sv_tags", Value: "a:b,c", Flags: []string{"nf"}, Description: "Server tags. Used to provide extra information"},
		{Name: "motd", Value: "x : y", Flags: []string{"sv"}, Description: "Text : shown first"},
		{Name: "sv_contact", Flags: []string{"nf"}},
		{Name: "hostname", Value: `Böse "x"`, Description: "Hostname for server."},
		{Name: "sv_gravity", Value: "800", Description: "World gravity."},
	}
	if diff := cmp.Diff(want, ParseCVars(text)); diff != "" {
		t.Error(diff)
	}
	if got := ParseCVars("Unknown command: cvarlist"); got != nil {
		t.Errorf("got %v of a server that has none", got)
	}
}

func FuzzParseCVars(f *testing.F) {
	f.Add("sv_cheats : 0 : , \"sv\" : Allow")
	f.Add("a : cmd :  : ")
	f.Add(" :  :  :  : ")
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range ParseCVars(text) {
			if v.Name == "" {
				t.Fatalf("%q has a setting without a name", text)
			}
		}
	})
}
