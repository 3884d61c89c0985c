package metaserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const textNotFound = "Not Found"

// refusal is an answer other than success, with one text as its detail.
type refusal struct {
	status int
	detail string
}

func (r refusal) Error() string { return r.detail }

func refuse(status int, detail string) refusal { return refusal{status, detail} }

// prepared is an answer that is JSON already.
type prepared []byte

// moment is a time on the wire: UTC without a zone, to the microsecond, the
// fraction only if there is one; null for the zero time.
type moment time.Time

// MarshalJSON implements json.Marshaler.
func (m moment) MarshalJSON() ([]byte, error) {
	t := time.Time(m)
	if t.IsZero() {
		return []byte("null"), nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	layout := `"2006-01-02T15:04:05.000000"`
	if t.Nanosecond() == 0 {
		layout = `"2006-01-02T15:04:05"`
	}
	return t.AppendFormat(make([]byte, 0, len(layout)), layout), nil
}

// The answers of yes and no.
var wireTrue, wireFalse, wireNull = []byte("true"), []byte("false"), []byte("null")

// encode writes compact JSON as it is, without escapes for HTML.
func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return wireNull, nil
	case bool:
		if v {
			return wireTrue, nil
		}
		return wireFalse, nil
	case prepared:
		return v, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (c *call) succeed(v any) int {
	body, err := encode(v)
	if err != nil {
		return c.refuse(err)
	}
	c.send(http.StatusOK, body)
	return http.StatusOK
}

// Shared by all answers, never written to.
var (
	headerJSON    = []string{"application/json"}
	headerNoSniff = []string{"nosniff"}
	headerNoStore = []string{"no-store"}
	headerBasic   = []string{"Basic"}
)

func (c *call) send(status int, body []byte) {
	h := c.w.Header()
	h["Content-Type"] = headerJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Content-Type-Options"] = headerNoSniff
	if h["Cache-Control"] == nil {
		h["Cache-Control"] = headerNoStore
	}
	if status == http.StatusUnauthorized {
		h["Www-Authenticate"] = headerBasic
	}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // a client that is gone needs no answer
}

// refuse sends an error: {"detail": text}, or the list of what is wrong.
func (c *call) refuse(err error) int {
	status, detail := c.refusalOf(err)
	body, failed := encode(struct {
		Detail any `json:"detail"`
	}{detail})
	if failed != nil { // only ever texts and numbers
		status, body = http.StatusInternalServerError, wireNull
	}
	c.send(status, body)
	return status
}

// refusalOf maps an error to what the client is told.
func (c *call) refusalOf(err error) (status int, detail any) {
	if list, ok := errors.AsType[validation.Errors](err); ok {
		return http.StatusUnprocessableEntity, list
	}
	if r, ok := errors.AsType[refusal](err); ok {
		return r.status, r.detail
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.RetryAfter > 0 {
		web.SetRetryAfter(c.w.Header(), f.RetryAfter)
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity, fault.Public(err)
	case fault.Unauthenticated:
		return http.StatusUnauthorized, fault.Public(err)
	case fault.Forbidden:
		return http.StatusForbidden, fault.Public(err)
	case fault.NotFound:
		return http.StatusNotFound, fault.Public(err)
	case fault.Conflict:
		return http.StatusConflict, fault.Public(err)
	case fault.TooMany:
		return http.StatusTooManyRequests, fault.Public(err)
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, fault.Public(err)
	case fault.Unavailable:
		return http.StatusServiceUnavailable, fault.Public(err)
	case fault.NoSpace:
		return http.StatusInsufficientStorage, fault.Public(err)
	}
	c.s.log.Error("a request of a client failed", slog.String("path", c.r.URL.Path), slog.Any("error", err))
	return http.StatusInternalServerError, "Internal Server Error"
}
