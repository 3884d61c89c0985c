package workshop

import (
	"context"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

const (
	// maxRequested bounds the items that are kept current because clients ask
	// for them.
	maxRequested = 1000
	// evictedRest is how long nothing but a client brings back an item that
	// was evicted; after that it may come if it fits without another going.
	evictedRest = 24 * time.Hour
	// evictedKept is how long evictions are remembered.
	evictedKept = 90 * 24 * time.Hour
)

// evictedItems are the items that prefetching leaves alone because a version
// of theirs was evicted and no client asked for them since. The zero value is
// ready; it is safe for concurrent use.
type evictedItems struct {
	mu    sync.Mutex
	items map[ItemID]struct{}
}

func (e *evictedItems) set(items map[ItemID]struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.items = items
}

func (e *evictedItems) add(list []*stored) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.items == nil {
		e.items = map[ItemID]struct{}{}
	}
	for _, st := range list {
		e.items[st.Name.Item] = struct{}{}
	}
}

// remove forgets an item: somebody wanted a version of it again.
func (e *evictedItems) remove(id ItemID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.items, id)
}

func (e *evictedItems) has(id ItemID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.items[id]
	return ok
}

// inUse returns the items that are kept current because clients asked for
// them within workshop.monitor.requested, the most requested first. Only items
// of which a version is stored count: what was evicted comes back when a
// client asks for it, and not before.
func (s *Service) inUse(ctx context.Context) (map[ItemID]struct{}, error) {
	found := map[ItemID]struct{}{}
	period := s.policy.monitor().Requested.Std()
	if period == 0 {
		return found, nil
	}
	ids, err := s.store.requestedItems(ctx, s.clock.Now().Add(-period), maxItems)
	for _, id := range ids {
		if len(found) == maxRequested {
			break
		}
		if s.policy.serves(id) && len(s.index.item(id)) > 0 {
			found[id] = struct{}{}
		}
	}
	return found, err
}

// recallEvicted reads which items prefetching leaves alone. An item that
// rested and fits into what is free may come back.
func (s *Service) recallEvicted(ctx context.Context) error {
	list, err := s.store.evictedItems(ctx)
	if err != nil || len(list) == 0 {
		s.evicted.set(nil)
		return err
	}
	w, err := s.promises.shortage(ctx, 0)
	if err != nil {
		return err
	}
	room := -w.need
	if limit := int64(s.policy.retention().MaxBytes); limit > 0 {
		room = min(room, -w.over)
	}
	now, left := s.clock.Now(), map[ItemID]struct{}{}
	for _, e := range list {
		if now.Sub(e.at) >= evictedRest && e.size <= room {
			room -= e.size
			continue
		}
		left[e.item] = struct{}{}
	}
	s.evicted.set(left)
	return nil
}

// evictedItem is an item of which a version was evicted and that nobody asked
// for since.
type evictedItem struct {
	item ItemID
	at   time.Time
	size int64 // as Steam says
}

// evictedItems returns them, those evicted longest ago first.
func (s store) evictedItems(ctx context.Context) (list []evictedItem, err error) {
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		list = list[:0]
		rows, err := tx.Query(ctx, `SELECT e.item, e.at, COALESCE(i.size, 0) FROM workshop_evicted AS e
			LEFT JOIN workshop_item AS i ON i.id = e.item
			WHERE COALESCE(i.requested_at, 0) <= e.at ORDER BY e.at, e.item`)
		return db.EachRow(rows, err, func() error {
			var e evictedItem
			var at int64
			err := rows.Scan(&e.item, &at, &e.size)
			e.at = db.Time(at)
			list = append(list, e)
			return err
		})
	})
	return list, err
}
