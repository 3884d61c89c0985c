package workshop

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Mod is everything known of one item.
type Mod struct {
	Item    ItemID
	Title   string
	App     uint32
	Current int64 // the version Steam has, 0 if unknown
	State   State // of the current version, or of the item
	Reason  string
	// RequestedAt is when a client last asked for any version.
	RequestedAt time.Time
	Size        int64 // of all stored versions
	Preview     string
	Versions    []Version // newest first
}

// Filter selects mods. Zero fields do not restrict.
type Filter struct {
	Query  string // part of the title, or an id in any spelling
	States []State
	App    uint32
	Item   ItemID
}

// Orders of a list of mods. All are broken by the item's id.
const (
	ByRequest = "requested" // asked for last first
	ByTitle   = "title"
	BySize    = "size"    // largest first
	ByVersion = "version" // newest current version first
	ByItem    = "id"
)

// admits reports whether the filter may select the item, its state aside.
func (f Filter) admits(s *Service, id ItemID) bool {
	if f.Item != 0 && f.Item != id {
		return false
	}
	item, _ := s.records.item(id)
	if f.App != 0 && item.AppID != f.App {
		return false
	}
	q := strings.ToLower(strings.TrimSpace(f.Query))
	return q == "" || strings.Contains(strings.ToLower(item.Title), q) ||
		strings.HasPrefix(id.String(), q) || strings.HasPrefix("m"+id.Hex(), q) || strings.HasPrefix("0x"+id.Hex(), q) ||
		strings.HasPrefix(id.Hex(), q)
}

// List returns the mods that f selects in the given order ("" = ByRequest):
// those of which a version is stored or wanted, and those clients asked for.
func (s *Service) List(ctx context.Context, f Filter, order string) ([]Mod, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	less, err := orderBy(order)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	mods := []Mod{}
	for id := range s.knownItems() {
		if !f.admits(s, id) {
			continue
		}
		m := s.mod(now, id)
		if len(f.States) == 0 || slices.Contains(f.States, m.State) {
			mods = append(mods, m)
		}
	}
	slices.SortFunc(mods, func(a, b Mod) int { return cmp.Or(less(a, b), cmp.Compare(a.Item, b.Item)) })
	return mods, nil
}

func orderBy(order string) (func(a, b Mod) int, error) {
	switch order {
	case "", ByRequest:
		return func(a, b Mod) int { return b.RequestedAt.Compare(a.RequestedAt) }, nil
	case ByTitle:
		return func(a, b Mod) int { return cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)) }, nil
	case BySize:
		return func(a, b Mod) int { return cmp.Compare(b.Size, a.Size) }, nil
	case ByVersion:
		return func(a, b Mod) int { return cmp.Compare(b.Current, a.Current) }, nil
	case ByItem:
		return func(Mod, Mod) int { return 0 }, nil
	}
	return nil, fault.New(fault.Invalid, "There is no order %q; there are requested, title, size, version and id", order)
}

// knownItems is every item that is worth a line on the page.
func (s *Service) knownItems() map[ItemID]struct{} {
	ids := map[ItemID]struct{}{}
	for _, st := range s.index.all() {
		ids[st.Name.Item] = struct{}{}
	}
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	for id := range s.records.items.entries {
		ids[id] = struct{}{}
	}
	for n := range s.records.jobs {
		ids[n.Item] = struct{}{}
	}
	return ids
}

// Get returns what is known of one item. The error is fault.NotFound when
// nothing is.
func (s *Service) Get(ctx context.Context, id ItemID) (Mod, error) {
	if err := s.load(ctx); err != nil {
		return Mod{}, err
	}
	m := s.mod(s.clock.Now(), id)
	if m.State == Absent && len(m.Versions) == 0 && m.Current == 0 {
		return m, fault.New(fault.NotFound, "Nothing is known of item %s (m%s)", id, id.Hex()).
			WithHint("add it, or ask for one of its versions")
	}
	return m, nil
}

// mod puts together what is known of an item.
func (s *Service) mod(now time.Time, id ItemID) Mod {
	m := Mod{Item: id, State: Absent}
	r := s.records
	r.mu.Lock()
	if k, ok := r.items.entries[id]; ok { // looking is not using
		item := k.Value.(*lruEntry[ItemID, *known]).value
		m.Title, m.App, m.Current, m.Preview = item.Title, item.AppID, item.Updated, item.Preview
		m.RequestedAt = item.RequestedAt
	}
	m.State, m.Reason = s.stateOf(now, id, m)
	r.mu.Unlock()
	current, ready, bad := false, false, false
	for _, st := range s.index.item(id) {
		v := st.Version
		v.RequestedAt = st.lastRequested()
		v.Requests += st.hits.n.Load()
		if v.RequestedAt.After(m.RequestedAt) {
			m.RequestedAt = v.RequestedAt
		}
		m.Size += v.Size
		m.Versions = append(m.Versions, v)
		ready = ready || st.servable()
		current = current || st.servable() && v.Name.Version == m.Current
		bad = bad || v.State == Quarantined
	}
	// What is current and stored needs nothing else, whatever else goes on.
	// Clients get what is stored also while Steam cannot say what is current.
	unknown := m.Current == 0 && ready
	if s.policy.serves(id) && (current || unknown || !m.State.Moving() && m.State != Failed) {
		switch {
		case ready:
			m.State, m.Reason = Ready, ""
		case bad:
			m.State, m.Reason = Quarantined, m.Versions[0].Reason
		}
	}
	return m
}

// stateOf says how an item stands apart from what is stored. The caller
// holds the mutex of the records.
func (s *Service) stateOf(now time.Time, id ItemID, m Mod) (State, string) {
	r := s.records
	if !s.policy.serves(id) {
		return Denied, answerNotServing.reason()
	}
	for _, version := range []int64{m.Current, 0} {
		if j := r.jobs[Name{id, version}]; j != nil && (j.Moving() || now.Before(j.RetryAt)) {
			return j.State, j.Error
		}
	}
	if e, ok := r.verdicts.entries[id]; ok {
		if v := e.Value.(*lruEntry[ItemID, verdict]).value; now.Before(v.until) {
			if v.failing {
				return Failed, v.answer.reason()
			}
			return Denied, v.answer.reason()
		}
	}
	switch {
	case r.pending[id] != nil:
		return Resolving, ""
	case m.Current != 0 && !s.policy.fetches(id, m.App):
		return Denied, answerWrongApp.reason()
	}
	return Absent, ""
}
