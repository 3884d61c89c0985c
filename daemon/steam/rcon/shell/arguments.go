package shell

import (
	"errors"
	"strings"
)

var (
	errUsage    = errors.New("usage: !connect HOST[:PORT] [PASSWORD]")
	errUnclosed = errors.New("the quote is not closed")
	errAfter    = errors.New("something follows the closing quote")
)

// connectArguments splits "HOST[:PORT] [PASSWORD]". The password is all that
// follows the address, blanks inside it included, or stands in single or
// double quotes; a backslash saves a quote or a backslash in double ones.
func connectArguments(text string) (address, password string, given bool, err error) {
	address, rest, err := word(text)
	if err != nil {
		return "", "", false, err
	}
	if address == "" {
		return "", "", false, errUsage
	}
	if rest == "" {
		return address, "", false, nil
	}
	if rest[0] != '"' && rest[0] != '\'' {
		return address, rest, true, nil
	}
	password, rest, err = quoted(rest)
	if err == nil && rest != "" {
		err = errAfter
	}
	return address, password, true, err
}

// word takes the first word, which may be quoted, and what follows it.
func word(text string) (first, rest string, err error) {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		return quoted(text)
	}
	first, rest = cut(text)
	return first, rest, nil
}

// cut takes what stands before the first blank, and what follows.
func cut(text string) (first, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// quoted takes a text in quotes, with which text begins.
func quoted(text string) (inner, rest string, err error) {
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote:
			return b.String(), strings.TrimSpace(text[i+1:]), nil
		case c == '\\' && quote == '"' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			c = text[i]
		}
		b.WriteByte(c)
	}
	return "", "", errUnclosed
}
