package demosink

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	syncEvery = 750 * time.Millisecond // from a byte to its sync
	// syncWorkers sync side by side. Those that wait together share what the
	// file system and the disk do for each.
	syncWorkers = 32
)

// syncer makes the files of all streams durable together and notes in one
// transaction how far they are.
type syncer struct {
	s    *Service
	wake chan struct{}

	mu    sync.Mutex
	dirty map[*stream]struct{}

	synced map[*stream]progress // not noted yet; of whoever runs it
}

func (y *syncer) init(s *Service) {
	y.s, y.wake, y.dirty, y.synced = s, make(chan struct{}, 1), map[*stream]struct{}{}, map[*stream]progress{}
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

// run syncs until ctx ends: everything some time after the first byte came,
// and also whenever much has come.
func (y *syncer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-y.wake:
		}
		for due, over := y.s.clock.After(syncEvery), false; !over; {
			select {
			case <-ctx.Done():
				return
			case <-y.s.flow.pressed:
				y.sync()
			case <-due:
				over = true
			}
		}
		y.flush(ctx)
	}
}

// flush syncs every stream that has something new and notes how far all are.
func (y *syncer) flush(ctx context.Context) {
	y.sync()
	if len(y.synced) == 0 {
		return
	}
	all := slices.Collect(maps.Values(y.synced))
	if err := y.s.store.advance(ctx, all); err != nil && ctx.Err() == nil {
		y.s.log.Warn("the progress of the recordings could not be noted; they are on the disk", slog.Any("error", err))
		for st := range y.synced {
			y.add(st)
		}
	}
	clear(y.synced)
}

// sync syncs every stream that has something new.
func (y *syncer) sync() {
	y.mu.Lock()
	streams := slices.Collect(maps.Keys(y.dirty))
	clear(y.dirty)
	y.mu.Unlock()
	began := y.s.clock.Now()
	n := y.syncAll(streams)
	y.s.flow.measure(n, y.s.clock.Now().Sub(began))
}

// syncAll syncs the streams side by side, notes in synced how far they are,
// and returns how many bytes became durable.
func (y *syncer) syncAll(streams []*stream) (n int64) {
	each(streams, (*stream).beginSync)
	var mu sync.Mutex
	each(streams, func(st *stream) {
		p, fresh, err := st.sync()
		if err != nil {
			st.cut(endDamaged, 0)
		}
		mu.Lock()
		defer mu.Unlock()
		y.synced[st] = p
		n += fresh
	})
	return n
}

// each calls f for all streams, some at a time.
func each(streams []*stream, f func(*stream)) {
	next := make(chan *stream)
	var wg sync.WaitGroup
	for range min(syncWorkers, len(streams)) {
		wg.Go(func() {
			for st := range next {
				f(st)
			}
		})
	}
	for _, st := range streams {
		next <- st
	}
	close(next)
	wg.Wait()
}
