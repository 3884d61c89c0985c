package catalog

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// unknownID stands for what is an element of a list and cannot be an id.
const unknownID = -1

// params reads the parameters of one request and collects what is wrong with
// them.
type params struct {
	query    url.Values
	problems []paramProblem
}

type paramProblem struct{ where, name, reason string }

func (p *params) fail(name, reason string) {
	p.problems = append(p.problems, paramProblem{"query", name, reason})
}

// last returns the last value of a parameter, as the original did.
func (p *params) last(name string) (string, bool) {
	values := p.query[name]
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// integer reads a whole number. One that does not fit is the nearest that
// does.
func (p *params) integer(name string, missing int64) int64 {
	text, ok := p.last(name)
	if !ok {
		return missing
	}
	n, ok := parseInteger(text)
	if !ok {
		p.fail(name, "value is not a valid integer")
	}
	return n
}

// parseInteger reads a decimal number and keeps it within int64.
func parseInteger(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err == nil {
		return n, true
	}
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange { //nolint:errorlint // strconv returns it bare
		return n, true
	}
	return 0, false
}

// parseID is parseInteger for ids: one beyond int64 is an unknown one.
func parseID(text string) (int64, bool) {
	n, ok := parseInteger(text)
	if n <= 0 || n == math.MaxInt64 {
		n = unknownID
	}
	return n, ok
}

// boolean reads a switch; empty is as good as missing.
func (p *params) boolean(name string, missing bool) bool {
	text, _ := p.last(name)
	switch strings.ToLower(text) {
	case "":
		return missing
	case "true", "1", "on", "t", "y", "yes":
		return true
	case "false", "0", "off", "f", "n", "no":
		return false
	}
	p.fail(name, "value could not be parsed to a boolean")
	return missing
}

// day reads a date.
func (p *params) day(name string, missing time.Time) time.Time {
	text, ok := p.last(name)
	if !ok {
		return missing
	}
	t, err := time.Parse(dayFormat, text)
	if err != nil {
		p.fail(name, "invalid date format")
		return missing
	}
	return t
}

// texts reads a list of texts.
func (p *params) texts(name string) []string {
	list, err := parseList(p.query[name])
	if err != "" {
		p.fail(name, err)
	}
	return list
}

// ids reads a list of ids. What cannot be one is an element that no entity
// has. A plain value that is no number is as good as missing.
func (p *params) ids(name string) []int64 {
	var list []int64
	for _, value := range p.query[name] {
		elements, err := parseList([]string{value})
		if err != "" {
			p.fail(name, err)
			return nil
		}
		isArray := strings.HasPrefix(strings.TrimSpace(value), "[")
		for _, text := range elements {
			if id, ok := parseElement(text); ok || isArray {
				list = append(list, id)
			}
		}
	}
	return list
}

// parseElement reads an id in a list, which may be written as 7.0 too.
func parseElement(text string) (int64, bool) {
	if id, ok := parseID(text); ok {
		return id, true
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && f > 0 && f < 1<<53 {
		return int64(f), true
	}
	return unknownID, false
}

const errNested = "a list must not hold lists or objects"

// parseList reads a list: arrays in JSON or with single quotes, plain values
// and values with commas, one or several of them. What cannot be read is an
// empty list, as it always was; only an array that holds arrays or objects is
// wrong, and reason says so.
func parseList(values []string) (list []string, reason string) {
	for _, value := range values {
		value = strings.TrimSpace(value)
		if strings.HasPrefix(value, "[") {
			elements, isArray, nested := parseArray(value)
			if nested {
				return nil, errNested
			}
			if isArray {
				list = append(list, elements...)
			}
			continue
		}
		if value == "" || strings.HasPrefix(value, "{") {
			continue
		}
		for part := range strings.SplitSeq(value, ",") {
			if part = unquote(strings.TrimSpace(part)); part != "" {
				list = append(list, part)
			}
		}
	}
	return list, ""
}

// unquote takes a plain value out of its quotes.
func unquote(text string) string {
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1]
	}
	return text
}

// parseArray reads an array of numbers and texts in JSON, or in the form
// with single quotes that Python prints.
func parseArray(text string) (elements []string, isArray, nested bool) {
	var raw []json.RawMessage
	if json.Unmarshal([]byte(text), &raw) != nil &&
		json.Unmarshal([]byte(doubleQuoted(text)), &raw) != nil {
		return nil, false, false
	}
	if raw == nil { // null
		return nil, false, false
	}
	elements = make([]string, 0, len(raw))
	for _, r := range raw {
		switch r[0] {
		case '[', '{':
			return nil, true, true
		case '"':
			var s string
			if json.Unmarshal(r, &s) != nil {
				return nil, false, false
			}
			elements = append(elements, s)
		default: // a number, true, false or null
			elements = append(elements, string(r))
		}
	}
	return elements, true, false
}

// doubleQuoted turns texts in single quotes into texts in double quotes.
func doubleQuoted(text string) string {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != 0 && i+1 < len(text):
			i++
			if text[i] != '\'' { // JSON knows no \'
				b.WriteByte(c)
			}
			b.WriteByte(text[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
			b.WriteByte('"')
		case quote != 0 && c == quote:
			quote = 0
			b.WriteByte('"')
		case quote == '\'' && c == '"':
			b.WriteString(`\"`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// saturated multiplies two numbers that are not negative and stays within
// int64.
func saturated(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}
