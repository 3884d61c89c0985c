package fastdl

import (
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

const (
	// maxQueued bounds the files that wait to be made. One more is asked for
	// again by the next client.
	maxQueued = 1000
	// retryAfter is how long a file is left alone after an attempt that
	// failed through no fault of its own.
	retryAfter = time.Minute
)

// job is a file to be made.
type job struct {
	key    madeKey
	source gametree.File
	done   chan struct{} // closed when it was tried
}

// queue holds jobs for one worker, each key once.
type queue struct {
	mu      sync.Mutex
	waiting []*job
	pending map[madeKey]*job // waiting or worked on
	later   map[madeKey]time.Time
	wake    chan struct{} // capacity 1
}

func newQueue() *queue {
	return &queue{pending: map[madeKey]*job{}, later: map[madeKey]time.Time{}, wake: make(chan struct{}, 1)}
}

// ask puts a file on the queue, or finds it there. It returns nil when there
// is no room or when the file is to be left alone for now.
func (q *queue) ask(key madeKey, source gametree.File, now time.Time) *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if j := q.pending[key]; j != nil {
		return j
	}
	if at, ok := q.later[key]; ok {
		if now.Before(at) && at.Sub(now) <= retryAfter { // else the clock was set back
			return nil
		}
		delete(q.later, key)
	}
	if len(q.waiting) >= maxQueued {
		return nil
	}
	j := &job{key: key, source: source, done: make(chan struct{})}
	q.waiting = append(q.waiting, j)
	q.pending[key] = j
	signal(q.wake)
	return j
}

// next takes the job that waited longest, nil if there is none.
func (q *queue) next() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	j := q.waiting[0]
	q.waiting = q.waiting[1:]
	return j
}

// finish ends a job. A zero time means that it may be asked for again at
// once.
func (q *queue) finish(j *job, notBefore time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pending, j.key)
	if !notBefore.IsZero() {
		if len(q.later) >= maxQueued {
			clear(q.later)
		}
		q.later[j.key] = notBefore
	}
	close(j.done)
}

// counts returns how many jobs of a tree wait or are worked on.
func (q *queue) count(tree string) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for k := range q.pending {
		if k.Tree == tree {
			n++
		}
	}
	return n
}
