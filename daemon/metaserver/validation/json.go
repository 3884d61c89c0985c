package validation

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what sort of JSON value there is.
type kind uint8

const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindInt   // text holds the digits
	kindFloat // text holds the number, or NaN, Infinity, -Infinity
	kindText
	kindList
	kindObject
	kindOpaque // bytes that are not JSON by their Content-Type
)

// value is one JSON value.
type value struct {
	kind  kind
	text  string
	items []value  // of a list, or the values of an object
	names []string // of an object
}

// get returns a member of an object; of several with one name the last counts.
func (v value) get(name string) (value, bool) {
	for i := len(v.names) - 1; i >= 0; i-- {
		if v.names[i] == name {
			return v.items[i], true
		}
	}
	return value{}, false
}

// SyntaxError is a text that is not JSON. Pos counts code points, as Python
// does.
type SyntaxError struct {
	Msg string
	Pos int
}

func (e *SyntaxError) Error() string { return e.Msg }

// Entries returns the answer to a body that is not JSON. The body itself is
// not in it; it may hold a password.
func (e *SyntaxError) Entries() Errors {
	return Errors{{Loc: []any{"body", e.Pos}, Msg: e.Msg, Type: "value_error.jsondecode"}}
}

// ErrUnreadable is a body that is not text, or is nested deeper than any
// request of a client; the original answers 400 to both.
var ErrUnreadable = errors.New("there was an error parsing the body")

// maxDepth bounds how deep lists and objects nest.
const maxDepth = 64

// parser reads JSON as Python's json module does: it takes NaN and Infinity,
// and its errors have Python's texts and places.
type parser struct {
	text  string
	depth int
}

// parse reads a whole text.
func parse(text []byte) (value, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		return value{}, ErrUnreadable
	}
	p := &parser{text: string(text)}
	v, at, err := p.value(p.space(0))
	if err != nil {
		return value{}, err
	}
	if at = p.space(at); at != len(p.text) {
		return value{}, p.fail("Extra data", at)
	}
	return v, nil
}

// fail says what is wrong at a byte offset.
func (p *parser) fail(what string, at int) error {
	at = min(at, len(p.text))
	before := p.text[:at]
	pos := utf8.RuneCountInString(before)
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &SyntaxError{
		Msg: what + ": line " + strconv.Itoa(line) + " column " + strconv.Itoa(column) + " (char " + strconv.Itoa(pos) + ")", Pos: pos,
	}
}

func (p *parser) space(at int) int {
	for at < len(p.text) && (p.text[at] == ' ' || p.text[at] == '\t' || p.text[at] == '\n' || p.text[at] == '\r') {
		at++
	}
	return at
}

// is reports whether a byte stands at a place, which may lie behind the end.
func (p *parser) is(at int, c byte) bool { return at < len(p.text) && p.text[at] == c }

// words are the values without a form of their own.
var words = []struct {
	text  string
	value value
}{
	{"null", value{}}, {"true", value{kind: kindTrue}}, {"false", value{kind: kindFalse}},
	{"NaN", value{kind: kindFloat, text: "NaN"}}, {"Infinity", value{kind: kindFloat, text: "Infinity"}},
	{"-Infinity", value{kind: kindFloat, text: "-Infinity"}},
}

// value reads the value at a place and returns the place behind it.
func (p *parser) value(at int) (value, int, error) {
	switch {
	case p.is(at, '"'):
		s, end, err := p.string(at)
		return value{kind: kindText, text: s}, end, err
	case p.is(at, '{'):
		return p.nested(at, p.object)
	case p.is(at, '['):
		return p.nested(at, p.list)
	}
	for _, w := range words {
		if strings.HasPrefix(p.text[at:], w.text) {
			return w.value, at + len(w.text), nil
		}
	}
	return p.number(at)
}

func (p *parser) nested(at int, read func(int) (value, int, error)) (value, int, error) {
	if p.depth++; p.depth > maxDepth {
		return value{}, 0, ErrUnreadable
	}
	defer func() { p.depth-- }()
	return read(p.space(at + 1))
}

func (p *parser) object(at int) (v value, _ int, err error) {
	v.kind = kindObject
	if p.is(at, '}') {
		return v, at + 1, nil
	}
	for {
		if !p.is(at, '"') {
			return v, 0, p.fail("Expecting property name enclosed in double quotes", at)
		}
		var name string
		if name, at, err = p.string(at); err != nil {
			return v, 0, err
		}
		if at = p.space(at); !p.is(at, ':') {
			return v, 0, p.fail("Expecting ':' delimiter", at)
		}
		var item value
		if item, at, err = p.value(p.space(at + 1)); err != nil {
			return v, 0, err
		}
		v.names, v.items = append(v.names, name), append(v.items, item)
		if at = p.space(at); p.is(at, '}') {
			return v, at + 1, nil
		}
		if !p.is(at, ',') {
			return v, 0, p.fail("Expecting ',' delimiter", at)
		}
		at = p.space(at + 1)
	}
}

