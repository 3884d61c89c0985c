package catalog

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName bounds a file name in bytes, the ending aside.
const maxFileName = 120

// disposition names the archive of an item. There is exactly one parameter,
// in one of two forms: clients split the value at these very words.
//
//	attachment; filename="Harmony.zip"
//	attachment; filename*=utf-8''plain%20mod.zip
func disposition(title string, id int64) string {
	name := fileName(title)
	if name == "" {
		name = strconv.FormatInt(id, 10)
	}
	name += ".zip"
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf || !unreserved(byte(r)) }) < 0 {
		return `attachment; filename="` + name + `"`
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteString("attachment; filename*=utf-8''")
	for i := range len(name) {
		if c := name[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// unreserved reports whether c is an unreserved character of RFC 3986 §2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_.-~", c) >= 0
}

// fileName makes a title fit for a file name: it names no other folder, holds
// nothing invisible and is not too long.
func fileName(title string) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || unicode.IsControl(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, title)
	if rest := strings.TrimLeft(name, "."); len(rest) < len(name) {
		name = strings.Repeat("_", len(name)-len(rest)) + rest
	}
	for len(name) > maxFileName {
		_, n := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-n]
	}
	return name
}
