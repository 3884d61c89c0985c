package catalog

import (
	"encoding/json"
	"strings"
)

// shortLength is how many characters a short description has at most.
const shortLength = 256

// shorten returns the beginning of a description, which is a JSON string, as
// plain text: without the tags of Steam's markup, on one line.
func shorten(description []byte) string {
	var text string
	if json.Unmarshal(description, &text) != nil {
		return ""
	}
	var b strings.Builder
	inTag, gap, n := false, false, 0
	for _, r := range text {
		switch {
		case r == '[':
			inTag = true
		case r == ']' && inTag:
			inTag = false
		case inTag:
		case r == ' ' || r == '\n' || r == '\r' || r == '\t':
			gap = b.Len() > 0
		default:
			if gap {
				b.WriteByte(' ')
				n++
			}
			gap = false
			b.WriteRune(r)
			if n++; n >= shortLength {
				return b.String()
			}
		}
	}
	return b.String()
}
