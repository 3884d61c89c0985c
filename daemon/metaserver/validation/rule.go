package validation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextRule judges a text and may change it for the rules after it and for the
// result.
type TextRule func(string) (string, Failures)

// Trim takes white space from both ends.
func Trim(s string) (string, Failures) { return strings.TrimFunc(s, unicode.IsSpace), nil }

// MinLen refuses texts of fewer than n code points.
func MinLen(n int) TextRule {
	return func(s string) (string, Failures) {
		if utf8.RuneCountInString(s) < n {
			return s, limited("value_error.any_str.min_length", "ensure this value has at least %d characters", int64(n))
		}
		return s, nil
	}
}

// MaxLen refuses texts of more than n code points.
func MaxLen(n int) TextRule {
	return func(s string) (string, Failures) {
		if utf8.RuneCountInString(s) > n {
			return s, limited("value_error.any_str.max_length", "ensure this value has at most %d characters", int64(n))
		}
		return s, nil
	}
}

// NoControl refuses control characters, among them the null that databases do
// not store. Texts that are kept need it.
func NoControl(s string) (string, Failures) {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return s, Custom("Control characters are not allowed")
	}
	return s, nil
}

// IntRule judges a number.
type IntRule func(int64) Failures

// Ge refuses numbers below n.
func Ge(n int64) IntRule {
	return bound("value_error.number.not_ge", "ensure this value is greater than or equal to %d", n, func(v int64) bool { return v >= n })
}

// Le refuses numbers above n.
func Le(n int64) IntRule {
	return bound("value_error.number.not_le", "ensure this value is less than or equal to %d", n, func(v int64) bool { return v <= n })
}

// Gt refuses n and numbers below it.
func Gt(n int64) IntRule {
	return bound("value_error.number.not_gt", "ensure this value is greater than %d", n, func(v int64) bool { return v > n })
}

// Lt refuses n and numbers above it.
func Lt(n int64) IntRule {
	return bound("value_error.number.not_lt", "ensure this value is less than %d", n, func(v int64) bool { return v < n })
}

func bound(kind, msg string, n int64, ok func(int64) bool) IntRule {
	return func(v int64) Failures {
		if ok(v) {
			return nil
		}
		return limited(kind, msg, n)
	}
}

// ListRule judges a list before its items are looked at.
type ListRule func([]value) Failures

// Items refuses lists of fewer than low and of more than high items.
func Items(low, high int) ListRule {
	return func(items []value) Failures {
		switch {
		case len(items) < low:
			return limited("value_error.list.min_items", "ensure this value has at least %d items", int64(low))
		case len(items) > high:
			return limited("value_error.list.max_items", "ensure this value has at most %d items", int64(high))
		}
		return nil
	}
}

// Unique refuses lists in which two items are the same JSON value. It compares
// all pairs: put Items before it.
func Unique(items []value) Failures {
	for i := range items {
		for j := range items[:i] {
			if equal(items[i], items[j]) {
				return Fail("value_error.list.unique_items", "the list has duplicated items")
			}
		}
	}
	return nil
}
