package daemon

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// settleAfter is how long after the start memory is given back: what loading
// the index and wiring the routes needed is garbage by then.
const settleAfter = time.Second

// settle returns what only the start needed to the system, once: garbage,
// which the collector alone would keep for a cycle that an idle daemon hardly
// reaches, and pages of the program.
func settle(ctx context.Context, log *slog.Logger) {
	select {
	case <-time.After(settleAfter):
	case <-ctx.Done():
		return
	}
	debug.FreeOSMemory()
	if err := releaseProgram(); err != nil {
		log.Debug("the program's pages were not released", slog.Any("error", err))
	}
}
