package matches

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	ladderFor  = 10 * time.Second
	maxLadders = 4 << 20 // ratings in all: 32 MiB
)

// ladders remembers for a moment the ratings of leaderboards, so that telling
// a rank, or how many players there are, does not look at everybody each time.
// It is safe for concurrent use.
type ladders struct {
	now     func() time.Time
	reading chan struct{} // one reads at a time

	mu   sync.Mutex
	all  map[int64]ladderAt
	held int // ratings in all of them
}

type ladderAt struct {
	ratings []float64 // the highest first; not changed any more
	at      time.Time
}

func newLadders(now func() time.Time) *ladders {
	return &ladders{now: now, reading: make(chan struct{}, 1), all: map[int64]ladderAt{}}
}

// get returns the ratings of a leaderboard as they were at most ladderFor ago.
func (l *ladders) get(ctx context.Context, server int64, read func(context.Context, int64) ([]float64, error)) ([]float64, error) {
	if ratings, ok := l.fresh(server); ok {
		return ratings, nil
	}
	select {
	case l.reading <- struct{}{}:
		defer func() { <-l.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if ratings, ok := l.fresh(server); ok { // by whom was waited for
		return ratings, nil
	}
	at := l.now()
	ratings, err := read(ctx, server)
	if err == nil {
		l.put(server, ladderAt{ratings, at})
	}
	return ratings, err
}

func (l *ladders) fresh(server int64) ([]float64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.all[server]
	age := l.now().Sub(v.at)
	return v.ratings, ok && age >= 0 && age < ladderFor
}

func (l *ladders) put(server int64, v ladderAt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held -= len(l.all[server].ratings)
	if l.held+len(v.ratings) > maxLadders || len(l.all) >= maxTracked {
		clear(l.all)
		l.held = 0
	}
	l.all[server] = v
	l.held += len(v.ratings)
}

func (l *ladders) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.all)
	l.held = 0
}

// rank is one more than the number of higher ratings.
func rank(ratings []float64, rating float64) int64 {
	n, _ := slices.BinarySearchFunc(ratings, rating, func(r, rating float64) int {
		if r > rating {
			return -1
		}
		return 1
	})
	return int64(n) + 1
}
