package demosink

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	syncEvery   = 750 * time.Millisecond // from a byte to its sync
	syncWorkers = 8
)

// syncer makes the files of all streams durable together and notes in one
// transaction how far they are.
type syncer struct {
	s    *Service
	wake chan struct{}

	mu    sync.Mutex
	dirty map[*stream]struct{}
}

func (y *syncer) init(s *Service) {
	y.s, y.wake, y.dirty = s, make(chan struct{}, 1), map[*stream]struct{}{}
}

// add asks for a sync of a stream within syncEvery.
func (y *syncer) add(st *stream) {
	y.mu.Lock()
	y.dirty[st] = struct{}{}
	y.mu.Unlock()
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

func (y *syncer) remove(st *stream) {
	y.mu.Lock()
	defer y.mu.Unlock()
	delete(y.dirty, st)
}

// run syncs until ctx ends.
func (y *syncer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-y.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-y.s.clock.After(syncEvery):
		}
		y.flush(ctx)
	}
}

// flush syncs every stream that has something new.
func (y *syncer) flush(ctx context.Context) {
	y.mu.Lock()
	streams := make([]*stream, 0, len(y.dirty))
	for st := range y.dirty {
		streams = append(streams, st)
	}
	clear(y.dirty)
	y.mu.Unlock()
	all := y.syncAll(streams)
	if len(all) == 0 {
		return
	}
	if err := y.s.store.advance(ctx, all); err != nil && ctx.Err() == nil {
		y.s.log.Warn("the progress of the recordings could not be noted; they are on the disk", slog.Any("error", err))
		for _, st := range streams {
			y.add(st)
		}
	}
}

// syncAll syncs the streams side by side and returns how far they are.
func (y *syncer) syncAll(streams []*stream) []progress {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		all  = make([]progress, 0, len(streams))
		next = make(chan *stream)
	)
	for range min(syncWorkers, len(streams)) {
		wg.Go(func() {
			for st := range next {
				p, err := st.sync()
				if err != nil {
					st.cut(endDamaged, 0)
				}
				mu.Lock()
				all = append(all, p)
				mu.Unlock()
			}
		})
	}
	for _, st := range streams {
		next <- st
	}
	close(next)
	wg.Wait()
	return all
}
