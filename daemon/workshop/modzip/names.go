package modzip

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// packName says why a file name cannot go into a zip that every operating
// system unpacks to the same tree, or "".
func packName(name string) string {
	if !utf8.ValidString(name) {
		return "the name is not valid UTF-8"
	}
	return badName(name)
}

// badName says why an entry's name is dangerous, or "". Bytes beyond ASCII
// are let through: old tools wrote names in the code page of their machine.
func badName(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxName:
		return "the name is too long"
	case name[0] == '/':
		return "the name is an absolute path"
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c < 0x20 || c == 0x7f:
			return "the name has a control character"
		case c == '\\':
			return "the name has a backslash"
		case c == ':':
			return "the name has a colon"
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "the name leads out of the folder"
		}
		if deviceName(part) {
			return "the name is a device on Windows"
		}
	}
	if path.Clean(name) == "." && !strings.HasSuffix(name, "/") {
		return "the name is not a file"
	}
	return ""
}

// deviceName reports whether Windows takes the path component for a device,
// whatever its extension: "NUL", "aux.lua", "com1 .txt".
func deviceName(part string) bool {
	stem, _, _ := strings.Cut(part, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, prefix := range []string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(stem, prefix); ok {
			switch digit {
			case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
				return true
			}
		}
	}
	return false
}

// names notices entries that would land on the same file on some system:
// equal names, names that differ only in case, and a file whose name is
// another entry's folder.
type names struct {
	files map[string]string // folded name → name as first seen
	dirs  map[string]string // folded folder → the entry that needs it
}

func newNames() *names {
	return &names{files: make(map[string]string), dirs: make(map[string]string)}
}

// add takes the next name and says why it clashes with an earlier one, or "".
// A name that ends in a slash is a folder; folders may repeat.
func (n *names) add(name string) string {
	key := fold(path.Clean(name))
	if !strings.HasSuffix(name, "/") {
		if other, ok := n.files[key]; ok {
			if path.Clean(other) == path.Clean(name) {
				return "the name occurs twice"
			}
			return fmt.Sprintf("the name differs only in case from %q", other)
		}
		if other, ok := n.dirs[key]; ok {
			return fmt.Sprintf("the name is also the folder of %q", other)
		}
		n.files[key] = name
		key = parent(key)
	}
	for ; key != "."; key = parent(key) {
		if _, ok := n.files[key]; ok {
			return "a folder of the name is also a file"
		}
		if _, ok := n.dirs[key]; ok {
			break
		}
		n.dirs[key] = name
	}
	return ""
}

// parent is path.Dir for a clean relative path, without allocating.
func parent(clean string) string {
	if i := strings.LastIndexByte(clean, '/'); i >= 0 {
		return clean[:i]
	}
	return "."
}

// fold maps names that a case-insensitive file system takes for one to the
// same string. Upper before lower: that also joins letters with two lower
// forms, such as the Greek sigmas. In a name of an unknown code page only
// ASCII letters are known to have a case.
func fold(name string) string {
	if utf8.ValidString(name) {
		return strings.ToLower(strings.ToUpper(name))
	}
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
