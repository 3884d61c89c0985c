package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// TestProblems sends each error the two ways a feature can, and expects the
// same answer.
func TestProblems(t *testing.T) {
	field := fault.Field{Name: "name", Message: "is taken"}
	for _, c := range []struct {
		err        error
		want       Problem
		retryAfter string
	}{
		{fault.New(fault.Invalid, "No such version"), Problem{Status: 400, Title: "Bad Request", Code: "invalid", Detail: "No such version"}, ""},
		{fault.New(fault.Unauthenticated, "Sign in"), Problem{Status: 401, Title: "Unauthorized", Code: "unauthenticated", Detail: "Sign in"}, ""},
		{fault.New(fault.Forbidden, "Not you"), Problem{Status: 403, Title: "Forbidden", Code: "forbidden", Detail: "Not you"}, ""},
		{fault.New(fault.NotFound, "No mod %d", 7), Problem{Status: 404, Title: "Not Found", Code: "not_found", Detail: "No mod 7"}, ""},
		{fault.New(fault.Conflict, "Taken").WithFields(field).WithHint("Choose another"),
			Problem{Status: 409, Title: "Conflict", Code: "conflict", Detail: "Taken", Hint: "Choose another", Errors: []fault.Field{field}}, ""},
		{fault.New(fault.TooMany, "Slow down").WithRetryAfter(1500 * time.Millisecond),
			Problem{Status: 429, Title: "Too Many Requests", Code: "too_many", Detail: "Slow down"}, "2"},
		{fault.New(fault.TooLarge, "Too big"), Problem{Status: 413, Title: "Request Entity Too Large", Code: "too_large", Detail: "Too big"}, ""},
		{fault.Wrap(errors.New("secret"), fault.Unavailable, "Steam is down"),
			Problem{Status: 503, Title: "Service Unavailable", Code: "unavailable", Detail: "Steam is down"}, "5"},
		{fmt.Errorf("outer secret: %w", fault.New(fault.NoSpace, "Disk full")),
			Problem{Status: 507, Title: "Insufficient Storage", Code: "no_space", Detail: "Disk full"}, ""},
		{errors.New("secret"), Problem{Status: 500, Title: "Internal Server Error", Code: "internal", Detail: "Something went wrong on our side"}, ""},
		{fault.New(fault.Internal, "secret"), Problem{Status: 500, Title: "Internal Server Error", Code: "internal", Detail: "Something went wrong on our side"}, ""},
		{fmt.Errorf("secret: %w", context.DeadlineExceeded),
			Problem{Status: 503, Title: "Service Unavailable", Code: "unavailable", Detail: "This took too long and was given up"}, "5"},
		{huma.Error404NotFound("gone", errors.New("secret")), Problem{Status: 404, Title: "Not Found", Code: "not_found", Detail: "gone"}, ""},
	} {
		s, log := newTestServer(t)
		s.Handle("GET /plain", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteError(w, r, c.err) }))
		huma.Get(s.API(), "/api/v1/x", func(context.Context, *struct{}) (*struct{}, error) { return nil, c.err })
		for _, path := range []string{"/plain", "/api/v1/x"} {
			w := call(s, "GET", path, "")
			got := decode[Problem](t, w)
			if w.Code != c.want.Status || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Retry-After") != c.retryAfter {
				t.Errorf("%s %v: %d %v", path, c.err, w.Code, w.Header())
			}
			id := w.Header().Get("X-Request-Id")
			c.want.Type, c.want.RequestID, c.want.Instance = "about:blank", id, "urn:quartermaster:request:"+id
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Problem{})); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", path, c.err, diff)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Cache-Control %q", path, w.Header().Get("Cache-Control"))
			}
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s: %d with WWW-Authenticate %q", path, w.Code, w.Header().Get("WWW-Authenticate"))
			}
			if strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "$schema") {
				t.Errorf("%s: %s", path, w.Body)
			}
			if w.Code >= 500 {
				if line := log.line(t, "a request failed"); line["error"] == "" || line["request_id"] == "" {
					t.Errorf("%s: log line %v", path, line)
				}
			}
		}
		if strings.Count(log.String(), "a request failed") > 2 {
			t.Errorf("%v is logged more than once per request", c.err)
		}
	}
}

func TestValidationProblems(t *testing.T) {
	s, _ := newTestServer(t)
	type input struct {
		Limit int `query:"limit" minimum:"1" maximum:"100" default:"10"`
		Body  struct {
			Name     string `json:"name" minLength:"3"`
			Password string `json:"password" minLength:"8"`
		}
	}
	huma.Post(s.API(), "/api/v1/accounts", func(context.Context, *input) (*struct{}, error) { return nil, nil })
	for _, c := range []struct {
		name, query, body string
		status            int
		code              string
		fields            []string
	}{
		{"good", "", `{"name":"ada","password":"longenough"}`, 204, "", nil},
		{"two places", "?limit=0", `{"name":"a","password":"longenough"}`, 422, "invalid", []string{"query.limit", "body.name"}},
		{"secret too short", "", `{"name":"ada","password":"hunter2"}`, 422, "invalid", []string{"body.password"}},
		{"missing", "", `{"name":"ada"}`, 422, "invalid", []string{"body"}},
		{"unknown member", "", `{"name":"ada","password":"longenough","x":1}`, 422, "invalid", []string{"body.x"}},
		{"not JSON", "", `{"name":`, 400, "invalid", []string{"body"}},
		{"wrong type", "", `[]`, 422, "invalid", []string{"body"}},
		{"no body", "", ``, 400, "invalid", nil},
	} {
		w := call(s, "POST", "/api/v1/accounts"+c.query, c.body, "Content-Type", "application/json")
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.code == "" {
			continue
		}
		p := decode[Problem](t, w)
		var names []string
		for _, f := range p.Errors {
			names = append(names, f.Name)
			if f.Message == "" {
				t.Errorf("%s: %s has no message", c.name, f.Name)
			}
		}
		if p.Code != c.code || !cmp.Equal(names, c.fields, cmpopts.SortSlices(strings.Compare)) || p.RequestID == "" || p.Detail == "" {
			t.Errorf("%s: %+v", c.name, p)
		}
		if strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: the caller's input is echoed: %s", c.name, w.Body)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "5", -1: "5", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600",
	} {
		if got := RetryAfter(d); got != want {
			t.Errorf("RetryAfter(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestClientThatLeftIsNoFailure(t *testing.T) {
	s, log := newTestServer(t)
	gone, leave := context.WithCancel(t.Context())
	fail := func(ctx context.Context) error {
		leave()
		return fmt.Errorf("query: %w", ctx.Err())
	}
	s.Handle("GET /plain", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteError(w, r, fail(r.Context())) }))
	huma.Get(s.API(), "/api/v1/x", func(ctx context.Context, _ *struct{}) (*struct{}, error) { return nil, fail(ctx) })
	for _, path := range []string{"/plain", "/api/v1/x"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(gone, "GET", path, nil))
		if w.Code != 499 || strings.Contains(log.String(), "a request failed") {
			t.Errorf("%s: %d, log:\n%s", path, w.Code, log)
		}
	}
}
