// Package demofile reads what the header of a recorded match says. It knows
// the demos of Source games (HL2DEMO) and recognises those of Source 2
// (PBDEMS2), of which it reads no more than that. Nothing in a header is to be
// trusted: it is what the recording player's computer wrote.
package demofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes and offsets of a Source demo. All numbers in it are little endian.
const (
	// HeaderSize is the length of the header in bytes.
	HeaderSize = 1072
	// LateOffset is where the bytes begin that the game fills in when the
	// recording stops: length in seconds, ticks, frames and the length of
	// the sign-on part. Until then they are zero.
	LateOffset = 0x420
	// LateSize is how many they are.
	LateSize = 16

	stringSize    = 260
	serverOffset  = 0x010
	playerOffset  = 0x114
	mapOffset     = 0x218
	gameDirOffset = 0x31C
)

// Format is the kind of demo.
type Format string

// Formats.
const (
	Unknown Format = ""
	Source  Format = "HL2DEMO"
	Source2 Format = "PBDEMS2"
)

// ErrShort is returned for data that ends before its header does.
var ErrShort = errors.New("the data ends before the header of a demo does")

// ErrFormat is returned for data that is no demo.
var ErrFormat = errors.New("the data does not begin as a demo does")

// Header is the header of a demo. Strings are cut at their first NUL and hold
// valid UTF-8 without control characters; what was wrong with them is told by
// Problems.
type Header struct {
	Format          Format
	DemoProtocol    int32 // 3 in Team Fortress 2
	NetworkProtocol int32 // 24 in Team Fortress 2
	Server          string
	Player          string // the name of who recorded
	Map             string
	GameDir         string // "tf"
	Late            Late

	// Problems says in words what is unusual about the header itself.
	Problems []string
}

// Late is what the game fills in when the recording stops.
type Late struct {
	Seconds float32
	Ticks   int32
	Frames  int32
	SignOn  int32 // bytes
}

// Known reports whether the game has filled it in.
func (l Late) Known() bool { return l != Late{} }

// Sniff tells the format by the first bytes, of which 8 are enough.
func Sniff(first []byte) Format {
	for _, f := range []Format{Source, Source2} {
		if len(first) >= 8 && string(first[:8]) == string(f)+"\x00" {
			return f
		}
	}
	return Unknown
}

// Parse reads the header at the beginning of a demo. The error is ErrShort
// when more bytes are needed, ErrFormat when these are no demo.
func Parse(data []byte) (Header, error) {
	h := Header{Format: Sniff(data)}
	switch {
	case len(data) < 8:
		return h, ErrShort
	case h.Format == Unknown:
		return h, ErrFormat
	case h.Format == Source2:
		return h, nil
	case len(data) < HeaderSize:
		return h, ErrShort
	}
	h.DemoProtocol = int32(binary.LittleEndian.Uint32(data[8:]))
	h.NetworkProtocol = int32(binary.LittleEndian.Uint32(data[12:]))
	h.Server = h.text(data, serverOffset, "server")
	h.Player = h.text(data, playerOffset, "player")
	h.Map = h.text(data, mapOffset, "map")
	h.GameDir = h.text(data, gameDirOffset, "game directory")
	var late [LateSize]byte
	copy(late[:], data[LateOffset:])
	h.Late = ParseLate(late)
	h.Problems = append(h.Problems, h.Late.problems()...)
	return h, nil
}

// text reads one of the NUL-padded strings.
func (h *Header) text(data []byte, offset int, what string) string {
	field := data[offset : offset+stringSize]
	text, padding, ended := bytes.Cut(field, []byte{0})
	switch {
	case !ended:
		h.Problems = append(h.Problems, "the "+what+" does not end")
	case len(bytes.Trim(padding, "\x00")) > 0:
		h.Problems = append(h.Problems, "bytes follow the end of the "+what)
	}
	if !utf8.Valid(text) {
		h.Problems = append(h.Problems, "the "+what+" is not UTF-8")
	}
	return clean(string(text))
}

// clean leaves out what a terminal or a page would be misled by.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// ParseLate reads the bytes that the game fills in at the end.
func ParseLate(b [LateSize]byte) Late {
	return Late{
		Seconds: math.Float32frombits(binary.LittleEndian.Uint32(b[0:])),
		Ticks:   int32(binary.LittleEndian.Uint32(b[4:])),
		Frames:  int32(binary.LittleEndian.Uint32(b[8:])),
		SignOn:  int32(binary.LittleEndian.Uint32(b[12:])),
	}
}

// Lengths that no recording has: a week at the highest rate of ticks.
const (
	maxSeconds = 7 * 24 * 3600
	maxTicks   = maxSeconds * 128
)

func (l Late) problems() (out []string) {
	s := float64(l.Seconds)
	if math.IsNaN(s) || s < 0 || s > maxSeconds {
		out = append(out, "the length in seconds is impossible")
	}
	if l.Ticks < 0 || l.Ticks > maxTicks || l.Frames < 0 || l.SignOn < 0 {
		out = append(out, "the length in ticks is impossible")
	}
	return out
}

// Mismatch compares the header with what the session was opened for, and says
// in words what differs. Empty values are not compared.
func (h Header) Mismatch(gameDir, server, mapName string) (out []string) {
	for _, c := range []struct{ what, header, want string }{
		{"game directory", h.GameDir, gameDir}, {"server", h.Server, server}, {"map", h.Map, mapName},
	} {
		if h.Format == Source && c.want != "" && !strings.EqualFold(c.header, c.want) {
			out = append(out, "the "+c.what+" in the header is another one")
		}
	}
	return out
}
