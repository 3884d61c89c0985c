//go:build !windows

package ossvc

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// Run runs the daemon under the service manager. systemd and launchd speak
// by signals, so it is the same as Foreground.
func Run(ctx context.Context, stderr io.Writer, run func(context.Context) error) error {
	return Foreground(ctx, stderr, run)
}

// Reload returns a channel that receives when the operator asks for the
// configuration to be read again (SIGHUP), and a function that stops it.
func Reload() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
