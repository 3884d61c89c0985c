package accounts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxName is the length of a display name in characters.
const maxName = 64

// CleanName returns the display name as it is stored: NFC, without white
// space around it. Refused (fault.Invalid) are empty names, names longer than
// 64 characters, and characters that do not show or reorder their
// neighbours: controls, bidirectional marks, zero-width characters, line and
// paragraph separators, private use and unassigned code points. A name may
// not begin with '#', which marks an account number.
func CleanName(name string) (string, error) {
	if len(name) > 16*maxName { // before any work on it
		return "", fault.New(fault.Invalid, "The name is longer than %d characters", maxName)
	}
	if !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "The name is not valid UTF-8 text")
	}
	name = norm.NFC.String(strings.TrimSpace(name))
	if name == "" {
		return "", fault.New(fault.Invalid, "The name is empty")
	}
	if utf8.RuneCountInString(name) > maxName {
		return "", fault.New(fault.Invalid, "The name is longer than %d characters", maxName)
	}
	if strings.HasPrefix(name, "#") {
		return "", fault.New(fault.Invalid, "A name cannot begin with #")
	}
	for _, r := range name {
		if !Shows(r) {
			return "", fault.New(fault.Invalid, "The name contains the character U+%04X, which does not show", r)
		}
	}
	return name, nil
}

// Shows reports whether a character is seen where it stands and leaves its
// neighbours where they are: no control, no bidirectional mark, nothing of
// zero width, nothing unassigned. Of white space only the ASCII space shows.
func Shows(r rune) bool {
	// IsPrint knows letters, marks, numbers, punctuation, symbols and the
	// ASCII space; everything invisible is outside these. What it lets through
	// and still does not show: the combining grapheme joiner, Hangul fillers,
	// the Braille blank and variation selectors.
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.IsPrint(r) && !unicode.Is(unicode.Variation_Selector, r)
}

// checkNewName returns the display name as CleanName does, and refuses
// besides what only old accounts may be called: names that are e-mail
// addresses or read as a SteamID, which would pass for somebody else when
// people sign in, and words that mix alphabets whose letters look alike.
func checkNewName(name string) (string, error) {
	clean, err := CleanName(name)
	switch {
	case err != nil:
		return "", err
	case looksLikeEmail(clean):
		return "", ErrNameIsEmail
	case readsAsSteamID(clean):
		return "", fault.New(fault.Invalid, "A name cannot read as a SteamID")
	case mixesLookalikes(clean):
		return "", fault.New(fault.Invalid, "The name mixes letters of several alphabets that look alike").
			WithHint("write each word with the letters of one alphabet")
	}
	return clean, nil
}

// ErrNameIsEmail says that somebody wants to be called like an e-mail address.
var ErrNameIsEmail = fault.New(fault.Invalid, "A display name cannot be an e-mail address")

// NameKey folds a text for comparison as names of accounts are: texts with the
// same key pass for each other.
func NameKey(text string) string { return nameKey(text) }

// nameKey folds a clean name for comparison: names that differ only in case,
// in compatibility forms (Unicode NFKC, for example full-width letters) or in
// letters of Latin, Cyrillic and Greek that look alike are the same name.
func nameKey(name string) string {
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(name))))
	return skeleton(folded)
}
