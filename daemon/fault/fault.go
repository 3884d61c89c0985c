// Package fault gives errors a kind, a text that is safe to show to anybody,
// and, where one is known, a hint that tells the operator what to do next.
//
// An error that never met this package is of kind Internal: its text is for
// the log only and callers see a general sentence with the request id. The
// mapping from kind to HTTP status or exit code is made once by each outer
// layer (web and cli). Values are immutable after construction and safe for
// concurrent use.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure happened, independent of any wire.
type Kind uint8

// The kinds. Internal is the zero value on purpose: an unknown error must
// never be shown as the caller's mistake.
const (
	Internal        Kind = iota // our fault; the text stays in the log
	Invalid                     // the input is wrong and will stay wrong
	Unauthenticated             // nobody is signed in, or the credentials are wrong
	Forbidden                   // the caller is known and may not do this
	NotFound                    // the thing does not exist
	Conflict                    // the thing exists already, or is in another state
	TooMany                     // a rate limit or quota was met; see RetryAfter
	TooLarge                    // the input is longer than we accept
	Unavailable                 // something we depend on is down; see RetryAfter
	NoSpace                     // the disk is full or below its floor
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "not_found",
	"conflict", "too_many", "too_large", "unavailable", "no_space",
}

// String returns the kind's name as it appears in JSON and logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Internal]
}

// Field is one faulty place of an input: a config key, a JSON pointer, a
// form field.
type Field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// Error is a failure with a kind and a public text.
type Error struct {
	Kind       Kind
	Message    string        // public; a full sentence without a final stop
	Hint       string        // public; what to do next, may be empty
	Fields     []Field       // public; may be nil
	RetryAfter time.Duration // 0 = unknown

	cause error
}

// New returns an error of the given kind. The message is public.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the given kind whose cause is err. The message is
// public, the cause is only logged.
func Wrap(err error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), cause: err}
}

// WithHint returns a copy of e that carries the hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// WithRetryAfter returns a copy of e that asks the caller to wait for d.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// WithFields returns a copy of e that names the faulty places.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// Error returns the full text with the cause, for logs and terminals.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the first fault in err's chain, Internal when
// there is none. KindOf(nil) is Internal too: ask only about failures.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err carries a fault of kind k.
func Is(err error, k Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == k
}

// Public returns the text that may be shown to the caller: the message of
// the first fault in the chain, or a general sentence.
func Public(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Message
	}
	return "Something went wrong on our side"
}

// Hint returns the first hint in err's chain, or "".
func Hint(err error) string {
	for err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.cause
	}
	return ""
}
