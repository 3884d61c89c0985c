package config

import (
	"strconv"
	"strings"
)

// locate finds the line of every key in a TOML text that parses. It knows
// just enough of the syntax: table headers, dotted and quoted keys, and the
// values that go over several lines.
func locate(text string) map[string]int {
	lines := map[string]int{}
	arrays := map[string]int{}
	var prefix string
	var open valueScan
	for i, line := range strings.Split(text, "\n") {
		if open.unfinished() {
			open.feed(line)
			continue
		}
		t := strings.TrimSpace(line)
		switch {
		case t == "" || t[0] == '#':
		case strings.HasPrefix(t, "[["):
			name, _, _ := strings.Cut(t[2:], "]")
			name = unquoteKey(name)
			prefix = name + "[" + strconv.Itoa(arrays[name]) + "]"
			arrays[name]++
			lines[prefix] = i + 1
		case t[0] == '[':
			name, _, _ := strings.Cut(t[1:], "]")
			prefix = unquoteKey(name)
			lines[prefix] = i + 1
		default:
			name, value, ok := strings.Cut(t, "=")
			if !ok {
				continue
			}
			lines[join(prefix, unquoteKey(name))] = i + 1
			open = valueScan{}
			open.feed(value)
		}
	}
	return lines
}

// lineOf returns the line of key or of the nearest thing around it.
func lineOf(lines map[string]int, key string) int {
	for key != "" {
		if n, ok := lines[key]; ok {
			return n
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return 0
		}
		key = key[:cut]
	}
	return 0
}

func unquoteKey(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return strings.Join(parts, ".")
}

// valueScan follows a value over line ends: how many brackets are open and
// inside which string it is.
type valueScan struct {
	depth int
	quote string
}

func (v *valueScan) unfinished() bool { return v.depth > 0 || len(v.quote) == 3 }

func (v *valueScan) feed(line string) {
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		if v.quote != "" {
			switch {
			case v.quote[0] == '"' && rest[0] == '\\':
				i++
			case strings.HasPrefix(rest, v.quote):
				i += len(v.quote) - 1
				v.quote = ""
			}
			continue
		}
		switch rest[0] {
		case '#':
			return
		case '"', '\'':
			v.quote = rest[:1]
			if len(rest) >= 3 && rest[1] == rest[0] && rest[2] == rest[0] {
				v.quote = rest[:3]
				i += 2
			}
		case '[', '{':
			v.depth++
		case ']', '}':
			v.depth--
		}
	}
	if len(v.quote) == 1 {
		v.quote = ""
	}
}
