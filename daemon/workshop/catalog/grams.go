package catalog

import (
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// names find entries by a part of their folded name.
type names struct {
	// grams are the slots of the names that a run of three bytes occurs in.
	grams map[[gramLength]byte]*roaring.Bitmap

	// What was found lately, until a name comes or goes: pages of one search
	// follow each other.
	mu    sync.Mutex
	found map[string]*roaring.Bitmap
}

const (
	gramLength = 3
	maxFound   = 64
)

func newNames() *names {
	return &names{grams: map[[gramLength]byte]*roaring.Bitmap{}, found: map[string]*roaring.Bitmap{}}
}

// eachGram calls fn with every run of three bytes. Runs may come twice.
func eachGram(text string, fn func([gramLength]byte)) {
	for i := 0; i+gramLength <= len(text); i++ {
		fn([gramLength]byte{text[i], text[i+1], text[i+2]})
	}
}

// add and remove are called by whoever holds the index for writing.
func (n *names) add(name string, slot uint32) {
	clear(n.found)
	eachGram(name, func(k [gramLength]byte) {
		set := n.grams[k]
		if set == nil {
			set = roaring.New()
			n.grams[k] = set
		}
		set.Add(slot)
	})
}

func (n *names) remove(name string, slot uint32) {
	clear(n.found)
	eachGram(name, func(k [gramLength]byte) {
		if set := n.grams[k]; set != nil {
			if set.Remove(slot); set.IsEmpty() {
				delete(n.grams, k)
			}
		}
	})
}

// candidates returns the slots of all names that may have the part.
func (n *names) candidates(part string, all *roaring.Bitmap) *roaring.Bitmap {
	sets := []*roaring.Bitmap{all}
	missing := false
	eachGram(part, func(k [gramLength]byte) {
		set := n.grams[k]
		missing = missing || set == nil
		sets = append(sets, set)
	})
	switch {
	case missing:
		return roaring.New()
	case len(sets) == 1:
		return all
	}
	return and(sets[1:])
}

// named returns the slots of the names that have the part. The caller holds
// the index for reading, and must not change the set.
func (ix *index) named(part string) *roaring.Bitmap {
	ix.names.mu.Lock()
	set := ix.names.found[part]
	ix.names.mu.Unlock()
	if set != nil {
		return set
	}
	set = roaring.New()
	for it := ix.names.candidates(part, ix.all).Iterator(); it.HasNext(); {
		if slot := it.Next(); strings.Contains(ix.slots[slot].folded, part) {
			set.Add(slot)
		}
	}
	ix.names.mu.Lock()
	defer ix.names.mu.Unlock()
	if len(ix.names.found) >= maxFound {
		clear(ix.names.found)
	}
	ix.names.found[part] = set
	return set
}
