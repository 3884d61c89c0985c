package catalog

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/tidwall/btree"
)

// index is the list of mods in memory: an ordered tree for every order and a
// set for everything that can be filtered by. Trees and sets hold slots, the
// places of entries, so that a step along a tree needs nothing but a look into
// a set.
type index struct {
	mu    sync.RWMutex
	slots []*entry // nil: free
	free  []uint32
	byID  map[int64]*entry
	trees [2 * int(sortKeys)]*btree.BTreeG[uint32]

	all       *roaring.Bitmap
	alone     *roaring.Bitmap // need nothing
	fetching  *roaring.Bitmap // not stored
	games     postings[int64]
	tags      postings[int64]
	sources   postings[string]
	needs     postings[int64] // by what they need
	names     grams
	gameTags  map[int64]map[int64]int // game → tag → mods
	dependent int                     // mods that need something

	// What filters found, until a set changes: pages and orders of one search
	// follow each other, and many people look at the same games.
	resultsMu sync.Mutex
	results   map[string]*result
}

func newIndex() *index {
	ix := &index{
		byID: map[int64]*entry{}, all: roaring.New(), alone: roaring.New(), fetching: roaring.New(),
		games: postings[int64]{}, tags: postings[int64]{}, sources: postings[string]{}, needs: postings[int64]{},
		names: grams{}, results: map[string]*result{}, gameTags: map[int64]map[int64]int{},
	}
	for i := range ix.trees {
		o := orderNumbered(i)
		ix.trees[i] = btree.NewBTreeGOptions(func(a, b uint32) bool { return o.compare(ix.slots[a], ix.slots[b]) < 0 },
			btree.Options{NoLocks: true})
	}
	return ix
}

// postings are the slots by a property.
type postings[K comparable] map[K]*roaring.Bitmap

func (p postings[K]) add(k K, slot uint32) {
	set := p[k]
	if set == nil {
		set = roaring.New()
		p[k] = set
	}
	set.Add(slot)
}

func (p postings[K]) remove(k K, slot uint32) {
	if set := p[k]; set != nil {
		if set.Remove(slot); set.IsEmpty() {
			delete(p, k)
		}
	}
}

// of returns the slots that have k, an empty set if none has.
func (p postings[K]) of(k K) *roaring.Bitmap {
	if set := p[k]; set != nil {
		return set
	}
	return roaring.New()
}

// get returns the entry of an item, nil if it is not listed.
func (ix *index) get(id int64) *entry {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.byID[id]
}

// load fills an empty index. Sorting everything at once is much faster than
// putting one after the other, and the two directions of a key need it once.
func (ix *index) load(entries []*entry) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for i, e := range entries {
		e.slot = uint32(i)
		ix.slots, ix.byID[e.id] = append(ix.slots, e), e
		ix.addSets(e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	var wg sync.WaitGroup
	for key := range sortKeys {
		wg.Go(func() { ix.loadTrees(key, slices.Clone(entries)) })
	}
	wg.Wait()
}

// loadTrees fills the two trees of a key.
func (ix *index) loadTrees(key sortKey, list []*entry) {
	up, down := order{key: key}, order{key: key, desc: true}
	slices.SortFunc(list, up.compare)
	for _, e := range list {
		ix.trees[up.number()].Load(e.slot)
	}
	for to := len(list); to > 0; { // equals keep their order
		from := to - 1
		for from > 0 && key.compare(list[from-1], list[to-1]) == 0 {
			from--
		}
		for _, e := range list[from:to] {
			ix.trees[down.number()].Load(e.slot)
		}
		to = from
	}
}

// put adds or replaces an entry.
func (ix *index) put(e *entry) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	old := ix.byID[e.id]
	if old == nil {
		ix.insert(e)
		return
	}
	e.slot = old.slot
	var moved [2 * int(sortKeys)]bool
	for i, tree := range ix.trees {
		if moved[i] = orderNumbered(i).key.compare(old, e) != 0; moved[i] {
			tree.Delete(e.slot)
		}
	}
	ix.slots[e.slot], ix.byID[e.id] = e, e
	for i, tree := range ix.trees {
		if moved[i] {
			tree.Set(e.slot)
		}
	}
	ix.changeSets(old, e)
}

