package catalog

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/cases"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// entry is an item as the lists show it. It is never changed, only replaced.
type entry struct {
	slot         uint32 // its place in the index
	condition    uint8
	updating     bool // stored, and a newer version is on its way
	queued       bool // waits; no job works on it
	id           int64
	game         int64  // 0: unknown
	name, folded string // empty: nobody named it
	source       string
	size         int64 // unpacked, in bytes
	archive      int64 // in bytes, 0: none
	version      int64 // newest stored, Unix seconds, 0: none
	created      int64 // Unix seconds
	updated      int64 // Unix seconds
	requested    int64 // Unix microseconds
	downloads    int64
	tags         []int64 // ascending
	needs        []int64 // ascending
}

// newEntry puts together what is known of a listed item.
func newEntry(id int64, st Stock, d Details, r *record) *entry {
	e := &entry{
		id: id, game: int64(d.App), name: clean(d.Name), source: SourceSteam, size: d.Size, archive: st.Bytes,
		version: st.Version, created: d.Created, updated: d.Updated, updating: st.Stored && st.Updating,
		queued: st.Queued && !st.Fetching && (!st.Stored || st.Updating),
	}
	if e.requested = db.Micros(st.AddedAt); st.Source != "" {
		e.source = st.Source
	}
	complete := false
	if r != nil {
		e.downloads, e.tags, e.needs = r.Downloads, r.Tags, r.Dependencies
		if complete = r.Complete; !r.CreatedAt.IsZero() {
			e.created = r.CreatedAt.Unix()
		}
		if r.Source != "" {
			e.source = r.Source
		}
		if at := cmp.Or(db.Micros(r.DeliveredAt), e.requested, db.Micros(r.AddedAt)); at != 0 {
			e.requested = at
		}
	}
	if st.Stored { // what Steam has meanwhile is not here yet
		e.updated = st.Version
	}
	e.created = cmp.Or(e.created, e.updated)
	e.folded = fold(e.name)
	switch {
	case !st.Stored:
		e.condition = conditionFetching
	case complete:
		e.condition = conditionComplete
	default:
		e.condition = conditionBare
	}
	return e
}

// waitCondition is the condition that clients are told. They wait while it is 2
// and then download, so during an update they must not see what the version
// before has: they would get that one.
func (e *entry) waitCondition() uint8 {
	if e.updating {
		return conditionFetching
	}
	return e.condition
}

// title is what people are shown: of an item that nobody named, what its files
// are called. Clients of the catalogue get the name as it is.
func (e *entry) title() string { return cmp.Or(e.name, "m"+strconv.FormatInt(e.id, 16)) }

// titled returns the item that nobody named and that goes by the text.
func (ix *index) titled(text string) (id int64, ok bool) {
	digits, is := strings.CutPrefix(text, "m")
	id, err := strconv.ParseInt(digits, 16, 64)
	if !is || err != nil {
		return 0, false
	}
	e := ix.get(id)
	return id, e != nil && e.name == ""
}

// fold makes texts that differ only in case equal.
func fold(text string) string {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return cases.Fold().String(text)
		}
	}
	return strings.ToLower(text)
}

func (e *entry) requestedAt() time.Time { return db.Time(e.requested) }

// sortKey names an order of the list of mods.
type sortKey uint8

const (
	byName sortKey = iota
	bySize
	byCreated
	byUpdated
	byRequested
	bySource
	byDownloads
	sortKeys
)

// compare orders by one key alone.
func (k sortKey) compare(a, b *entry) int {
	switch k {
	case byName:
		return cmp.Or(strings.Compare(a.folded, b.folded), strings.Compare(a.name, b.name))
	case bySize:
		return cmp.Compare(a.size, b.size)
	case byCreated:
		return cmp.Compare(a.created, b.created)
	case byUpdated:
		return cmp.Compare(a.updated, b.updated)
	case byRequested:
		return cmp.Compare(a.requested, b.requested)
	case bySource:
		return strings.Compare(a.source, b.source)
	default:
		return cmp.Compare(a.downloads, b.downloads)
	}
}

// order is a direction of a key. Among equals the lower id always comes
// first, so that pages do not overlap.
type order struct {
	key  sortKey
	desc bool
}

func (o order) compare(a, b *entry) int {
	c := o.key.compare(a, b)
	if o.desc {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.id, b.id))
}

// number is the place of the order among all of them.
func (o order) number() int {
	if o.desc {
		return int(o.key) + int(sortKeys)
	}
	return int(o.key)
}

func orderNumbered(n int) order {
	return order{sortKey(n % int(sortKeys)), n >= int(sortKeys)}
}
