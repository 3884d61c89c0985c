package gametree

import (
	"strings"
)

// Bounds of a .res file.
const (
	maxResBytes   = 1 << 20
	maxResEntries = 10_000
)

// parseRes returns the files that a .res file tells clients to download. Of
// the Source engine it is a tree of quoted keys ("path" "file" inside of
// "resources"), of GoldSrc one path per line. Comments begin with "//".
// Entries are as they are spelled there, with slashes.
func parseRes(text string) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	var lines []string
	for line := range strings.Lines(text) {
		if i := commentAt(line); i >= 0 {
			line = line[:i]
		}
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	var entries []string
	if strings.Contains(strings.Join(lines, "\n"), "{") {
		entries = resTree(strings.Join(lines, "\n"))
	} else {
		for _, line := range lines {
			entries = append(entries, strings.Trim(line, "\""))
		}
	}
	for i, e := range entries {
		entries[i] = strings.ReplaceAll(e, `\`, "/")
	}
	return entries[:min(len(entries), maxResEntries)]
}

// commentAt finds "//" outside of quotes.
func commentAt(line string) int {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(line[i:], "//"):
			return i
		}
	}
	return -1
}

// resTree returns the keys one level below the first.
func resTree(text string) (keys []string) {
	depth, key := 0, true
	for rest := text; ; {
		token, quoted, tail, ok := nextToken(rest)
		if !ok {
			return keys
		}
		rest = tail
		switch {
		case token == "{" && !quoted:
			depth++
			key = true
		case token == "}" && !quoted:
			depth--
			key = true
		default:
			if depth == 1 && key && len(keys) < maxResEntries {
				keys = append(keys, token)
			}
			key = !key
		}
	}
}

func nextToken(text string) (token string, quoted bool, rest string, ok bool) {
	text = strings.TrimLeft(text, " \t\r\n")
	switch {
	case text == "":
		return "", false, "", false
	case text[0] == '{' || text[0] == '}':
		return text[:1], false, text[1:], true
	case text[0] == '"':
		token, rest, _ = strings.Cut(text[1:], `"`)
		return token, true, rest, true
	}
	i := strings.IndexAny(text, " \t\r\n{}\"")
	if i < 0 {
		i = len(text)
	}
	return text[:i], false, text[i:], true
}
