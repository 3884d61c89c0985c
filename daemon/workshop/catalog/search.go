package catalog

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// Which mods a search shows by what they need.
type needing uint8

const (
	anyNeeds   needing = iota
	needNone           // those that need no other mod
	needOthers         // those that do
)

// search says which mods are wanted, in which order, and which part of them.
// An empty slice or text is no filter.
type search struct {
	order      order
	tags       []int64  // all of them
	games      []int64  // any of them
	sources    []string // any of them
	ids        []int64  // any of them
	needing    needing
	dependency int64 // need this one; 0: no filter
	fetching   *bool // not stored yet, or stored; nil: both
	name       string

	offset, limit int64
}

// result is what a filter finds. It is never changed.
type result struct {
	total  int
	set    *roaring.Bitmap
	member []uint64 // a bit per slot, for walks along a tree; nil: everything
}

// maxResults bounds what is remembered: 64 times a bit per mod.
const maxResults = 64

// find returns how many mods a search finds and the part that is wanted.
func (ix *index) find(q search) (total int, page []*entry) {
	q.name = fold(q.name)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	r := ix.filter(q)
	if q.offset >= int64(r.total) || q.limit <= 0 {
		return r.total, nil
	}
	first, n := int(q.offset), int(min(q.limit, int64(r.total)-q.offset))
	if r.member != nil && worthSorting(r.total, first+n, len(ix.byID)) {
		return r.total, ix.sorted(r.set, q.order)[first : first+n]
	}
	tree := ix.trees[q.order.number()]
	page = make([]*entry, 0, n)
	if r.member == nil {
		from, _ := tree.GetAt(first)
		tree.Ascend(from, func(slot uint32) bool {
			page = append(page, ix.slots[slot])
			return len(page) < n
		})
		return r.total, page
	}
	tree.Scan(func(slot uint32) bool {
		if r.member[slot/64]&(1<<(slot%64)) == 0 {
			return true
		}
		if first--; first >= 0 {
			return true
		}
		page = append(page, ix.slots[slot])
		return len(page) < n
	})
	return r.total, page
}

// after returns the place behind an item in what a search finds; ok is false
// if it is not found any more.
func (ix *index) after(q search, id int64) (place int64, ok bool) {
	q.name = fold(q.name)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	r, e := ix.filter(q), ix.byID[id]
	if e == nil || r.set != nil && !r.set.Contains(e.slot) {
		return 0, false
	}
	ix.trees[q.order.number()].Scan(func(slot uint32) bool {
		if r.member == nil || r.member[slot/64]&(1<<(slot%64)) != 0 {
			place++
		}
		return slot != e.slot
	})
	return place, true
}

// worthSorting reports whether sorting all that was found costs less than
// walking along the tree of n entries until end of total were met. A step of a
// walk is a few nanoseconds, a comparison of two entries ten times that.
func worthSorting(total, end, n int) bool {
	const comparison = 10
	return total*bits.Len(uint(total))*comparison < n/total*end
}

func (ix *index) sorted(set *roaring.Bitmap, o order) []*entry {
	list := make([]*entry, 0, set.GetCardinality())
	for it := set.Iterator(); it.HasNext(); {
		list = append(list, ix.slots[it.Next()])
	}
	slices.SortFunc(list, o.compare)
	return list
}

// key names the filters of a search.
func (q *search) key() string {
	b := append(make([]byte, 0, 128), byte(q.needing), 2)
	if q.fetching != nil {
		b[1] = 0
		if *q.fetching {
			b[1] = 1
		}
	}
	b = binary.AppendVarint(b, q.dependency)
	for _, ids := range [...][]int64{q.tags, q.games, q.ids} {
		b = binary.AppendUvarint(b, uint64(len(ids)))
		for _, id := range ids {
			b = binary.AppendVarint(b, id)
		}
	}
	for _, source := range q.sources {
		b = binary.AppendUvarint(b, uint64(len(source))+1)
		b = append(b, source...)
	}
	return string(append(append(b, 0), q.name...))
}

// filter returns what a search finds in all.
func (ix *index) filter(q search) *result {
	key := q.key()
	ix.resultsMu.Lock()
	r := ix.results[key]
	ix.resultsMu.Unlock()
	if r != nil {
		return r
	}
	r = &result{set: ix.set(q)}
	r.total = int(r.set.GetCardinality())
	if r.set == ix.all {
		r.set = nil
	} else {
		r.set = r.set.Clone() // ours may change
		r.member = make([]uint64, len(ix.slots)/64+1)
		r.set.WriteDenseTo(r.member)
	}
	ix.resultsMu.Lock()
	defer ix.resultsMu.Unlock()
	if len(ix.results) >= maxResults {
		clear(ix.results)
	}
	ix.results[key] = r
	return r
}

// set returns the slots that a search finds. It may belong to the index.
func (ix *index) set(q search) *roaring.Bitmap {
	var sets []*roaring.Bitmap
	switch q.needing {
	case needNone:
		sets = append(sets, ix.alone)
	case needOthers:
		sets = append(sets, roaring.AndNot(ix.all, ix.alone))
	}
	for _, id := range q.tags {
		sets = append(sets, ix.tags.of(id))
	}
	if len(q.games) > 0 {
		sets = append(sets, anyOf(ix.games, q.games))
	}
	if len(q.sources) > 0 {
		sets = append(sets, anyOf(ix.sources, q.sources))
	}
	if q.dependency != 0 {
		sets = append(sets, ix.needs.of(q.dependency))
	}
	if q.fetching != nil {
		if *q.fetching {
			sets = append(sets, ix.fetching)
		} else {
			sets = append(sets, roaring.AndNot(ix.all, ix.fetching))
		}
	}
	if len(q.ids) > 0 {
		sets = append(sets, ix.slotsOf(q.ids))
	}
	if q.name == "" {
		return ix.and(sets)
	}
	runs, none := ix.names.candidates(q.name)
	if none {
		return roaring.New()
	}
	return ix.named(ix.and(append(sets, runs...)), q.name)
}

// and intersects, the smallest first, so that little is left for the others.
func (ix *index) and(sets []*roaring.Bitmap) *roaring.Bitmap {
	switch len(sets) {
	case 0:
		return ix.all
	case 1:
		return sets[0]
	}
	slices.SortFunc(sets, func(a, b *roaring.Bitmap) int { return int(a.GetCardinality()) - int(b.GetCardinality()) })
	set := roaring.And(sets[0], sets[1])
	for _, s := range sets[2:] {
		if set.IsEmpty() {
			break
		}
		set.And(s)
	}
	return set
}

func anyOf[K comparable](p postings[K], keys []K) *roaring.Bitmap {
	if len(keys) == 1 {
		return p.of(keys[0])
	}
	set := roaring.New()
	for _, k := range keys {
		if s := p[k]; s != nil {
			set.Or(s)
		}
	}
	return set
}

func (ix *index) slotsOf(ids []int64) *roaring.Bitmap {
	set := roaring.New()
	for _, id := range ids {
		if e := ix.byID[id]; e != nil {
			set.Add(e.slot)
		}
	}
	return set
}

// named returns those of set whose name has the part.
func (ix *index) named(set *roaring.Bitmap, part string) *roaring.Bitmap {
	found := roaring.New()
	for it := set.Iterator(); it.HasNext(); {
		if slot := it.Next(); strings.Contains(ix.slots[slot].folded, part) {
			found.Add(slot)
		}
	}
	return found
}
