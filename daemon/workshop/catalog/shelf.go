package catalog

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

const (
	pollEvery = 2 * time.Second
	// pollBack is how far a poll looks back: a transaction may commit later
	// than its time says.
	pollBack = time.Minute
	// pollShare keeps polls after a large change from becoming all that the
	// database does: one of s seconds is followed by 20 times as many of rest.
	pollShare = 20
)

// shelf is what the tables know, in memory: rows of items, games, and the
// names of tags and genres.
type shelf struct {
	mu      sync.RWMutex
	records map[int64]*record
	games   map[int64]*Game
	tags    map[int64]string
	genres  []Genre // by id
}

func newShelf() *shelf {
	return &shelf{records: map[int64]*record{}, games: map[int64]*Game{}, tags: map[int64]string{}}
}

// record returns a copy of the row of an item, nil if there is none.
func (f *shelf) record(id int64) *record {
	f.mu.RLock()
	defer f.mu.RUnlock()
	r := f.records[id]
	if r == nil {
		return nil
	}
	c := *r
	return &c
}

// has reports whether the row of an item is known as it was written at that
// time.
func (f *shelf) has(id int64, at time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	r := f.records[id]
	return r != nil && r.UpdatedAt.Equal(at)
}

// game returns a copy of a game, nil if it is not known.
func (f *shelf) game(id int64) *Game {
	f.mu.RLock()
	defer f.mu.RUnlock()
	g := f.games[id]
	if g == nil {
		return nil
	}
	c := *g
	return &c
}

// allGames returns copies of all games, in no order.
func (f *shelf) allGames() []Game {
	f.mu.RLock()
	defer f.mu.RUnlock()
	list := make([]Game, 0, len(f.games))
	for _, g := range f.games {
		list = append(list, *g)
	}
	return list
}

// tagNames returns the tags of some ids, by id.
func (f *shelf) tagNames(ids []int64) []Tag {
	f.mu.RLock()
	defer f.mu.RUnlock()
	list := make([]Tag, 0, len(ids))
	for _, id := range ids {
		if name, ok := f.tags[id]; ok {
			list = append(list, Tag{id, name})
		}
	}
	slices.SortFunc(list, func(a, b Tag) int { return int(a.ID - b.ID) })
	return list
}

func (f *shelf) allGenres() []Genre {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.genres
}

func (f *shelf) totals() (games, genres, tags int, sent int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, g := range f.games {
		sent += g.Downloads
	}
	return len(f.games), len(f.genres), len(f.tags), sent
}

// dirt is the items that changed and were not looked at since.
type dirt struct {
	n     atomic.Int64 // not looked at, or just being looked at
	wake  chan struct{}
	clean sync.Mutex // who looks at them

	mu  sync.Mutex
	ids map[int64]struct{}
}

func newDirt() *dirt { return &dirt{wake: make(chan struct{}, 1), ids: map[int64]struct{}{}} }

func (d *dirt) add(id int64) {
	d.mu.Lock()
	if _, known := d.ids[id]; !known {
		d.ids[id] = struct{}{}
		d.n.Add(1)
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *dirt) take() map[int64]struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := d.ids
	d.ids = map[int64]struct{}{}
	return ids
}

// settle brings the index up to date with every change told so far. It costs
// nothing when there was none.
func (s *Service) settle() {
	if s.dirt.n.Load() == 0 || !s.isLoaded() {
		return
	}
	s.dirt.clean.Lock()
	defer s.dirt.clean.Unlock()
	for id := range s.dirt.take() {
		s.refresh(id)
		s.dirt.n.Add(-1)
	}
}

// refresh takes over how an item stands now.
func (s *Service) refresh(id int64) {
	st := s.library.Stock(id)
	if !st.listed() {
		s.index.remove(id)
		return
	}
	d, _ := s.library.Details(id)
	e := newEntry(id, st, d, s.shelf.record(id))
	if e.condition != conditionComplete {
		s.texts.forget(id) // it was Steam's, not ours
	}
	s.index.put(e)
}

// Load reads the tables and the library. It works once; Run calls it if
// nobody did. Until it is done requests wait.
func (s *Service) Load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.isLoaded() {
		return nil
	}
	if err := s.readTables(ctx); err != nil {
		return err
	}
	stock := map[int64]Stock{}
	s.library.Each(func(id int64, st Stock) {
		if id > 0 && st.listed() {
			stock[id] = st
		}
	})
	entries := make([]*entry, 0, len(stock))
	for id, st := range stock {
		d, _ := s.library.Details(id)
		entries = append(entries, newEntry(id, st, d, s.shelf.record(id)))
	}
	s.index.load(entries)
	close(s.loaded)
	return nil
}

func (s *Service) isLoaded() bool {
	select {
	case <-s.loaded:
		return true
	default:
		return false
	}
}

// readTables takes over all rows.
func (s *Service) readTables(ctx context.Context) error {
	s.stats.flushing.RLock() // what is on its way is in neither
	defer s.stats.flushing.RUnlock()
	games, err := s.store.games(ctx, time.Time{})
	if err != nil {
		return err
	}
	records, err := s.store.records(ctx)
	if err != nil {
		return err
	}
	return s.adopt(ctx, records, games)
}

