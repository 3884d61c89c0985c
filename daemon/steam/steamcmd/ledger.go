package steamcmd

import (
	"math/rand/v2"
	"time"
)

// ledger remembers the failures of one item within a job.
type ledger struct {
	reruns int            // granted so far
	count  map[string]int // failures by code
	last   string
	same   int // identical failures in a row without growth
}

// plan is what follows a failure.
type plan struct {
	again bool
	wait  time.Duration
	clear Clear
}

// next enters a failure and says what to do. grew tells whether the run added
// bytes.
func (l *ledger) next(why Reason, grew bool) plan {
	if l.count == nil {
		l.count = map[string]int{}
	}
	l.count[why.Code]++
	n := l.count[why.Code]
	switch {
	case grew:
		l.same = 0
	case why.Code == l.last:
		l.same++
	default:
		l.same = 1
	}
	l.last = why.Code
	if l.reruns >= MaxReruns || n > why.Retries && !(why.Growing && grew) {
		return plan{}
	}
	l.reruns++
	p := plan{again: true, wait: why.wait(n), clear: why.Clear}
	if l.same >= sameFailures {
		l.same = 0
		p.clear = max(p.clear, ClearCache)
	}
	return p
}

// cooldown is how long to leave an item, or the account, alone. A limit on
// the rate is waited out a little longer, by chance, so that daemons which
// were refused together do not come back together.
func cooldown(why Reason) time.Duration {
	d := why.Cooldown
	if why.Code == CodeRateLimit {
		d += rand.N(d / 4)
	}
	return d
}
