package serverlist

import (
	"strings"
	"unicode"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
)

// hides reports whether a server could pass for another with the character.
func hides(r rune) bool { return !accounts.Shows(r) }

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
