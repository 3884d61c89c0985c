package clans

import (
	"strings"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Bounds of a clan's tag, in characters.
const (
	maxTagColours = 4
	maxTagLetters = 4
	maxTag        = 4*4 + maxTagLetters // a colour has up to four characters
)

// Tag is a clan's tag: up to four visible characters with up to four colour
// codes of Savage between them, as in "^900Zz^wzz".
type Tag string

// colourCode returns the length in bytes of the colour code at the beginning
// of text, which is "^" and three digits or one letter; 0 when it is none.
func colourCode(text string) int {
	if len(text) < 2 || text[0] != '^' {
		return 0
	}
	if strings.IndexByte("rgbwkycm", text[1]) >= 0 {
		return 2
	}
	if len(text) < 4 {
		return 0
	}
	for _, c := range []byte(text[1:4]) {
		if c < '0' || c > '9' {
			return 0
		}
	}
	return 4
}

// ParseTag trims a tag and checks it. The errors are fault.Invalid with the
// texts of the original wire, in its order; those about characters that do
// not show are ours.
func ParseTag(text string) (Tag, error) {
	if len(text) > 1<<10 { // before any work on it
		return "", fault.New(fault.Invalid, "Clan tags can contain at most 4 letters")
	}
	text = trim(text)
	colours, visible := 0, strings.Builder{}
	wrong := !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\u2028\u2029")
	for rest := text; rest != ""; {
		n := colourCode(rest)
		switch {
		case n > 0:
			colours++
		case rest[0] == '^':
			wrong = true
			fallthrough
		default:
			_, n = utf8.DecodeRuneInString(rest)
			visible.WriteString(rest[:n])
		}
		rest = rest[n:]
	}
	switch letters := visible.String(); {
	case wrong:
		return "", fault.New(fault.Invalid, "'^' must always be followed by exactly three numbers or one of 'rgbwkycm'")
	case colours > maxTagColours:
		return "", fault.New(fault.Invalid, "Clan tags can contain at most 4 colors")
	case utf8.RuneCountInString(letters) > maxTagLetters:
		return "", fault.New(fault.Invalid, "Clan tags can contain at most 4 letters")
	case !allShow(letters):
		return "", fault.New(fault.Invalid, "Clan tags cannot contain characters that do not show")
	case !hasGlyph(letters):
		return "", fault.New(fault.Invalid, "Clan tags need at least 1 visible letter")
	}
	return Tag(text), nil
}

// Visible returns the tag without its colour codes.
func (t Tag) Visible() string {
	var b strings.Builder
	for rest := string(t); rest != ""; {
		n := colourCode(rest)
		if n == 0 {
			_, n = utf8.DecodeRuneInString(rest)
			b.WriteString(rest[:n])
		}
		rest = rest[n:]
	}
	return b.String()
}

// MaxName is the length of a clan's name in characters.
const MaxName = 100

// ParseName trims a name and checks it: 1 to 100 characters that show.
// fault.Invalid.
func ParseName(text string) (string, error) {
	if len(text) > 16*MaxName { // before any work on it
		return "", fault.New(fault.Invalid, "Clan names can contain at most %d characters", MaxName)
	}
	text = trim(text)
	switch {
	case text == "":
		return "", fault.New(fault.Invalid, "Clan names need at least 1 character")
	case utf8.RuneCountInString(text) > MaxName:
		return "", fault.New(fault.Invalid, "Clan names can contain at most %d characters", MaxName)
	case !allShow(text) || !hasGlyph(text):
		return "", fault.New(fault.Invalid, "Clan names cannot contain characters that do not show")
	}
	return text, nil
}
