package serverlist

import (
	"strings"
	"unicode"
)

// hides reports whether a character does not show, or changes how its
// neighbours show: controls, bidirectional marks, zero-width characters and
// the like. With them a server could pass for another.
func hides(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return true // joiner, fillers and blanks that are letters or marks by their class
	case ' ':
		return false
	}
	return !unicode.IsPrint(r) || unicode.Is(unicode.Variation_Selector, r)
}

// Clean returns a text of a server without characters that do not show, and
// without blanks around it. Other blanks become spaces. Names of game servers
// come with the control characters of their games; refusing them would keep
// such servers off the list.
func Clean(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case hides(r):
			return -1
		}
		return r
	}, text))
}
