package ossvc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// StopTimeout is how long the daemon may take to stop before the process
// exits regardless: HTTP and websockets 5 s, jobs 3 s, stores 2 s.
const StopTimeout = 10 * time.Second

// ErrStopTimeout is returned when the daemon did not stop in time.
var ErrStopTimeout = errors.New("the daemon did not stop within 10 s")

// Foreground runs the daemon until it ends or the process is asked to stop
// (interrupt, SIGTERM). A second request exits the process at once; a stop
// that takes longer than StopTimeout returns ErrStopTimeout.
func Foreground(ctx context.Context, stderr io.Writer, run func(context.Context) error) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals...)
	defer signal.Stop(signals)
	return supervise(ctx, signals, stderr, run, func() { os.Exit(1) })
}

// supervise is Foreground with its edges passed in.
func supervise(ctx context.Context, signals <-chan os.Signal, stderr io.Writer, run func(context.Context) error, exit func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	case s := <-signals:
		fmt.Fprintf(stderr, "stopping on %v; once more exits at once\n", s)
		cancel()
	}
	deadline := time.NewTimer(StopTimeout)
	defer deadline.Stop()
	select {
	case err := <-done:
		return err
	case <-signals:
		exit()
		return ErrStopTimeout
	case <-deadline.C:
		return ErrStopTimeout
	}
}
