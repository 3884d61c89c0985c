package daemon

import (
	"context"
	"runtime/debug"
	"time"
)

// settleAfter is how long after the start memory is given back: what loading
// the index and wiring the routes needed is garbage by then.
const settleAfter = time.Second

// settle returns the garbage of the start to the system, once. The collector
// alone would keep it for its next cycle, which an idle daemon hardly reaches.
func settle(ctx context.Context) error {
	select {
	case <-time.After(settleAfter):
		debug.FreeOSMemory()
	case <-ctx.Done():
	}
	return nil
}