func (ix *index) insert(e *entry) {
	if n := len(ix.free); n > 0 {
		e.slot, ix.free = ix.free[n-1], ix.free[:n-1]
		ix.slots[e.slot] = e
	} else {
		e.slot = uint32(len(ix.slots))
		ix.slots = append(ix.slots, e)
	}
	ix.byID[e.id] = e
	for _, tree := range ix.trees {
		tree.Set(e.slot)
	}
	ix.addSets(e)
}

// remove takes an item out.
func (ix *index) remove(id int64) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	e := ix.byID[id]
	if e == nil {
		return
	}
	for _, tree := range ix.trees {
		tree.Delete(e.slot)
	}
	ix.removeSets(e)
	ix.slots[e.slot] = nil
	ix.free = append(ix.free, e.slot)
	delete(ix.byID, id)
}

// changeSets moves an entry between sets. Most changes touch none.
func (ix *index) changeSets(old, e *entry) {
	if old.game == e.game && old.source == e.source && old.folded == e.folded && old.condition == e.condition &&
		slices.Equal(old.tags, e.tags) && slices.Equal(old.needs, e.needs) {
		return
	}
	ix.removeSets(old)
	ix.addSets(e)
}

func (ix *index) addSets(e *entry) {
	clear(ix.results)
	ix.all.Add(e.slot)
	ix.games.add(e.game, e.slot)
	ix.sources.add(e.source, e.slot)
	if len(e.needs) == 0 {
		ix.alone.Add(e.slot)
	} else {
		ix.dependent++
	}
	if e.condition == conditionFetching {
		ix.fetching.Add(e.slot)
	}
	for _, id := range e.needs {
		ix.needs.add(id, e.slot)
	}
	counts := ix.gameTags[e.game]
	if counts == nil && len(e.tags) > 0 {
		counts = map[int64]int{}
		ix.gameTags[e.game] = counts
	}
	for _, id := range e.tags {
		ix.tags.add(id, e.slot)
		counts[id]++
	}
	ix.names.add(e.folded, e.slot)
}

func (ix *index) removeSets(e *entry) {
	clear(ix.results)
	ix.all.Remove(e.slot)
	ix.games.remove(e.game, e.slot)
	ix.sources.remove(e.source, e.slot)
	ix.alone.Remove(e.slot)
	if len(e.needs) > 0 {
		ix.dependent--
	}
	ix.fetching.Remove(e.slot)
	for _, id := range e.needs {
		ix.needs.remove(id, e.slot)
	}
	counts := ix.gameTags[e.game]
	for _, id := range e.tags {
		ix.tags.remove(id, e.slot)
		if counts[id]--; counts[id] <= 0 {
			delete(counts, id)
		}
	}
	if len(counts) == 0 {
		delete(ix.gameTags, e.game)
	}
	ix.names.remove(e.folded, e.slot)
}

// tagsOf returns how many mods of a game have each tag.
func (ix *index) tagsOf(game int64) map[int64]int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return maps.Clone(ix.gameTags[game])
}

// tagCounts returns how many mods have each tag.
func (ix *index) tagCounts() map[int64]int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	counts := make(map[int64]int, len(ix.tags))
	for id, set := range ix.tags {
		counts[id] = int(set.GetCardinality())
	}
	return counts
}

// gameCounts returns how many mods each game has.
func (ix *index) gameCounts() map[int64]int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	counts := make(map[int64]int, len(ix.games))
	for id, set := range ix.games {
		counts[id] = int(set.GetCardinality())
	}
	return counts
}

// totals returns how many mods are listed, how many of them need others and
// how many are not stored yet.
func (ix *index) totals() (mods, dependent, fetching int) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return len(ix.byID), ix.dependent, int(ix.fetching.GetCardinality())
}
