package lenient

import (
	"net/url"
	"strings"
	"unicode"
)

// maxLink bounds a URL, in bytes.
const maxLink = 1024

// Line makes a text of one line safe to print: no control characters, nothing
// that turns the direction of writing, no broken UTF-8, at most max runes.
func Line(s string, max int) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > max {
			return -1
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// Prose makes a text of several lines safe to store and print: no control
// characters but line breaks and tabs, no broken UTF-8, at most max runes.
func Prose(s string, max int) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > max || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// Link returns an address that may be shown as a picture: http or https, of
// at most 1024 bytes. Anything else is "".
func Link(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxLink {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}
