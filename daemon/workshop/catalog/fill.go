package catalog

import (
	"context"
	"hash/maphash"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/community"
	"github.com/quartermasterd/quartermaster/daemon/steam/paced"
	steamstore "github.com/quartermasterd/quartermaster/daemon/steam/store"
)

const (
	fillBatch   = 100              // items of one question to Steam and of one write
	fillBusy    = 3 * time.Second  // after another process was busy
	fillSweep   = time.Minute      // how often everything incomplete is looked for
	fillHold    = 30 * time.Second // after Steam answered nothing at all
	fillRetry   = time.Minute      // doubles with each failure
	fillRetries = 6 * time.Hour
	// fillUnknown is when Steam is asked again about an item that it does not
	// know.
	fillUnknown = 7 * 24 * time.Hour
	fillLock    = "workshop.catalog.fill"
)

// Games says what an app is; steamstore.Client does.
type Games interface {
	App(ctx context.Context, id uint32) (steamstore.App, error)
	State() paced.State
}

// Pages reads what the page of an item says; community.Client does.
type Pages interface {
	Page(ctx context.Context, id uint64) (community.Page, error)
	State() paced.State
}

// filler completes what the catalogue knows of stored items: their texts,
// tags, pictures, what they need, and the game they belong to. One process at
// a time does it. What is still to be done follows from the rows and the
// index, so that a restart loses nothing.
type filler struct {
	s     *Service
	apps  Games // nil: games stay placeholders
	pages Pages // nil: pages are not read
	seed  maphash.Seed
	wake  chan struct{}

	mu     sync.Mutex
	due    map[int64]struct{} // items that may have something to write
	games  map[int64]struct{} // games to be asked about
	owed   map[int64]struct{} // items whose page is to be read
	prints map[int64]uint64   // of the details written last
	hold   time.Time          // Steam is not asked before
}

func newFiller(s *Service, apps Games, pages Pages) *filler {
	return &filler{
		s: s, apps: apps, pages: pages, seed: maphash.MakeSeed(), wake: make(chan struct{}, 1),
		due: map[int64]struct{}{}, games: map[int64]struct{}{}, owed: map[int64]struct{}{}, prints: map[int64]uint64{},
	}
}

// note says that something of an item changed. It does not block.
func (f *filler) note(id int64) {
	f.mu.Lock()
	f.due[id] = struct{}{}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (f *filler) run(ctx context.Context) error {
	next := f.s.clock.After(0)
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.wake:
		case <-again:
		case <-next:
			next = f.s.clock.After(fillSweep)
			f.sweep()
		}
		busy, err := f.work(ctx)
		if err != nil && ctx.Err() == nil {
			f.s.log.Error("the catalogue was not completed", slog.Any("error", err))
		}
		if again = nil; busy {
			again = f.s.clock.After(fillBusy)
		}
	}
}

// sweep looks for everything that is due by now and was not told.
func (f *filler) sweep() {
	now := f.s.clock.Now()
	entries := storedEntries(f.s.index)
	inUse := map[int64]struct{}{}
	f.mu.Lock()
	defer f.mu.Unlock()
	listed := make(map[int64]struct{}, len(entries))
	for _, e := range entries {
		listed[e.id] = struct{}{}
		inUse[e.game] = struct{}{}
		switch r := f.s.shelf.record(e.id); {
		case lacks(r, e, now):
			f.due[e.id] = struct{}{}
		case f.pages != nil && owesPage(r, e, now):
			f.owed[e.id] = struct{}{}
		}
	}
	maps.DeleteFunc(f.prints, func(id int64, _ uint64) bool { _, ok := listed[id]; return !ok })
	if f.apps == nil {
		return
	}
	for _, g := range f.s.shelf.allGames() {
		if _, used := inUse[g.ID]; used && gameDue(g, now) {
			f.games[g.ID] = struct{}{}
		}
	}
}

