package clans

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// allShow reports whether text is valid UTF-8 of which every character shows.
func allShow(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !accounts.Shows(r) }) < 0
}

// hasGlyph reports whether text has a character that is more than a space or
// a mark over nothing.
func hasGlyph(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r != ' ' && !unicode.Is(unicode.M, r) && accounts.Shows(r)
	}) >= 0
}

// shown makes a text of a person fit to be stored: what does not show becomes
// a space, and no more than n bytes are kept.
func shown(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if !accounts.Shows(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	for len(text) > n {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return strings.TrimSpace(text)
}

// trim takes white space off both ends, with the four separators U+001C to
// U+001F that clients of the original wire may send.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

// Fold prepares text for a search: texts that differ only in case or in
// compatibility forms (Unicode NFKC, for example full-width letters) fold to
// the same.
func Fold(text string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))
}

// alike joins what remains alike within ASCII once case does not count.
var alike = strings.NewReplacer("1", "l", "i", "l", "|", "l", "0", "o", "m", "rn", "w", "vv")

// key is the same for texts that a player takes for the same: it disregards
// what the key of an account's name does, how much white space there is, and
// which of the characters stand there that cannot be told apart in a tag of
// four.
func key(text string) string {
	return strings.Join(strings.Fields(alike.Replace(accounts.NameKey(text))), " ")
}
