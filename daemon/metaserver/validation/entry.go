package validation

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Entry is one thing that is wrong with a request, in pydantic's form.
type Entry struct {
	// Loc leads to the value: "body", "query" or "path", then names and
	// indexes of lists.
	Loc  []any          `json:"loc"`
	Msg  string         `json:"msg"`
	Type string         `json:"type"`
	Ctx  map[string]any `json:"ctx,omitempty"`
}

// Errors is everything that is wrong with a request, in the order of the
// fields. It is the answer 422.
type Errors []Entry

// Error lists the entries for a log; values of the request are not in it.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, entry := range e {
		loc, err := json.Marshal(entry.Loc)
		if err != nil { // only ever names and numbers
			loc = nil
		}
		texts[i] = fmt.Sprintf("%s: %s", loc, entry.Msg)
	}
	return strings.Join(texts, "; ")
}

// Failure is an Entry whose place is not known yet.
type Failure struct {
	Type, Msg string
	Ctx       map[string]any
}

// Failures is what a rule finds; none is success.
type Failures []Failure

// Fail returns one failure with any type and text, for rules of a field's own.
func Fail(kind, msg string) Failures { return Failures{{Type: kind, Msg: msg}} }

// Custom returns what a validator of the original says when it raises a
// ValueError.
func Custom(msg string) Failures { return Fail("value_error", msg) }

// Assertion returns what a validator of the original says when an assertion
// fails.
func Assertion(msg string) Failures { return Fail("assertion_error", msg) }

// Email returns the failure of an address that is none.
func Email() Failures { return Fail("value_error.email", "value is not a valid email address") }

// limited is a failure that names its limit.
func limited(kind, msg string, limit int64) Failures {
	return Failures{{Type: kind, Msg: fmt.Sprintf(msg, limit), Ctx: map[string]any{"limit_value": limit}}}
}

// The failures of fields by themselves.
func missing() Failures { return Fail("value_error.missing", "field required") }

func none() Failures {
	return Fail("type_error.none.not_allowed", "none is not an allowed value")
}

func notInt() Failures { return Fail("type_error.integer", "value is not a valid integer") }

// NotText returns the failure of a value that is no text.
func NotText() Failures { return Fail("type_error.str", "str type expected") }

func notBool() Failures {
	return Fail("type_error.bool", "value could not be parsed to a boolean")
}

func notObject() Failures { return Fail("type_error.dict", "value is not a valid dict") }

func notList() Failures { return Fail("type_error.list", "value is not a valid list") }

func notMember(permitted []string) Failures {
	quoted := make([]string, len(permitted))
	for i, p := range permitted {
		quoted[i] = "'" + p + "'"
	}
	return Failures{{
		Type: "type_error.enum", Msg: "value is not a valid enumeration member; permitted: " + strings.Join(quoted, ", "),
		Ctx: map[string]any{"enum_values": permitted},
	}}
}
