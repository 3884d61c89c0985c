package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	checkTimeout = 2 * time.Second
	checkFresh   = time.Second // anybody may ask; the database is asked once a second
)

// health holds the readiness checks.
type health struct {
	ready atomic.Bool
	mu    sync.Mutex
	names []string
	all   map[string]*check
}

// check runs at most once at a time, so that one which hangs costs one
// goroutine and not one per question.
type check struct {
	run func(context.Context) error

	mu      sync.Mutex
	pending chan struct{} // closed when the running check is over; nil when none runs
	at      time.Time
	err     error
}

func (h *health) add(name string, run func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]*check{}
	}
	if _, ok := h.all[name]; !ok {
		h.names = append(h.names, name)
	}
	h.all[name] = &check{run: run}
}

// start runs the check unless it runs already or its last answer is fresh.
func (c *check) start() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending != nil {
		return c.pending
	}
	done := make(chan struct{})
	if !c.at.IsZero() && time.Since(c.at) < checkFresh {
		close(done)
		return done
	}
	c.pending = done
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		err := c.run(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err, c.at, c.pending = err, time.Now(), nil
		close(done)
	}()
	return done
}

// result waits for the answer until ctx ends.
func (c *check) result(ctx context.Context) error {
	select {
	case <-c.start():
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "No answer within %s", checkTimeout)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// readiness is the body of /readyz.
type readiness struct {
	Status string                `json:"status"` // ready, starting, stopping or failing
	Checks map[string]checkState `json:"checks"`
}

type checkState struct {
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

func (s *Server) registerHealth() {
	s.handle("GET /healthz", http.HandlerFunc(s.serveHealth),
		ownOperation("get-health", "/healthz", "Whether the process is alive")).probe()
	s.handle("GET /readyz", http.HandlerFunc(s.serveReady),
		ownOperation("get-readiness", "/readyz", "Whether the process takes work, and what it waits for")).probe()
}

func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) {
	body := s.readiness(r.Context())
	w.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if body.Status != "ready" {
		status = http.StatusServiceUnavailable
		SetRetryAfter(w.Header(), time.Second)
	}
	writeJSON(w, status, body)
}

func (s *Server) readiness(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s.health.mu.Lock()
	names := s.health.names
	checks := make([]*check, len(names))
	for i, name := range names {
		checks[i] = s.health.all[name]
		checks[i].start() // all at once; result waits
	}
	s.health.mu.Unlock()

	body := readiness{Status: "ready", Checks: map[string]checkState{}}
	for i, c := range checks {
		err := c.result(ctx)
		state := checkState{OK: err == nil}
		if err != nil {
			state.Problem, body.Status = fault.Public(err), "failing"
			s.log.LogAttrs(ctx, slog.LevelWarn, "a readiness check failed", slog.String("check", names[i]), slog.Any("error", err))
		}
		body.Checks[names[i]] = state
	}
	switch {
	case s.stopping.Load():
		body.Status = "stopping"
	case !s.health.ready.Load():
		body.Status = "starting"
	}
	return body
}
