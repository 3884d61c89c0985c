package accounts

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// lookalikes are the lower-case letters of Cyrillic and Greek whose capital or
// small form passes for a Latin one, and which. A letter whose two forms pass
// for two different ones stands for what its capital looks like: names in
// capitals deceive best.
var lookalikes = map[rune]rune{
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ҽ': 'e', 'ԍ': 'g', 'н': 'h', 'һ': 'h', 'і': 'i', 'ј': 'j',
	'к': 'k', 'ӏ': 'l', 'м': 'm', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x',
	'у': 'y', 'ү': 'y', 'ғ': 'f', 'ԏ': 't', 'г': 'r', 'п': 'n', 'з': '3', 'б': '6', 'ь': 'b', 'ч': '4',
	// Greek
	'α': 'a', 'β': 'b', 'ϲ': 'c', 'ε': 'e', 'ζ': 'z', 'η': 'h', 'ι': 'i', 'ϳ': 'j', 'κ': 'k', 'μ': 'm', 'ν': 'n',
	'ο': 'o', 'ρ': 'p', 'τ': 't', 'υ': 'y', 'χ': 'x', 'γ': 'y',
	// Latin letters that pass for others
	'ı': 'i', 'ɩ': 'i', 'ɑ': 'a', 'ɡ': 'g', 'ȷ': 'j', 'ʏ': 'y', 'ʀ': 'r', 'ɴ': 'n', 'ʜ': 'h', 'ʙ': 'b', 'ɪ': 'i', 'ᴀ': 'a', 'ᴄ': 'c',
	'ᴅ': 'd', 'ᴇ': 'e', 'ᴊ': 'j', 'ᴋ': 'k', 'ᴍ': 'm', 'ᴏ': 'o', 'ᴘ': 'p', 'ᴛ': 't', 'ᴜ': 'u', 'ᴠ': 'v', 'ᴡ': 'w', 'ᴢ': 'z', 'ꜱ': 's', 'ʟ': 'l',
}

// skeleton replaces the letters of a folded text by what they look like, so
// that names which look the same are the same. Marks stay: ё looks like ë.
func skeleton(folded string) string {
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		if as, ok := lookalikes[r]; ok {
			return as
		}
		return r
	}, norm.NFKD.String(folded)))
}

// mixesLookalikes reports whether a word of the name holds letters of Latin
// beside letters of another script that pass for Latin ones. Nobody writes so
// but to pass for somebody else. Other mixtures (Ω, λ, Я) are fine.
func mixesLookalikes(name string) bool {
	for word := range strings.FieldsFuncSeq(norm.NFKD.String(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r)
	}) {
		latin, other := false, false
		for _, r := range word {
			_, alike := lookalikes[unicode.ToLower(r)]
			latin = latin || unicode.Is(unicode.Latin, r)
			other = other || alike && !unicode.Is(unicode.Latin, r)
		}
		if latin && other {
			return true
		}
	}
	return false
}
