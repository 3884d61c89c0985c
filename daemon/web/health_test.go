package web

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestHealth(t *testing.T) {
	s, _ := newTestServer(t)
	s.Ready("database", func(context.Context) error { return errors.New("down") })
	w := call(s, "GET", "/healthz", "")
	if w.Code != 200 || w.Body.String() != "{\"status\":\"ok\"}\n" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

func TestReadiness(t *testing.T) {
	good := func(context.Context) error { return nil }
	for _, c := range []struct {
		name     string
		ready    bool
		stopping bool
		checks   map[string]func(context.Context) error
		status   int
		want     readiness
	}{
		{"before the start", false, false, nil, 503, readiness{"starting", map[string]checkState{}}},
		{"ready", true, false, map[string]func(context.Context) error{"database": good, "blobs": good},
			200, readiness{"ready", map[string]checkState{"database": {OK: true}, "blobs": {OK: true}}}},
		{"a fault", true, false, map[string]func(context.Context) error{"database": good,
			"disk": func(context.Context) error { return fault.New(fault.NoSpace, "The disk is full") }},
			503, readiness{"failing", map[string]checkState{"database": {OK: true}, "disk": {Problem: "The disk is full"}}}},
		{"an unknown error", true, false, map[string]func(context.Context) error{
			"database": func(context.Context) error { return errors.New("password authentication failed for user qm") }},
			503, readiness{"failing", map[string]checkState{"database": {Problem: "Something went wrong on our side"}}}},
		{"stopping", true, true, map[string]func(context.Context) error{"database": good},
			503, readiness{"stopping", map[string]checkState{"database": {OK: true}}}},
	} {
		s, _ := newTestServer(t)
		for name, check := range c.checks {
			s.Ready(name, check)
		}
		s.SetReady(c.ready)
		s.stopping.Store(c.stopping)
		w := call(s, "GET", "/readyz", "")
		if diff := cmp.Diff(c.want, decode[readiness](t, w)); diff != "" || w.Code != c.status {
			t.Errorf("%s: %d (-want +got):\n%s", c.name, w.Code, diff)
		}
		if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: %d with Retry-After %q", c.name, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func TestHangingCheckCostsOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		s.SetReady(true)
		var running atomic.Int32
		release := make(chan struct{})
		s.Ready("deaf", func(context.Context) error { running.Add(1); <-release; return nil })
		for range 5 {
			body := s.readiness(t.Context())
			if body.Status != "failing" || body.Checks["deaf"].Problem != "No answer within 2s" {
				t.Errorf("%+v", body)
			}
		}
		if n := running.Load(); n != 1 {
			t.Errorf("%d checks run at once", n)
		}
		close(release)
		synctest.Wait()
		if body := s.readiness(t.Context()); body.Status != "ready" {
			t.Errorf("after it came back: %+v", body)
		}
	})
}

func TestChecksAreNotRepeatedForEveryQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		var runs atomic.Int32
		s.Ready("database", func(ctx context.Context) error {
			runs.Add(1)
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the check has no deadline")
			}
			return nil
		})
		for range 10 {
			s.readiness(t.Context())
		}
		if n := runs.Load(); n != 1 {
			t.Errorf("%d runs within one second", n)
		}
	})
}