// readChanges takes over the rows written since then that are not known, which
// others wrote: our own were taken over when they were written.
func (s *Service) readChanges(ctx context.Context, since time.Time) error {
	s.stats.flushing.RLock()
	defer s.stats.flushing.RUnlock()
	games, err := s.store.games(ctx, since)
	if err != nil {
		return err
	}
	var news []int64
	err = s.store.changed(ctx, since, func(item int64, at time.Time) {
		if !s.shelf.has(item, at) {
			news = append(news, item)
		}
	})
	if err != nil {
		return err
	}
	records, err := s.store.recordsOf(ctx, news)
	if err != nil {
		return err
	}
	return s.adopt(ctx, records, games)
}

// reread takes over the rows of items and games after a write of ours.
func (s *Service) reread(ctx context.Context, items, ids []int64) error {
	s.stats.flushing.RLock()
	defer s.stats.flushing.RUnlock()
	records, err := s.store.recordsOf(ctx, items)
	if err != nil {
		return err
	}
	var games []*Game
	for _, id := range ids {
		g, ok, err := s.store.game(ctx, id)
		if err != nil {
			return err
		}
		if ok {
			games = append(games, g)
		}
	}
	return s.adopt(ctx, records, games)
}

// adopt replaces rows in memory. The caller holds stats.flushing since before
// it read them.
func (s *Service) adopt(ctx context.Context, records []*record, games []*Game) error {
	if len(games) > 0 {
		if err := s.readGenres(ctx); err != nil {
			return err
		}
	}
	if s.hasNewTag(records) {
		if err := s.readTags(ctx); err != nil {
			return err
		}
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	byItem, byGame := s.stats.waiting()
	for _, g := range games {
		g.Downloads += byGame[g.ID]
		s.shelf.games[g.ID] = g
	}
	for _, r := range records {
		if d, ok := byItem[r.Item]; ok {
			r.Downloads += d.downloads
			r.DeliveredAt = d.at
		}
		if old := s.shelf.records[r.Item]; old != nil && old.equal(r) {
			continue
		}
		s.shelf.records[r.Item] = r
		s.texts.forget(r.Item)
		if s.isLoaded() {
			s.dirt.add(r.Item)
		}
	}
	return nil
}

// equal reports whether two rows say the same.
func (r *record) equal(o *record) bool {
	return r.CreatedAt.Equal(o.CreatedAt) && r.Source == o.Source && r.Downloads == o.Downloads && r.DeliveredAt.Equal(o.DeliveredAt) &&
		r.AddedAt.Equal(o.AddedAt) && r.Complete == o.Complete && r.CompleteVersion == o.CompleteVersion && r.Attempts == o.Attempts &&
		r.RetryAt.Equal(o.RetryAt) && r.UpdatedAt.Equal(o.UpdatedAt) && slices.Equal(r.Tags, o.Tags) && slices.Equal(r.Dependencies, o.Dependencies)
}

// hasNewTag reports whether a row has a tag whose name is not known.
func (s *Service) hasNewTag(records []*record) bool {
	s.shelf.mu.RLock()
	defer s.shelf.mu.RUnlock()
	for _, r := range records {
		for _, id := range r.Tags {
			if _, ok := s.shelf.tags[id]; !ok {
				return true
			}
		}
	}
	return false
}

func (s *Service) readTags(ctx context.Context) error {
	tags, err := s.store.tags(ctx)
	if err != nil {
		return err
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	for _, t := range tags {
		s.shelf.tags[t.ID] = t.Name
	}
	return nil
}

func (s *Service) readGenres(ctx context.Context) error {
	genres, err := s.store.genres(ctx)
	if err != nil {
		return err
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.genres = genres
	return nil
}

// record writes what became known of an item and makes it visible.
func (s *Service) record(ctx context.Context, m metadata) error {
	err := s.store.db.Write(ctx, func(tx *db.Tx) error { return putMetadata(ctx, tx, m) })
	if err != nil {
		return err
	}
	err = s.reread(ctx, []int64{m.Details.ID}, []int64{int64(m.Details.App)})
	s.Changed(m.Details.ID)
	return err
}

// delivered counts a complete archive of an item of a game, 0 if unknown.
func (s *Service) delivered(id, game int64) {
	at := s.clock.Now()
	s.shelf.mu.Lock()
	s.stats.delivered(id, game, at)
	r := s.shelf.records[id]
	if r == nil {
		r = &record{Item: id, Source: SourceSteam, AddedAt: at}
		s.shelf.records[id] = r
	}
	r.Downloads++
	if at.After(r.DeliveredAt) {
		r.DeliveredAt = at
	}
	if game != 0 {
		g := s.shelf.games[game]
		if g == nil {
			p := placeholder(game)
			p.Source, p.CreatedAt = SourceSteam, at
			g = &p
			s.shelf.games[game] = g
		}
		g.Downloads++
	}
	s.shelf.mu.Unlock()
	s.Changed(id)
}

// poll takes over what other processes wrote, until ctx ends.
func (s *Service) poll(ctx context.Context, failed func(error)) error {
	tick := s.clock.After(pollEvery)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.dirt.wake:
			s.settle()
		case <-tick:
			start := s.clock.Now()
			if err := s.readChanges(ctx, start.Add(-pollBack)); err != nil && ctx.Err() == nil {
				failed(err)
			}
			s.settle()
			tick = s.clock.After(max(pollEvery, min(pollShare*s.clock.Now().Sub(start), pollBack/2)))
		}
	}
}
