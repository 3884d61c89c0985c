package paced

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// site answers without a network and notes when it was asked.
type site struct {
	at     []time.Time
	status int
	body   string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	s.at = append(s.at, time.Now())
	return &http.Response{
		StatusCode: s.status, Body: io.NopCloser(bytes.NewReader([]byte(s.body))), Request: r,
		Header: http.Header{"Retry-After": {"120"}},
	}, nil
}

func newSite(status int, body string, o Options) (*site, *Client) {
	s := &site{status: status, body: body}
	o.BaseURL, o.HTTP = "https://site.example/base/", &http.Client{Transport: s}
	return s, New(o)
}

func get(ctx context.Context, c *Client) (body string, err error) {
	err = c.Get(ctx, "/path", url.Values{"a": {"b c"}}, func(b []byte) error { body = string(b); return nil })
	return body, err
}

func TestGet_Distance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newSite(200, "x", Options{Spacing: 2 * time.Second, MaxBody: 10})
		done := make(chan error, 5)
		for range 5 {
			go func() {
				_, err := get(t.Context(), c)
				done <- err
			}()
		}
		for range 5 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for i := 1; i < len(s.at); i++ {
			if d := s.at[i].Sub(s.at[i-1]); d < 2*time.Second {
				t.Errorf("calls %v apart", d)
			}
		}
		if len(s.at) != 5 || c.State().Calls != 5 {
			t.Errorf("%d calls", len(s.at))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := get(ctx, c); !errors.Is(err, context.DeadlineExceeded) || len(s.at) != 5 || c.State().BreakerOpen {
			t.Errorf("who does not wait: %v after %d calls", err, len(s.at))
		}
	})
}

// TestGet_ClockBack goes on when the clock is put back.
func TestGet_ClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		s, c := newSite(200, "x", Options{Spacing: 2 * time.Second, MaxBody: 10, Now: func() time.Time { return now }})
		_, _ = get(t.Context(), c)
		now = now.Add(-24 * time.Hour)
		if _, err := get(t.Context(), c); err != nil || len(s.at) != 2 || s.at[1].Sub(s.at[0]) > 2*time.Second {
			t.Errorf("%v, asked at %v", err, s.at)
		}
	})
}

func TestGet_Failures(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		open   bool
	}{{200, "short", false}, {200, "longer than ten", true}, {404, "", false}, {429, "", true}, {500, "", true}, {302, "", true}} {
		now := time.Now()
		s, client := newSite(c.status, c.body, Options{MaxBody: 10, Now: func() time.Time { return now }})
		body, err := get(t.Context(), client)
		st := client.State()
		if (err == nil) != (c.body == "short") || st.BreakerOpen != c.open || c.body == "short" && body != c.body {
			t.Errorf("%d: %q, %v, %+v", c.status, body, err, st)
		}
		if c.status == 429 && st.RetryAt.Sub(now) < 2*time.Minute {
			t.Errorf("the Retry-After of two minutes is cut to %v", st.RetryAt.Sub(now))
		}
		_, err = get(t.Context(), client)
		if held := errors.Is(err, webapi.ErrBreakerOpen); held != c.open || len(s.at) != 2 && !held {
			t.Errorf("%d: then %v after %d calls", c.status, err, len(s.at))
		}
	}
	if _, err := get(t.Context(), New(Options{BaseURL: "::"})); err == nil {
		t.Error("an address that cannot be parsed is asked")
	}
}
