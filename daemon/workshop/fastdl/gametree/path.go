// Package gametree knows the files of game servers that their players may
// download: which path a request means, which files are served and which
// never are, where they lie, and what is wrong with them. It reads the
// operator's folders and writes nothing.
//
// Only what an Index holds is ever opened, under the name it has on disk. So
// no spelling of a request can reach a file that the Rules keep back.
package gametree

import (
	"path"
	"strings"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// Bounds of a path.
const (
	maxRawPath  = 3072 // undecoded bytes
	maxPath     = 1024
	maxSegments = 32
)

// Suffix is what the compressed form of a file has behind its name.
const Suffix = ".bz2"

// ParsePath reads the undecoded path of a request below a tree's address and
// returns the file it names, with single slashes and none at the ends.
// Percent signs are decoded once and backslashes are slashes, since maps made
// on Windows name their files so. It refuses what can be no file of a game or
// may be something else to the system: "..", names that begin with a dot or
// end with a dot or a space, control characters, colons, devices of Windows.
func ParsePath(raw string) (string, bool) {
	if len(raw) > maxRawPath {
		return "", false
	}
	decoded, ok := decode(raw)
	if !ok || decoded == "" || len(decoded) > maxPath {
		return "", false
	}
	b := make([]byte, 0, len(decoded))
	segments := 0
	for segment := range strings.SplitSeq(strings.ReplaceAll(decoded, `\`, "/"), "/") {
		if segment == "" {
			continue // addresses are glued together with one slash too many
		}
		if segments++; segments > maxSegments || !validName(segment) {
			return "", false
		}
		if len(b) > 0 {
			b = append(b, '/')
		}
		b = append(b, segment...)
	}
	last := decoded[len(decoded)-1]
	return string(b), len(b) > 0 && last != '/' && last != '\\'
}

// decode replaces percent escapes (RFC 3986 §2.1). A "+" is a plus.
func decode(raw string) (string, bool) {
	if strings.IndexByte(raw, '%') < 0 {
		return raw, true
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			if i+2 >= len(raw) || hexDigit(raw[i+1]) < 0 || hexDigit(raw[i+2]) < 0 {
				return "", false
			}
			c = byte(hexDigit(raw[i+1])<<4 | hexDigit(raw[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	return string(b), true
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// validName reports whether one name of a path may be asked for.
func validName(name string) bool {
	if name == "" || name[0] == '.' || name[len(name)-1] == '.' || name[len(name)-1] == ' ' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c < 0x20 || c == 0x7f || c == ':' || c == '/' || c == '\\' {
			return false
		}
	}
	return !config.IsDevice(name)
}

// Fold returns what all spellings of a path have in common.
func Fold(p string) string {
	if utf8.ValidString(p) {
		return strings.ToLower(p)
	}
	b := []byte(p) // ToLower would make all other bytes one
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// CutSuffix returns the name of the file that p is the compressed form of.
func CutSuffix(p string) (plain string, compressed bool) {
	if i := len(p) - len(Suffix); i > 0 && strings.EqualFold(p[i:], Suffix) {
		return p[:i], true
	}
	return p, false
}

// extension is the last extension in lower case, without the dot.
func extension(p string) string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(p), "."))
}
