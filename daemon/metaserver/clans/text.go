package clans

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// shows reports whether a character is seen where it stands: no control, no
// bidirectional mark, no zero-width character, nothing unassigned. What
// unicode.IsPrint lets through and still does not show is listed: the
// combining grapheme joiner, Hangul fillers, the Braille blank and variation
// selectors. Of white space only the ASCII space shows.
func shows(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.IsPrint(r) && !unicode.Is(unicode.Variation_Selector, r)
}

// allShow reports whether text is valid UTF-8 of which every character shows.
func allShow(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !shows(r) }) < 0
}

// hasGlyph reports whether text has a character that is more than a space or
// a mark over nothing.
func hasGlyph(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r != ' ' && !unicode.Is(unicode.M, r) && shows(r)
	}) >= 0
}

// shown makes a text of a person fit to be stored: what does not show becomes
// a space, and no more than n bytes are kept.
func shown(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if !shows(r) {
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

// lookalikes maps characters to the Latin letter or digit that they cannot be
// told from in most typefaces. A small letter of another script is mapped as
// its capital where only the capitals are alike, since case does not count.
var lookalikes = strings.NewReplacer(
	// Cyrillic
	"А", "A", "а", "a", "В", "B", "в", "B", "Ь", "b", "ь", "b", "С", "C", "с", "c", "Ԁ", "d", "ԁ", "d", "Е", "E", "е", "e",
	"Ё", "Ë", "ё", "ë", "Н", "H", "н", "H", "һ", "h", "Һ", "h", "І", "I", "і", "i", "Ї", "Ï", "ї", "ï", "Ј", "J", "ј", "j",
	"К", "K", "к", "K", "Ӏ", "l", "ӏ", "l", "М", "M", "м", "M", "п", "n", "О", "O", "о", "o", "Р", "P", "р", "p", "Ԛ", "Q",
	"ԛ", "q", "г", "r", "Ѕ", "S", "ѕ", "s", "Т", "T", "т", "T", "Ԝ", "W", "ԝ", "w", "Х", "X", "х", "x", "У", "Y", "у", "y",
	"Ү", "Y", "ү", "y", "З", "3", "з", "3", "Ч", "4", "ч", "4", "б", "6",
	// Greek
	"Α", "A", "α", "a", "Β", "B", "β", "B", "ϲ", "c", "Ϲ", "C", "Ε", "E", "ε", "E", "Η", "H", "η", "n", "Ι", "I", "ι", "i",
	"ϳ", "j", "Ϳ", "J", "Κ", "K", "κ", "k", "Μ", "M", "Ν", "N", "ν", "v", "Ο", "O", "ο", "o", "Ρ", "P", "ρ", "p", "Τ", "T",
	"τ", "T", "υ", "u", "Υ", "Y", "Χ", "X", "χ", "x", "Ζ", "Z", "γ", "y",
	// Latin letters that are not ASCII
	"ı", "i", "ɩ", "i", "ɑ", "a", "ɡ", "g", "ʏ", "y", "ʀ", "R", "ɴ", "N", "ʜ", "H", "ʙ", "B", "ɪ", "I", "ᴀ", "A", "ᴄ", "c", "ᴅ", "D",
	"ᴇ", "E", "ᴊ", "J", "ᴋ", "K", "ᴍ", "M", "ᴏ", "o", "ᴘ", "P", "ᴛ", "T", "ᴜ", "U", "ᴠ", "v", "ᴡ", "w", "ᴢ", "z", "ꜱ", "s", "ʟ", "L",
)

// alike joins what remains alike within ASCII once case does not count.
var alike = strings.NewReplacer("1", "l", "i", "l", "|", "l", "0", "o", "m", "rn", "w", "vv")

// key is the same for texts that a player takes for the same: it disregards
// case, compatibility forms, letters of other scripts that look like Latin
// ones, and how much white space there is.
func key(text string) string {
	text = norm.NFC.String(lookalikes.Replace(norm.NFKC.String(text)))
	return strings.Join(strings.Fields(alike.Replace(Fold(text))), " ")
}
