package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern names files below a folder: "*" and "?" stand for characters of
// one name, "**" for any part of a path, "{a,b}" for one of several. Slashes
// divide names, case does not count, and a pattern that names a folder means
// everything in it.
type Pattern string

// UnmarshalText refuses what is no pattern.
func (p *Pattern) UnmarshalText(text []byte) error {
	t := strings.TrimSuffix(strings.ReplaceAll(strings.TrimSpace(string(text)), `\`, "/"), "/")
	if _, err := Pattern(t).Compile(); err != nil {
		return err
	}
	*p = Pattern(t)
	return nil
}

// Compile returns an expression that matches the paths that p names, with
// slashes, relative to the folder.
func (p Pattern) Compile() (*regexp.Regexp, error) {
	bad := func(why string) (*regexp.Regexp, error) {
		return nil, fmt.Errorf("%q %s; write for example \"maps/old_*\" or \"sound/**.{mp3,ogg}\"", string(p), why)
	}
	switch {
	case p == "":
		return bad("names nothing")
	case p[0] == '/' || strings.Contains(string(p), ":"):
		return bad("must be relative to the game folder")
	case strings.Contains("/"+string(p)+"/", "/../"):
		return bad("leaves the game folder")
	}
	var b strings.Builder
	b.WriteString(`(?is)^(?:`)
	open := false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case strings.HasPrefix(string(p[i:]), "**"):
			b.WriteString(`.*`)
			i++
		case c == '*':
			b.WriteString(`[^/]*`)
		case c == '?':
			b.WriteString(`[^/]`)
		case c == '{' && !open:
			b.WriteString(`(?:`)
			open = true
		case c == '}' && open:
			b.WriteString(`)`)
			open = false
		case c == '{' || c == '}':
			return bad("has braces that do not match")
		case c == ',' && open:
			b.WriteString(`|`)
		default:
			b.WriteString(regexp.QuoteMeta(string(p[i : i+1])))
		}
	}
	if open {
		return bad("has braces that do not match")
	}
	b.WriteString(`)(?:/.*)?$`)
	re, err := regexp.Compile(b.String())
	if err != nil { // bytes that are no UTF-8
		return bad("cannot be read")
	}
	return re, nil
}
