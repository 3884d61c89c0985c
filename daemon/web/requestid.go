package web

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// requestIDs makes ids that are unique within and, for all practical means,
// across processes: a random word per process and a counter. They are names
// for log lines, not secrets. Ids from outside are never taken over, since
// that would let a stranger write into our log.
type requestIDs struct {
	process string
	last    *atomic.Uint64
}

func newRequestIDs() requestIDs {
	return requestIDs{process: rand.Text()[:6] + "-", last: new(atomic.Uint64)}
}

func (ids requestIDs) next() string {
	b := make([]byte, 0, 24)
	b = append(b, ids.process...)
	return string(strconv.AppendUint(b, ids.last.Add(1), 36))
}
