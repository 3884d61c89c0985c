package fastdl

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// maxMisses bounds what is remembered of one tree.
const maxMisses = 1000

// miss is a file that players asked for in vain.
type miss struct {
	Path string
	// Plain and Packed count the requests for the file and for its
	// compressed form. Source clients ask for both, one after the other.
	Plain, Packed int64
	Server        string // that the last player named, "" if none was
	First, Last   time.Time

	stored bool // there is a row
}

// requests is how often players wanted the file.
func (m miss) requests() int64 { return max(m.Plain, m.Packed) }

// missTable collects misses. When it is full, the least asked for goes, the
// longest ago first.
type missTable struct {
	mu      sync.Mutex
	entries map[string]*miss
	changed map[string]struct{}
	gone    map[string]struct{}
}

func newMissTable() *missTable {
	return &missTable{entries: map[string]*miss{}, changed: map[string]struct{}{}, gone: map[string]struct{}{}}
}

// note counts a request for the file p, or for its compressed form.
func (m *missTable) note(p string, isPacked bool, server string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[p]
	if e == nil {
		if len(m.entries) >= maxMisses {
			m.evict()
		}
		e = &miss{Path: p, First: at}
		m.entries[p] = e
		delete(m.gone, p)
	}
	if isPacked {
		e.Packed++
	} else {
		e.Plain++
	}
	e.Last = at
	if server != "" {
		e.Server = server
	}
	m.changed[p] = struct{}{}
}

// evict makes room for a tenth of the table at once, so that a flood of made
// up names does not sort it again and again.
func (m *missTable) evict() {
	list := make([]*miss, 0, len(m.entries))
	for _, e := range m.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *miss) int { return cmp.Or(cmp.Compare(a.requests(), b.requests()), a.Last.Compare(b.Last)) })
	for _, e := range list[:len(list)/10+1] {
		m.remove(e.Path)
	}
}

func (m *missTable) remove(p string) {
	if m.entries[p].stored {
		m.gone[p] = struct{}{}
	}
	delete(m.entries, p)
	delete(m.changed, p)
}

// forget drops everything.
func (m *missTable) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.entries {
		m.remove(p)
	}
}

// expire drops what nobody asked for since then.
func (m *missTable) expire(since time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, e := range m.entries {
		if e.Last.Before(since) {
			m.remove(p)
		}
	}
}

// fill takes in what was known before.
func (m *missTable) fill(list []miss) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range list[:min(len(list), maxMisses)] {
		m.entries[e.Path] = &e
	}
}

// all returns the misses, the most wanted first.
func (m *missTable) all() []miss {
	m.mu.Lock()
	list := make([]miss, 0, len(m.entries))
	for _, e := range m.entries {
		list = append(list, *e)
	}
	m.mu.Unlock()
	slices.SortFunc(list, func(a, b miss) int {
		return cmp.Or(cmp.Compare(b.requests(), a.requests()), b.Last.Compare(a.Last), cmp.Compare(a.Path, b.Path))
	})
	return list
}

// take returns what has to be written down.
func (m *missTable) take() (changed []miss, gone []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.changed {
		m.entries[p].stored = true
		changed = append(changed, *m.entries[p])
	}
	for p := range m.gone {
		gone = append(gone, p)
	}
	clear(m.changed)
	clear(m.gone)
	return changed, gone
}

// giveBack is for when writing failed.
func (m *missTable) giveBack(changed []miss, gone []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range changed {
		if m.entries[e.Path] != nil {
			m.changed[e.Path] = struct{}{}
		}
	}
	for _, p := range gone {
		if m.entries[p] == nil {
			m.gone[p] = struct{}{}
		}
	}
}
