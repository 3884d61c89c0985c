package validation

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// parseInt reads an integer as Python's int does, without its underscores and
// foreign digits. What does not fit 64 bits is none.
func parseInt(s string) (int64, bool) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func (v value) int() (int64, bool) {
	switch v.kind {
	case kindFalse:
		return 0, true
	case kindTrue:
		return 1, true
	case kindInt, kindText:
		return parseInt(v.text)
	case kindFloat:
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil || math.IsNaN(f) || f >= 1<<63 || f < -1<<63 {
			return 0, false
		}
		return int64(f), true // towards zero
	}
	return 0, false
}

func (v value) string() (string, bool) {
	switch v.kind {
	case kindText, kindInt:
		return v.text, true
	case kindFloat:
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil {
			return v.text, true
		}
		s := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s, true
	}
	return "", false
}

func (v value) bool() (value, ok bool) {
	switch v.kind {
	case kindFalse, kindTrue:
		return v.kind == kindTrue, true
	case kindInt, kindFloat:
		f, ok := v.float()
		return f == 1, ok && (f == 0 || f == 1)
	case kindText:
		switch strings.ToLower(v.text) {
		case "0", "off", "f", "false", "n", "no":
			return false, true
		case "1", "on", "t", "true", "y", "yes":
			return true, true
		}
	}
	return false, false
}
