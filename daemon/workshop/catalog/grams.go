package catalog

import "github.com/RoaringBitmap/roaring/v2"

// grams find names by a part of them: the slots of the names that a run of
// three bytes occurs in.
type grams map[[gramLength]byte]*roaring.Bitmap

const gramLength = 3

// eachGram calls fn with every run of three bytes. Runs may come twice.
func eachGram(text string, fn func([gramLength]byte)) {
	for i := 0; i+gramLength <= len(text); i++ {
		fn([gramLength]byte{text[i], text[i+1], text[i+2]})
	}
}

func (g grams) add(name string, slot uint32) {
	eachGram(name, func(k [gramLength]byte) {
		set := g[k]
		if set == nil {
			set = roaring.New()
			g[k] = set
		}
		set.Add(slot)
	})
}

func (g grams) remove(name string, slot uint32) {
	eachGram(name, func(k [gramLength]byte) {
		if set := g[k]; set != nil {
			if set.Remove(slot); set.IsEmpty() {
				delete(g, k)
			}
		}
	})
}

// candidates returns the sets that a name with this part is in, all of them;
// none says that there is no such name. A part that is too short for a run is
// in no set.
func (g grams) candidates(part string) (sets []*roaring.Bitmap, none bool) {
	eachGram(part, func(k [gramLength]byte) {
		set := g[k]
		none = none || set == nil
		sets = append(sets, set)
	})
	return sets, none
}
