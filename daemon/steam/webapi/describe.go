package webapi

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	maxDescription = 16_000 // runes; Steam accepts 8,000 bytes
	maxLink        = 1024   // bytes of a URL
	maxPictures    = 64     // screenshots of one item
)

// describe fills in what an item's page shows.
func (w *wireFile) describe(f *FileDetails) {
	if w.Created.n < 1e12 {
		f.Created = int64(w.Created.n)
	}
	f.Description = prose(cmp.Or(w.TextA.s, w.TextB.s, w.TextC.s), maxDescription)
	f.Type = int(min(w.Type.n, 1<<15))
	f.Children, f.Screenshots = w.Needs.list, w.Pictures
	if !w.Needs.told && w.NeedsCount.set && w.NeedsCount.n == 0 {
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
	raws, ok := array(b)
	if !ok {
		return nil
	}
	type entry struct {
		ID    number `json:"publishedfileid"`
		Order number `json:"sortorder"`
		Type  number `json:"file_type"`
	}
	entries := make([]entry, 0, len(raws))
	for _, raw := range raws {
		var e entry
		if json.Unmarshal(raw, &e) == nil && e.ID.n != 0 {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.Order.n, b.Order.n) })
	*v = needs{list: make([]Child, 0, len(entries)), told: true}
	seen := make(map[uint64]bool, len(entries))
	for _, e := range entries {
		if !seen[e.ID.n] {
			seen[e.ID.n] = true
			v.list = append(v.list, Child{ID: e.ID.n, Type: int(min(e.Type.n, 1<<15))})
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
	raws, ok := array(b)
	if !ok {
		return nil
	}
	type picture struct {
		URL   text   `json:"url"`
		Order number `json:"sortorder"`
		Type  number `json:"preview_type"`
	}
	var list []picture
	for _, raw := range raws {
		var p picture
		// preview_type 1 is a video and has no picture of its own.
		if json.Unmarshal(raw, &p) == nil && !p.Type.bad && p.Type.n == 0 && link(p.URL.s) != "" {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b picture) int { return cmp.Compare(a.Order.n, b.Order.n) })
	*v = pictures{}
	for _, p := range list {
		if u := link(p.URL.s); len(*v) < maxPictures && !slices.Contains(*v, u) {
			*v = append(*v, u)
		}
	}
	return nil
}

// array splits an array into its first maxObjects elements; ok is false for
// anything else.
func array(b []byte) (list objects, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, false
	}
	err := list.UnmarshalJSON(b)
	return list, err == nil
}

// link returns an address that may be shown as a picture: http or https, of
// reasonable length. Anything else is "".
func link(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxLink {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// prose makes a text of several lines safe to store and print: no control
// characters but line breaks and tabs, no broken UTF-8, at most max runes.
func prose(s string, max int) string {
	n := 0
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if n++; n > max || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
