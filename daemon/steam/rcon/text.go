package rcon

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Encoding is how text is written on the wire. The protocol says ASCII; games
// send UTF-8 or what their author's system used. The zero value sends UTF-8
// and reads UTF-8 when it is that, else Windows-1252.
type Encoding struct {
	name  string
	ascii bool
	utf8  bool
	table *charmap.Charmap
}

// ParseEncoding knows auto, ascii, utf-8 and the single-byte code pages by
// their usual names, such as windows-1251, iso-8859-1, koi8-r and cp866. Case,
// blanks, hyphens and underscores do not count.
func ParseEncoding(name string) (Encoding, error) {
	plain := plainName(name)
	switch plain {
	case "", "auto":
		return Encoding{}, nil
	case "ascii", "usascii":
		return Encoding{name: "ascii", ascii: true}, nil
	case "utf8":
		return Encoding{name: "utf-8", utf8: true}, nil
	case "latin1":
		plain = "iso88591"
	}
	if strings.HasPrefix(plain, "cp125") {
		plain = "windows" + strings.TrimPrefix(plain, "cp")
	}
	if strings.HasPrefix(plain, "cp") {
		plain = "ibmcodepage" + strings.TrimPrefix(plain, "cp")
	}
	for _, e := range charmap.All {
		if table, ok := e.(*charmap.Charmap); ok && plainName(table.String()) == plain {
			return Encoding{name: strings.ToLower(strings.ReplaceAll(table.String(), " ", "-")), table: table}, nil
		}
	}
	return Encoding{}, fmt.Errorf("there is no encoding %q; there are auto, ascii, utf-8, windows-1252, windows-1251, iso-8859-1 and others", name)
}

func plainName(name string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
}

// String returns the name, "auto" for the zero value.
func (e Encoding) String() string {
	if e.name == "" {
		return "auto"
	}
	return e.name
}

// Decode returns the text. Bytes that the encoding does not have are
// ErrMessage; the zero value takes all.
func (e Encoding) Decode(b []byte) (string, error) {
	switch {
	case e.ascii && !isASCII(b), e.utf8 && !utf8.Valid(b):
		return "", fmt.Errorf("%w: the text is not %s", ErrMessage, e)
	case e.table == nil && utf8.Valid(b):
		return string(b), nil
	}
	table := e.table
	if table == nil {
		table = charmap.Windows1252
	}
	var text strings.Builder
	for _, c := range b {
		text.WriteRune(table.DecodeByte(c))
	}
	return text.String(), nil
}

// Encode returns the bytes of a text, ErrMessage for a character that the
// encoding does not have.
func (e Encoding) Encode(text string) ([]byte, error) {
	switch {
	case e.ascii && !isASCII([]byte(text)):
		return nil, fmt.Errorf("%w: the command is not %s", ErrMessage, e)
	case e.table == nil:
		return []byte(text), nil
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		c, ok := e.table.EncodeRune(r)
		if !ok {
			return nil, fmt.Errorf("%w: %s has no %q", ErrMessage, e, r)
		}
		b = append(b, c)
	}
	return b, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
