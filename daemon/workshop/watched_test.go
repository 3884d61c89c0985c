package workshop

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
)

// trickle delivers n bytes after each pause.
type trickle struct {
	n     int
	pause time.Duration
}

func (r trickle) Read(p []byte) (int, error) {
	time.Sleep(r.pause)
	return min(r.n, len(p)), nil
}

// TestByteRateIsNoStall: a sender is not blamed for the time in which we do
// not read because of a byte rate, and for nothing else.
func TestByteRateIsNoStall(t *testing.T) {
	tests := []struct {
		name    string
		sender  trickle
		limiter time.Duration
		stalls  bool
	}{
		{"a byte rate far below the least speed", trickle{1000, time.Millisecond}, 40 * time.Second, false},
		{"a slow sender", trickle{1000, 5 * time.Second}, 0, true},
		{"a slow sender under a byte rate", trickle{100, 5 * time.Second}, time.Second, true},
		{"a sender that is just fast enough for its share", trickle{1100, time.Second}, time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				w := &watched{Reader: tt.sender, ctx: ctx, clock: durable.System, received: func(ctx context.Context, _ int) error {
					time.Sleep(tt.limiter)
					return ctx.Err()
				}}
				stop, stalled := make(chan struct{}), false
				go w.watch(30*time.Second, stop, func() { stalled = true; cancel() })
				if _, err := io.Copy(io.Discard, w); err == nil {
					t.Error("the error of the byte rate is lost")
				}
				close(stop)
				if stalled != tt.stalls {
					t.Errorf("stalled is %v", stalled)
				}
			})
		})
	}
}
