package webapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrBudget is returned when today's calls are used up.
	ErrBudget = errors.New("the daily number of Steam Web API calls is used up")
	// ErrBreakerOpen matches (errors.Is) the BreakerError that is returned
	// without a call while Steam is being left alone.
	ErrBreakerOpen = errors.New("recent failures hold back calls to Steam")
	// ErrNonsense is returned for an answer that is not the expected JSON,
	// or is longer than any real one.
	ErrNonsense = errors.New("the answer of Steam makes no sense")
	// ErrBlocked is returned when an address is not a public one and the
	// operator did not configure it.
	ErrBlocked = errors.New("not a public network address")
)

// StatusError is an HTTP answer other than 200.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // from the Retry-After header; 0 = not stated
}

// Error names the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("Steam answered %d %s", e.Status, http.StatusText(e.Status))
}

// BreakerError is returned instead of making a call.
type BreakerError struct {
	Until time.Time // when the next call may be made
}

// Error says until when no call is made.
func (e *BreakerError) Error() string {
	return ErrBreakerOpen.Error() + " until " + e.Until.UTC().Format(time.RFC3339)
}

// Is makes errors.Is(err, ErrBreakerOpen) true.
func (e *BreakerError) Is(target error) bool { return target == ErrBreakerOpen }

// silenceError is a call that ended without an answer.
type silenceError struct{ err error }

func (e *silenceError) Error() string { return "no answer from Steam: " + e.err.Error() }
func (e *silenceError) Unwrap() error { return e.err }

// Unreachable reports whether a call failed before any answer came: no
// network, no name service, nobody there, or nobody who spoke in time.
func Unreachable(err error) bool {
	_, ok := errors.AsType[*silenceError](err)
	return ok
}

// redact returns err without the URL that net/http puts around it, and
// without the key should it appear anywhere else.
func redact(err error, key string) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if key == "" || !strings.Contains(err.Error(), key) && !strings.Contains(err.Error(), url.QueryEscape(key)) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), key, "[key]")
	return errors.New(strings.ReplaceAll(text, url.QueryEscape(key), "[key]"))
}

// ParseRetryAfter reads a Retry-After header (RFC 9110 §10.2.3): seconds or
// a date. It returns 0 for anything else and for the past.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}
