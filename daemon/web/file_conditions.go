package web

import (
	"net/http"
	"strings"
	"time"
)

// checkConditions evaluates the preconditions of a GET or HEAD in the order of
// RFC 9110 §13.2.2. It returns 304, 412, or 0 to go on.
func checkConditions(h http.Header, f *File) int {
	if match := h["If-Match"]; match != nil {
		if !f.matches(match, false) {
			return http.StatusPreconditionFailed
		}
	} else if t, ok := f.date(h["If-Unmodified-Since"]); ok && f.ModTime.After(t) {
		return http.StatusPreconditionFailed
	}
	if none := h["If-None-Match"]; none != nil {
		if f.matches(none, true) {
			return http.StatusNotModified
		}
	} else if t, ok := f.date(h["If-Modified-Since"]); ok && !f.ModTime.After(t) {
		return http.StatusNotModified
	}
	return 0
}

// date reads a condition's date; a condition that is not one valid date, or
// for a file without a date, is ignored (§13.1.3, §13.1.4).
func (f *File) date(header []string) (time.Time, bool) {
	if len(header) != 1 || !f.hasModTime() {
		return time.Time{}, false
	}
	t, err := http.ParseTime(header[0])
	return t, err == nil
}

// matches looks for the file's tag in the lists of an If-Match or
// If-None-Match. Weak tags count only for the latter (§8.8.3.2).
func (f *File) matches(lists []string, weak bool) bool {
	for _, list := range lists {
		if strings.Trim(list, " \t") == "*" {
			return true
		}
		for list != "" {
			tag, isWeak, rest, ok := cutETag(list)
			if !ok {
				break
			}
			if tag == f.ETag && f.ETag != "" && (weak || !isWeak) {
				return true
			}
			list = rest
		}
	}
	return false
}

// cutETag takes the first entity tag off a list. The tag is without quotes.
func cutETag(list string) (tag string, weak bool, rest string, ok bool) {
	list = strings.TrimLeft(list, " \t,")
	list, weak = strings.CutPrefix(list, "W/")
	if list == "" || list[0] != '"' {
		return "", false, "", false
	}
	tag, rest, ok = strings.Cut(list[1:], `"`)
	return tag, weak, rest, ok
}

// ifRange reports whether a Range header applies: If-Range is absent or names
// exactly this version, by a strong tag or by its date (§13.1.5).
func (f *File) ifRange(h http.Header) bool {
	header := h["If-Range"]
	if header == nil {
		return true
	}
	if len(header) != 1 {
		return false
	}
	if tag, weak, rest, ok := cutETag(header[0]); ok {
		return !weak && tag == f.ETag && f.ETag != "" && strings.Trim(rest, " \t") == ""
	}
	t, ok := f.date(header)
	return ok && t.Equal(f.ModTime)
}
