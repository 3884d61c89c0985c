package catalog

import (
	"strconv"
	"strings"
)

// The languages of the labels; the first is what everybody gets who asks for
// neither.
const (
	langRussian = "ru"
	langEnglish = "en"
)

// language chooses from Accept-Language (RFC 9110 §12.5.4): the language with
// the highest weight, the one named first if several have it.
func language(header []string) string {
	best, bestQ, bestPlace := langRussian, 0.0, 0
	for _, lang := range [...]string{langRussian, langEnglish} {
		if q, place := weight(header, lang); q > bestQ || q == bestQ && q > 0 && place < bestPlace {
			best, bestQ, bestPlace = lang, q, place
		}
	}
	return best
}

// weight returns how much a language is wanted, and the place of the range
// that says so. A range that names it goes over one that names a variant of
// it ("en-GB"), and that over "*".
func weight(header []string, lang string) (q float64, place int) {
	const any, variant, exact = 1, 2, 3
	kind, n := 0, 0
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			n++
			name, w, ok := parseRange(part)
			if !ok {
				continue
			}
			k := 0
			switch {
			case strings.EqualFold(name, lang):
				k = exact
			case len(name) > len(lang) && name[len(lang)] == '-' && strings.EqualFold(name[:len(lang)], lang):
				k = variant
			case name == "*":
				k = any
			}
			if k > kind || k != 0 && k == kind && w > q {
				kind, q, place = k, w, n
			}
		}
	}
	return q, place
}

// parseRange reads one element of Accept-Language.
func parseRange(part string) (name string, q float64, ok bool) {
	name, rest, weighted := strings.Cut(part, ";")
	if name = strings.TrimSpace(name); name == "" {
		return "", 0, false
	}
	if !weighted {
		return name, 1, true
	}
	key, value, _ := strings.Cut(strings.TrimSpace(rest), "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(key), "q") || !(q >= 0 && q <= 1) {
		return "", 0, false
	}
	return name, q, true
}
