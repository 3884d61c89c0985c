// Package lenient reads the JSON that Steam's services send, which changes
// shape without notice: numbers come quoted or not, lists are left out, null
// or an object. A value that cannot be read never spoils the ones beside it.
// The package also makes the texts of strangers safe to store and to print.
package lenient

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// MaxElements bounds how many elements of one array are looked at.
const MaxElements = 1000

// Array is the first MaxElements elements of an array, so that a hostile
// answer cannot grow far beyond its own size. Anything but an array leaves it
// nil; an empty array does not.
type Array []json.RawMessage

// UnmarshalJSON never fails; an array that breaks off keeps what came before.
func (a *Array) UnmarshalJSON(b []byte) error {
	*a = nil
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return nil
	}
	*a = Array{}
	for dec.More() && len(*a) < MaxElements {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil
		}
		*a = append(*a, raw)
	}
	return nil
}

// Number is a non-negative whole number, quoted or not. Missing, null and ""
// leave it unset; anything else that is no such number makes it bad.
type Number struct {
	N        uint64
	Set, Bad bool
}

// UnmarshalJSON never fails.
func (v *Number) UnmarshalJSON(b []byte) error {
	*v = Number{}
	s := strings.TrimSpace(unquote(b))
	if s == "" || s == "null" {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		*v = Number{Bad: true}
		return nil
	}
	*v = Number{N: n, Set: true}
	return nil
}

// Decimal returns the number in decimal, "" for 0.
func (v Number) Decimal() string {
	if v.N == 0 {
		return ""
	}
	return strconv.FormatUint(v.N, 10)
}

// Text is a string; null leaves it empty, anything else makes it bad.
type Text struct {
	S   string
	Bad bool
}

// UnmarshalJSON never fails.
func (v *Text) UnmarshalJSON(b []byte) error {
	*v = Text{}
	v.Bad = json.Unmarshal(b, &v.S) != nil
	return nil
}

// Truth is true for true, for 1 and for "1" or "true".
type Truth bool

// UnmarshalJSON never fails.
func (v *Truth) UnmarshalJSON(b []byte) error {
	s := unquote(b)
	*v = s == "true" || s == "1"
	return nil
}

func unquote(b []byte) string {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if json.Unmarshal(b, &s) == nil {
			return s
		}
	}
	return string(b)
}
