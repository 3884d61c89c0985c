package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Problem is the body of every error we send, application/problem+json
// (RFC 9457). Code, Hint, RequestID and Errors are extension members.
type Problem struct {
	Type      string        `json:"type" doc:"Always about:blank; code tells the kind of failure"`
	Title     string        `json:"title" doc:"The status in words"`
	Status    int           `json:"status" doc:"The HTTP status"`
	Detail    string        `json:"detail" doc:"What happened, for people"`
	Instance  string        `json:"instance,omitempty" format:"uri" doc:"Names this occurrence"`
	Code      string        `json:"code" doc:"The kind of failure, for programs" example:"not_found"`
	Hint      string        `json:"hint,omitempty" doc:"What to do next"`
	RequestID string        `json:"request_id,omitempty" doc:"Finds this occurrence in the server's log"`
	Errors    []fault.Field `json:"errors,omitempty" doc:"The faulty places of the input"`

	retryAfter time.Duration
	cause      error // for the log only
}

// Error returns the public text.
func (p *Problem) Error() string { return p.Detail }

// GetStatus and ContentType are what huma asks an error body for.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type of RFC 9457.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

const defaultRetryAfter = 5 * time.Second

// statusOf maps a kind of fault to its HTTP status.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.NoSpace:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// kindOf is the way back, for errors that begin as a status.
func kindOf(status int) fault.Kind {
	for k := fault.Invalid; k <= fault.NoSpace; k++ {
		if statusOf(k) == status {
			return k
		}
	}
	if status >= 400 && status < 500 {
		return fault.Invalid
	}
	return fault.Internal
}

// WriteError answers with err as a problem document. A fault gives status,
// text, hint and fields; an error that is none is logged and becomes a 500
// with a general text. 429 and 503 always carry Retry-After.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, r, problemOf(r.Context(), err))
}

// statusClientGone is nginx's 499; it only reaches our log and metrics.
const statusClientGone = 499

func problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		c := *p
		return &c
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled):
		return &Problem{Status: statusClientGone, Code: "canceled", Detail: "The client gave up"}
	case errors.As(err, &tooLarge):
		err = fault.New(fault.TooLarge, "The request body is longer than %d bytes", tooLarge.Limit)
	case fault.KindOf(err) == fault.Internal && errors.Is(err, context.DeadlineExceeded):
		err = fault.Wrap(err, fault.Unavailable, "This took too long and was given up")
	}
	p = &Problem{
		Status: statusOf(fault.KindOf(err)), Code: fault.KindOf(err).String(),
		Detail: fault.Public(err), Hint: fault.Hint(err), cause: err,
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		p.Errors, p.retryAfter = f.Fields, f.RetryAfter
	}
	return p
}

// complete fills in what depends on the request, sets headers and logs.
func (p *Problem) complete(ctx context.Context, h http.Header) {
	p.Type = "about:blank"
	p.Title = http.StatusText(p.Status)
	if p.RequestID == "" {
		p.RequestID = RequestID(ctx)
	}
	if p.RequestID != "" {
		p.Instance = "urn:quartermaster:request:" + p.RequestID
	}
	h.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		SetRetryAfter(h, p.retryAfter)
	case http.StatusUnauthorized:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", "Bearer")
		}
	}
	p.logCause(ctx)
}

// logCause writes what the client is not told.
func (p *Problem) logCause(ctx context.Context) {
	s, _ := ctx.Value(serverKey{}).(*Server)
	if s == nil || p.cause == nil || p.Status < 500 {
		return
	}
	level := slog.LevelWarn // something we depend on
	if p.Status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	s.log.LogAttrs(ctx, level, "a request failed",
		slog.String("request_id", p.RequestID), slog.Int("status", p.Status), slog.Any("error", p.cause))
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.complete(r.Context(), w.Header())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	writeBody(w, p.Status, p)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	writeBody(w, status, v)
}

func writeBody(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only ever our own plain types
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone; nobody is left to tell
}

// SetRetryAfter sets Retry-After (RFC 9110 §10.2.3) to whole seconds, rounded
// up; d ≤ 0 stands for five seconds. It belongs on 202, 429 and 503.
func SetRetryAfter(h http.Header, d time.Duration) { h.Set("Retry-After", RetryAfter(d)) }

// RetryAfter returns the value that SetRetryAfter sets, for huma outputs.
func RetryAfter(d time.Duration) string {
	if d <= 0 {
		d = defaultRetryAfter
	}
	return strconv.FormatInt(int64(math.Ceil(d.Seconds())), 10)
}

// humaErrors guards huma's error constructors, which exist once per process.
var humaErrors sync.Once

// useProblems makes huma build its errors as problems. It is process-wide by
// huma's design and the same for every Server.
func useProblems() {
	humaErrors.Do(func() {
		huma.NewError = func(status int, text string, errs ...error) huma.StatusError {
			return newHumaProblem(context.Background(), status, text, errs)
		}
		huma.NewErrorWithContext = func(ctx huma.Context, status int, text string, errs ...error) huma.StatusError {
			return newHumaProblem(ctx.Context(), status, text, errs)
		}
	})
}

// newHumaProblem receives both what a handler returned (status 500, the text
// of huma, one error) and what huma found itself (validation, body limits).
func newHumaProblem(ctx context.Context, status int, text string, errs []error) *Problem {
	var fields []fault.Field
	for _, err := range errs {
		var place huma.ErrorDetailer
		if errors.As(err, &place) {
			d := place.ErrorDetail() // its Value is the caller's input, perhaps a password
			fields = append(fields, fault.Field{Name: d.Location, Message: d.Message})
			continue
		}
		if _, ok := errors.AsType[*fault.Error](err); ok || status >= 500 {
			return problemOf(ctx, err)
		}
	}
	p := &Problem{Status: status, Code: kindOf(status).String(), Detail: text, Errors: fields, cause: errors.Join(errs...)}
	switch {
	case status == http.StatusUnsupportedMediaType:
		p.Detail, p.Hint = "The body is not JSON by its Content-Type", "send the header Content-Type: application/json"
	case status == http.StatusUnprocessableEntity || status == http.StatusBadRequest && text == "validation failed":
		p.Detail = "The request does not have the form this operation expects"
	}
	return p
}

// completeProblem is a huma transformer: it runs just before an error body is
// written, when the request is known.
func completeProblem(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		c := *p
		h := http.Header{}
		c.complete(ctx.Context(), h)
		for name, values := range h {
			ctx.SetHeader(name, values[0])
		}
		return &c, nil
	}
	return v, nil
}
