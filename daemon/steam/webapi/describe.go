package webapi

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/steam/lenient"
)

const (
	maxDescription = 16_000 // runes; Steam accepts 8,000 bytes
	maxPictures    = 64     // screenshots of one item
)

// describe fills in what an item's page shows.
func (w *wireFile) describe(f *FileDetails) {
	if w.Created.N < 1e12 {
		f.Created = int64(w.Created.N)
	}
	f.Description = lenient.Prose(cmp.Or(w.TextA.S, w.TextB.S, w.TextC.S), maxDescription)
	f.Type = int(min(w.Type.N, 1<<15))
	f.Children, f.Screenshots = w.Needs.list, w.Pictures
	if !w.Needs.told && w.NeedsCount.Set && w.NeedsCount.N == 0 {
		f.Children = []Child{} // Steam leaves an empty list out
	}
}

// needs reads what an item needs: [{"publishedfileid":"7","sortorder":1,
// "file_type":0}, …]. Unreadable entries are left out; anything but an array
// is not told.
type needs struct {
	list []Child
	told bool
}

func (v *needs) UnmarshalJSON(b []byte) error {
	*v = needs{}
	var raws lenient.Array
	if err := raws.UnmarshalJSON(b); err != nil || raws == nil {
		return err
	}
	type entry struct {
		ID    lenient.Number `json:"publishedfileid"`
		Order lenient.Number `json:"sortorder"`
		Type  lenient.Number `json:"file_type"`
	}
	entries := make([]entry, 0, len(raws))
	for _, raw := range raws {
		var e entry
		if json.Unmarshal(raw, &e) == nil && e.ID.N != 0 {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.Order.N, b.Order.N) })
	*v = needs{list: make([]Child, 0, len(entries)), told: true}
	seen := make(map[uint64]bool, len(entries))
	for _, e := range entries {
		if !seen[e.ID.N] {
			seen[e.ID.N] = true
			v.list = append(v.list, Child{ID: e.ID.N, Type: int(min(e.Type.N, 1<<15))})
		}
	}
	return nil
}

// pictures reads the further previews of an item and keeps the addresses of
// images: [{"url":"…","sortorder":0,"preview_type":0}, …]. Anything but an
// array leaves it nil.
type pictures []string

func (v *pictures) UnmarshalJSON(b []byte) error {
	*v = nil
	var raws lenient.Array
	if err := raws.UnmarshalJSON(b); err != nil || raws == nil {
		return err
	}
	type picture struct {
		URL   lenient.Text   `json:"url"`
		Order lenient.Number `json:"sortorder"`
		Type  lenient.Number `json:"preview_type"`
	}
	var list []picture
	for _, raw := range raws {
		var p picture
		// preview_type 1 is a video and has no picture of its own.
		if json.Unmarshal(raw, &p) == nil && !p.Type.Bad && p.Type.N == 0 && lenient.Link(p.URL.S) != "" {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b picture) int { return cmp.Compare(a.Order.N, b.Order.N) })
	*v = pictures{}
	for _, p := range list {
		if u := lenient.Link(p.URL.S); len(*v) < maxPictures && !slices.Contains(*v, u) {
			*v = append(*v, u)
		}
	}
	return nil
}
