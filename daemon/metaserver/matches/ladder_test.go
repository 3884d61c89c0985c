package matches

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRank(t *testing.T) {
	ratings := []float64{900, 800, 800, 800, 700}
	for rating, want := range map[float64]int64{1000: 1, 900: 1, 850: 2, 800: 2, 750: 5, 700: 5, 100: 6} {
		if got := rank(ratings, rating); got != want {
			t.Errorf("%v has rank %d, want %d", rating, got, want)
		}
	}
	if got := rank(nil, 800); got != 1 {
		t.Errorf("alone: %d", got)
	}
}

func TestLadders(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	l := newLadders(func() time.Time { return now })
	var reads atomic.Int32
	failing := false
	read := func(context.Context, int64) ([]float64, error) {
		if failing {
			return nil, errors.New("down")
		}
		return make([]float64, reads.Add(1)), nil
	}
	want := func(server int64, n int) {
		t.Helper()
		if ratings, err := l.get(t.Context(), server, read); err != nil || len(ratings) != n {
			t.Errorf("%d ratings, %v, want %d", len(ratings), err, n)
		}
	}
	var wg sync.WaitGroup
	for range 20 { // who come together wait for one
		wg.Go(func() { want(1, 1) })
	}
	wg.Wait()
	want(2, 2)
	now = now.Add(ladderFor - 1)
	want(1, 1)
	now = now.Add(1)
	want(1, 3)
	now = now.Add(-time.Minute) // the clock steps back
	want(1, 4)
	l.forget()
	want(1, 5)
	now, failing = now.Add(time.Hour), true
	if _, err := l.get(t.Context(), 1, read); err == nil {
		t.Error("a failure is hidden")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.reading <- struct{}{}
	if _, err := l.get(ctx, 1, read); !errors.Is(err, context.Canceled) {
		t.Errorf("waited beyond the end: %v", err)
	}
}

func TestLaddersAreBounded(t *testing.T) {
	l := newLadders(time.Now)
	big := make([]float64, maxLadders/2)
	for server := range int64(5) {
		l.put(server, ladderAt{big, time.Now()})
		if l.held > maxLadders || l.held != len(big)*len(l.all) {
			t.Fatalf("%d ratings of %d leaderboards are held", l.held, len(l.all))
		}
	}
	l.put(4, ladderAt{big[:1], time.Now()})
	if want := l.held; want != len(big)*(len(l.all)-1)+1 {
		t.Errorf("%d ratings are held after one shrank", l.held)
	}
}
