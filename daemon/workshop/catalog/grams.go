package catalog

import "github.com/RoaringBitmap/roaring/v2"

// grams find names by a part of them: for every run of one, two or three
// bytes that occurs in a name, the slots of the names it occurs in. A run is
// its bytes with its length on top.
type grams map[uint32]*roaring.Bitmap

const longestGram = 3

// each calls fn with every run of text of length n. Runs may come twice.
func eachGram(text string, n int, fn func(uint32)) {
	for i := 0; i+n <= len(text); i++ {
		fn(gram(text[i : i+n]))
	}
}

func gram(text string) uint32 {
	g := uint32(len(text)) << 24
	for i := range len(text) {
		g |= uint32(text[i]) << (8 * i)
	}
	return g
}

func (g grams) add(name string, slot uint32) {
	for n := 1; n <= longestGram; n++ {
		eachGram(name, n, func(k uint32) {
			set := g[k]
			if set == nil {
				set = roaring.New()
				g[k] = set
			}
			set.Add(slot)
		})
	}
}

func (g grams) remove(name string, slot uint32) {
	for n := 1; n <= longestGram; n++ {
		eachGram(name, n, func(k uint32) {
			if set := g[k]; set != nil {
				if set.Remove(slot); set.IsEmpty() {
					delete(g, k)
				}
			}
		})
	}
}

// candidates returns the sets that a name with this part in it is in, all of
// them, or nil if there is no such name. exact says that all names in them
// have the part.
func (g grams) candidates(part string) (sets []*roaring.Bitmap, exact bool) {
	n := min(len(part), longestGram)
	seen := map[uint32]bool{}
	missing := false
	eachGram(part, n, func(k uint32) {
		set := g[k]
		if missing = missing || set == nil; !missing && !seen[k] {
			seen[k], sets = true, append(sets, set)
		}
	})
	if missing {
		return nil, true
	}
	return sets, len(part) <= longestGram
}
