package workshop

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

const (
	flushEvery = 5 * time.Second
	flushBatch = 1000
)

// hit is a number of requests for a version, the last of them at Unix
// microseconds at. A zero version counts for the item alone.
type hit struct {
	name Name
	n    int64
	at   int64
}

// hitList is the versions with requests that are not in the database yet.
type hitList struct {
	mu    sync.Mutex
	names []Name
}

// hit counts a request without a query: one flusher writes the counts.
func (s *Service) hit(st *stored, now time.Time) {
	st.hits.n.Add(1)
	st.hits.at.Store(db.Micros(now))
	if !st.hits.dirty.Swap(true) {
		s.hits.mu.Lock()
		s.hits.names = append(s.hits.names, st.Name)
		s.hits.mu.Unlock()
	}
}

// flush writes the counts that came up since the last time.
func (s *Service) flush(ctx context.Context) {
	s.hits.mu.Lock()
	names := s.hits.names
	s.hits.names = nil
	s.hits.mu.Unlock()
	hits := make([]hit, 0, len(names))
	for _, n := range names {
		st := s.index.get(n)
		if st == nil {
			continue
		}
		st.hits.dirty.Store(false)
		hits = append(hits, hit{n, st.hits.n.Swap(0), st.hits.at.Load()})
	}
	now := db.Micros(s.clock.Now())
	s.records.mu.Lock()
	for id, n := range s.records.itemHits {
		hits = append(hits, hit{Name{Item: id}, n, now})
	}
	clear(s.records.itemHits)
	s.records.mu.Unlock()
	for batch := range slices.Chunk(hits, flushBatch) {
		if err := s.store.flushHits(ctx, batch); err != nil {
			s.log.Error("the counts of requests were not written", "error", err, "versions", len(batch))
			return
		}
	}
}

// runFlusher flushes now and then. What is left when ctx ends is flushed by
// Run.
func (s *Service) runFlusher(ctx context.Context) error {
	for {
		select {
		case <-s.clock.After(flushEvery):
			s.flush(ctx)
			s.face.log.report()
		case <-ctx.Done():
			return nil
		}
	}
}
