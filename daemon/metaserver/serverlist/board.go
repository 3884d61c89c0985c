package serverlist

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// eager is up to how many servers the list is made anew for every change.
	eager = 200
	// calm is for how long a longer list may show old counts and maps. Who
	// comes and who goes is shown at once all the same.
	calm = time.Second
)

// board holds the servers whose reports may count, and the list of those that
// are listed. Readers of the list take no lock while nothing changes.
type board struct {
	window      time.Duration
	unreachable bool // list those that the last check could not reach
	wire        func(*Server) []byte
	now         func() time.Time

	page    atomic.Pointer[Page]
	version atomic.Uint64 // grows with every change
	moved   atomic.Uint64 // the version at which somebody last came or went

	mu      sync.Mutex
	entries map[int64]*entry

	gzipped atomic.Int64 // when a long page was compressed, in unix microseconds
}

type entry struct {
	server Server
	wire   []byte // made when it is first listed
	listed bool   // by the last page, or it has come since
}

func newBoard(window time.Duration, unreachable bool, wire func(*Server) []byte, now func() time.Time) *board {
	return &board{window: window, unreachable: unreachable, wire: wire, now: now, entries: map[int64]*entry{}}
}

// lists reports whether a server is on the list.
func (b *board) lists(s *Server, now time.Time) bool {
	return s.State == StateOpen && s.reports(now, b.window) && (b.unreachable || !s.unreachable())
}

// put shows a row as it was committed. One that is older than what is shown
// already is left out, so that rows may come in any order.
func (b *board) put(rows ...Server) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range rows {
		e := b.entries[s.ID]
		if e != nil && e.server.revision >= s.revision {
			continue
		}
		listed := b.lists(&s, now)
		if e == nil {
			if !listed && !b.keeps(&s, now) {
				continue
			}
			e = &entry{}
			b.entries[s.ID] = e
		}
		came := listed != e.listed
		e.server, e.wire, e.listed = s, nil, listed
		v := b.version.Add(1)
		if came {
			b.moved.Store(v)
		}
	}
}

// keeps reports whether a row that is not listed has to be remembered: an
// older one that is still under way might be listed otherwise.
func (b *board) keeps(s *Server, now time.Time) bool {
	return now.Sub(s.changed) < time.Minute || s.reports(now, b.window)
}

// load shows exactly these rows, and whatever is newer.
func (b *board) load(rows []Server) {
	b.put(rows...)
	have := make(map[int64]struct{}, len(rows))
	for i := range rows {
		have[rows[i].ID] = struct{}{}
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, e := range b.entries {
		if _, ok := have[id]; !ok && !b.keeps(&e.server, now) {
			delete(b.entries, id)
			if e.listed {
				b.moved.Store(b.version.Add(1))
			}
		}
	}
}

// current returns the list as it is now: every change that was put before the
// call is in it, but for counts and maps of a long list, which may be a
// second old. Nobody is in it whose window has passed.
func (b *board) current() *Page {
	now := b.now()
	if p := b.page.Load(); p != nil && b.fresh(p, now) {
		return p
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.page.Load(); p != nil && b.fresh(p, now) {
		return p // somebody else made it while this one waited
	}
	p := b.build(now)
	b.page.Store(p)
	return p
}

// fresh reports whether a page may still be sent.
func (b *board) fresh(p *Page, now time.Time) bool {
	switch {
	case !p.live(now):
		return false
	case p.version == b.version.Load():
		return true
	case len(p.servers) <= eager || b.moved.Load() > p.version:
		return false
	}
	age := now.Sub(p.made)
	return age >= 0 && age < calm
}

// build makes the list. b.mu is held, so that no change is missed.
func (b *board) build(now time.Time) *Page {
	version := b.version.Load()
	shown := make([]*entry, 0, len(b.entries))
	for id, e := range b.entries {
		e.listed = b.lists(&e.server, now)
		switch {
		case e.listed:
			shown = append(shown, e)
		case !b.keeps(&e.server, now):
			delete(b.entries, id)
		}
	}
	slices.SortFunc(shown, func(x, y *entry) int { return cmp.Compare(x.server.ID, y.server.ID) })
	servers, wires := make([]Server, len(shown)), make([][]byte, len(shown))
	for i, e := range shown {
		if e.wire == nil {
			e.wire = b.wire(&e.server)
		}
		servers[i], wires[i] = e.server, e.wire
	}
	return newPage(servers, wires, now, version, b.window)
}

// mayCompress reports whether a long page may be compressed now, at most one
// a second.
func (b *board) mayCompress() bool {
	now, last := b.now().UnixMicro(), b.gzipped.Load()
	since := time.Duration(now-last) * time.Microsecond
	return (since < 0 || since >= calm) && b.gzipped.CompareAndSwap(last, now)
}