// lacks reports whether details of a stored item are missing and due.
func lacks(r *record, e *entry, now time.Time) bool {
	switch {
	case r == nil:
		return true
	case !r.Complete:
		return !r.RetryAt.After(now)
	}
	return r.CompleteVersion != e.version
}

// owesPage reports whether the page of an item that is complete is to be
// read: its row then has a time to do so.
func owesPage(r *record, e *entry, now time.Time) bool {
	return r != nil && r.Complete && r.CompleteVersion == e.version && !r.RetryAt.IsZero() && !r.RetryAt.After(now)
}

// work does what is due unless another process is busy with it. New items
// come before games, and games before pages.
func (f *filler) work(ctx context.Context) (busy bool, err error) {
	release := func() {}
	defer func() { release() }()
	held := false
	for ctx.Err() == nil {
		items := f.takeItems()
		game, someGame := f.takeGame(len(items) == 0)
		page, somePage := f.takePage(len(items) == 0 && !someGame)
		if len(items) == 0 && !someGame && !somePage {
			return false, nil
		}
		if !held {
			unlock, ok, err := f.s.store.db.Lock(ctx, fillLock)
			if err != nil || !ok {
				f.putBack(items, game, page)
				return err == nil, err
			}
			release, held = unlock, true
		}
		switch {
		case len(items) > 0:
			err = f.items(ctx, items)
		case someGame:
			err = f.game(ctx, game)
		default:
			err = f.page(ctx, page)
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// takeItems returns up to fillBatch items that have something to write.
func (f *filler) takeItems() (ids []int64) {
	f.s.settle()
	now := f.s.clock.Now()
	f.mu.Lock()
	hold := now.Before(f.hold)
	f.mu.Unlock()
	for len(ids) == 0 {
		noted := f.takeNoted()
		if len(noted) == 0 {
			break
		}
		for _, id := range noted {
			e, r := f.s.index.get(id), f.s.shelf.record(id)
			if e == nil || e.version == 0 {
				continue
			}
			// What Steam said a moment ago is taken however long the wait is.
			if lacks(r, e, now) && !hold || f.news(e) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// takeNoted takes up to fillBatch items off the list.
func (f *filler) takeNoted() (ids []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.due {
		if len(ids) == fillBatch {
			break
		}
		ids = append(ids, id)
		delete(f.due, id)
	}
	return ids
}

// putBack puts what was taken back on the lists; 0 is none.
func (f *filler) putBack(ids []int64, game, page int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.due[id] = struct{}{}
	}
	if game != 0 {
		f.games[game] = struct{}{}
	}
	if page != 0 {
		f.owed[page] = struct{}{}
	}
}

// news reports whether Steam lately said something of an item that is not
// written yet. What it says of a version that is not here waits for that.
func (f *filler) news(e *entry) bool {
	d, ok := f.s.library.Details(e.id)
	return ok && d.Description != "" && d.Updated <= e.version && f.print(d) != f.printOf(e.id)
}

// print is a fingerprint of what is written of an item.
func (f *filler) print(d Details) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	put := func(s string) {
		_, _ = h.WriteString(s) // a hash does not fail
		_ = h.WriteByte(0)
	}
	put(d.Description)
	put(d.Logo)
	maphash.WriteComparable(&h, [3]int64{d.Created, int64(d.App), int64(len(d.Tags))})
	for _, t := range d.Tags {
		put(t)
	}
	for _, u := range d.Screenshots {
		put(u)
	}
	for _, id := range d.Dependencies {
		maphash.WriteComparable(&h, id)
	}
	return h.Sum64()
}

func (f *filler) printOf(id int64) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.prints[id]
}

// storedEntries returns the entries of items of which a version is here.
func storedEntries(ix *index) []*entry {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	list := make([]*entry, 0, len(ix.byID))
	for _, e := range ix.byID {
		if e.version != 0 {
			list = append(list, e)
		}
	}
	return list
}