func (p *parser) list(at int) (v value, _ int, err error) {
	v.kind = kindList
	if p.is(at, ']') {
		return v, at + 1, nil
	}
	for {
		var item value
		if item, at, err = p.value(at); err != nil {
			return v, 0, err
		}
		v.items = append(v.items, item)
		if at = p.space(at); p.is(at, ']') {
			return v, at + 1, nil
		}
		if !p.is(at, ',') {
			return v, 0, p.fail("Expecting ',' delimiter", at)
		}
		at = p.space(at + 1)
	}
}

func (p *parser) number(start int) (value, int, error) {
	digits := func(at int) int {
		for at < len(p.text) && p.text[at] >= '0' && p.text[at] <= '9' {
			at++
		}
		return at
	}
	at := start
	if p.is(at, '-') {
		at++
	}
	first := at
	if p.is(at, '0') {
		at++
	} else {
		at = digits(at)
	}
	if at == first {
		return value{}, 0, p.fail("Expecting value", start)
	}
	kind := kindInt
	if end := digits(at + 1); p.is(at, '.') && end > at+1 {
		at, kind = end, kindFloat
	}
	if p.is(at, 'e') || p.is(at, 'E') {
		sign := at + 1
		if p.is(sign, '+') || p.is(sign, '-') {
			sign++
		}
		if end := digits(sign); end > sign {
			at, kind = end, kindFloat
		}
	}
	return value{kind: kind, text: p.text[start:at]}, at, nil
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// string reads the string whose opening quote stands at begin.
func (p *parser) string(begin int) (string, int, error) {
	var b strings.Builder
	for at := begin + 1; ; {
		from := at
		for at < len(p.text) && p.text[at] != '"' && p.text[at] != '\\' {
			if p.text[at] < ' ' {
				return "", 0, p.fail("Invalid control character at", at)
			}
			at++
		}
		switch {
		case at == len(p.text) || p.text[at] == '\\' && at+1 == len(p.text):
			return "", 0, p.fail("Unterminated string starting at", begin)
		case p.text[at] == '"' && b.Len() == 0:
			return p.text[from:at], at + 1, nil
		}
		b.WriteString(p.text[from:at])
		if p.text[at] == '"' {
			return b.String(), at + 1, nil
		}
		end, err := p.escape(&b, at)
		if err != nil {
			return "", 0, err
		}
		at = end
	}
}

// escape reads the escape whose backslash stands at a place.
func (p *parser) escape(b *strings.Builder, at int) (int, error) {
	c := p.text[at+1]
	if c != 'u' {
		plain, ok := escapes[c]
		if !ok {
			return 0, p.fail("Invalid \\escape", at)
		}
		b.WriteByte(plain)
		return at + 2, nil
	}
	r, ok := p.unit(at)
	if !ok {
		return 0, p.fail("Invalid \\uXXXX escape", at+1)
	}
	at += 6
	if low, ok := p.unit(at); ok && utf16.IsSurrogate(r) {
		if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
			b.WriteRune(whole)
			return at + 6, nil
		}
	}
	b.WriteRune(r) // half a pair becomes U+FFFD
	return at, nil
}

// unit reads \uXXXX, behind which the string must go on.
func (p *parser) unit(at int) (rune, bool) {
	if at+6 >= len(p.text) || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[at+2:at+6], 16, 16)
	return rune(n), err == nil
}

// equal compares as Python does: 1, 1.0 and true are the same.
func equal(a, b value) bool {
	if x, ok := a.float(); ok {
		y, ok := b.float()
		return ok && (x == y && (a.kind != kindInt || b.kind != kindInt || x < 1<<53 && x > -1<<53 || a.text == b.text))
	}
	if a.kind != b.kind || a.text != b.text || len(a.items) != len(b.items) {
		return false
	}
	for i := range a.items {
		other := b.items[i]
		if a.kind == kindObject {
			var ok bool
			if other, ok = b.get(a.names[i]); !ok {
				return false
			}
		}
		if !equal(a.items[i], other) {
			return false
		}
	}
	return true
}

// float returns the number a value counts as.
func (v value) float() (float64, bool) {
	switch v.kind {
	case kindFalse:
		return 0, true
	case kindTrue:
		return 1, true
	case kindInt, kindFloat:
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil && !math.IsInf(f, 0) {
			return 0, false
		}
		return f, true
	}
	return 0, false
}
