package workshop

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// index is every stored version in memory, so that a request for one costs a
// map lookup and no query. It is safe for concurrent use; no lock is held
// over I/O.
type index struct {
	mu     sync.RWMutex
	byName map[Name]*stored
	byItem map[ItemID][]*stored // newest version first
	blobs  map[string]int       // how many versions share each of our blobs

	bytes atomic.Int64 // of our own blobs, each counted once
}

// stored is one version in the index. The version is immutable; a change
// replaces the whole entry and hands the counter on.
type stored struct {
	Version
	etagText string
	hits     *counter
	suspect  atomic.Bool // the file is not what was checked; do not serve
}

// counter holds the requests for one version that are not in the database yet.
type counter struct {
	n     atomic.Int64
	at    atomic.Int64 // Unix microseconds of the last request
	dirty atomic.Bool  // waits for the next flush
}

func newIndex() *index {
	return &index{byName: map[Name]*stored{}, byItem: map[ItemID][]*stored{}, blobs: map[string]int{}}
}

// get returns the entry of n, nil if there is none.
func (x *index) get(n Name) *stored {
	x.mu.RLock()
	s := x.byName[n]
	x.mu.RUnlock()
	return s
}

// item returns the entries of one item, newest version first. The slice must
// not be changed.
func (x *index) item(id ItemID) []*stored {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.byItem[id]
}

// all returns every entry in no particular order.
func (x *index) all() []*stored {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([]*stored, 0, len(x.byName))
	for _, s := range x.byName {
		out = append(out, s)
	}
	return out
}

// totals returns how many items and versions are stored, and the bytes of
// our own blobs.
func (x *index) totals() (items, versions int, size int64) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.byItem), len(x.byName), x.bytes.Load()
}

// merge takes in a row of the database, which may be older than what the
// index holds: rows are read again and again for a while. A removed version is
// dropped. It reports whether the index changed.
func (x *index) merge(v Version) bool {
	x.mu.RLock()
	old := x.byName[v.Name]
	x.mu.RUnlock()
	switch {
	case old != nil && !v.UpdatedAt.After(old.UpdatedAt):
		return false
	case v.State == Removed:
		return x.drop(v.Name)
	}
	x.put(v)
	return true
}

// put adds or replaces the entry of v.Name and returns it.
func (x *index) put(v Version) *stored {
	s := &stored{Version: v, etagText: v.etag(), hits: &counter{}}
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.byName[v.Name]
	if old != nil {
		s.hits = old.hits
		x.release(old)
	}
	x.byName[v.Name] = s
	x.use(s)
	// The slice that readers may hold is never changed in place.
	list := slices.DeleteFunc(slices.Clone(x.byItem[v.Name.Item]), func(o *stored) bool { return o.Name == v.Name })
	at, _ := slices.BinarySearchFunc(list, v.Name.Version, func(o *stored, version int64) int {
		return int(min(max(version-o.Name.Version, -1), 1))
	})
	x.byItem[v.Name.Item] = slices.Insert(list, at, s)
	return s
}

// drop forgets n and reports whether it was known.
func (x *index) drop(n Name) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.byName[n]
	if old == nil {
		return false
	}
	delete(x.byName, n)
	x.release(old)
	list := slices.DeleteFunc(slices.Clone(x.byItem[n.Item]), func(o *stored) bool { return o.Name == n })
	if len(list) == 0 {
		delete(x.byItem, n.Item)
	} else {
		x.byItem[n.Item] = list
	}
	return true
}

// use and release count who needs a blob. The caller holds the mutex.
func (x *index) use(s *stored) {
	if s.ours() {
		if x.blobs[s.Key]++; x.blobs[s.Key] == 1 {
			x.bytes.Add(s.Size)
		}
	}
}

func (x *index) release(s *stored) {
	if s.ours() {
		if x.blobs[s.Key]--; x.blobs[s.Key] == 0 {
			delete(x.blobs, s.Key)
			x.bytes.Add(-s.Size)
		}
	}
}

// uses reports whether a version needs the blob.
func (x *index) uses(key string) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.blobs[key] > 0
}

// twin returns another sound version of the item with the same bytes in a
// blob of ours, nil if there is none. Steam moves an item's time_updated also
// when its content stays.
func (x *index) twin(v Version) *stored {
	for _, s := range x.item(v.Name.Item) {
		if s.Name != v.Name && s.ours() && s.servable() && s.Size == v.Size && bytes.Equal(s.SHA256, v.SHA256) {
			return s
		}
	}
	return nil
}

// servable reports whether the bytes may be given to a client.
func (s *stored) servable() bool { return s.State == Ready && !s.suspect.Load() }

// lastRequested returns when a client last asked, including what is not yet
// in the database.
func (s *stored) lastRequested() time.Time {
	if at := s.hits.at.Load(); at > 0 {
		if t := time.UnixMicro(at).UTC(); t.After(s.RequestedAt) {
			return t
		}
	}
	return s.RequestedAt
}
