package catalog

import (
	"math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/tidwall/btree"
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

// find returns how many mods a search finds and the part that is wanted.
func (ix *index) find(q search) (total int, page []*entry) {
	part := fold(q.name)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	set := ix.filter(q, part)
	total = int(set.GetCardinality())
	if q.offset >= int64(total) || q.limit <= 0 {
		return total, nil
	}
	first, n := int(q.offset), int(min(q.limit, int64(total)-q.offset))
	tree := ix.trees[q.order.number()]
	page = make([]*entry, 0, n)
	switch {
	case set == ix.all:
		from, _ := tree.GetAt(first)
		tree.Ascend(from, func(slot uint32) bool {
			page = append(page, ix.slots[slot])
			return len(page) < n
		})
	case worthSorting(total, first+n, len(ix.byID)):
		return total, ix.sorted(set, q.order)[first : first+n]
	default:
		page = ix.walk(tree, set, page, first, n)
	}
	return total, page
}

// walk appends n of a set to page, in the order of the tree, after the first
// skip of them.
func (ix *index) walk(tree *btree.BTreeG[uint32], set *roaring.Bitmap, page []*entry, skip, n int) []*entry {
	words, _ := ix.dense.Get().(*[]uint64)
	if words == nil || len(*words) < len(ix.slots)/64+1 {
		w := make([]uint64, len(ix.slots)/64+1+len(ix.slots)/256)
		words = &w
	}
	defer ix.dense.Put(words)
	member := *words
	clear(member)
	set.WriteDenseTo(member)
	tree.Scan(func(slot uint32) bool {
		if member[slot/64]&(1<<(slot%64)) == 0 {
			return true
		}
		if skip--; skip >= 0 {
			return true
		}
		page = append(page, ix.slots[slot])
		return len(page) < n
	})
	return page
}

// worthSorting reports whether sorting all that was found costs less than
// walking along the tree of n entries until end of total were met. A step of a
// walk is a few nanoseconds, a comparison of two entries ten times that.
func worthSorting(total, end, n int) bool {
	const comparison = 10
	return total*bits.Len(uint(total))*comparison < n/total*end+n/64
}

func (ix *index) sorted(set *roaring.Bitmap, o order) []*entry {
	list := make([]*entry, 0, set.GetCardinality())
	for it := set.Iterator(); it.HasNext(); {
		list = append(list, ix.slots[it.Next()])
	}
	slices.SortFunc(list, o.compare)
	return list
}

// filter returns the slots that a search finds. The set belongs to the index
// and must not be changed. part is the folded name.
func (ix *index) filter(q search, part string) *roaring.Bitmap {
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
	if part != "" {
		sets = append(sets, ix.named(part))
	}
	switch len(sets) {
	case 0:
		return ix.all
	case 1:
		return sets[0]
	default:
		return and(sets)
	}
}

// and intersects the smallest first, so that little is left for the others.
func and(sets []*roaring.Bitmap) *roaring.Bitmap {
	if len(sets) == 1 {
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
