package radar

import (
	"maps"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
)

// State says how a mod of a server stands.
type State string

// The states.
const (
	Current  State = "current"  // the server runs what Steam has
	Outdated State = "outdated" // Steam has a newer version
	Unknown  State = "unknown"  // Steam has not answered about the item yet
	Gone     State = "gone"     // Steam has no such item any more, or banned it
)

// Basis says how it is known which version a server runs.
type Basis string

// The bases, the strongest first.
const (
	Reported Basis = "reported" // the server said so through the API
	Found    Basis = "folder"   // it lies in the server's folder
	Assumed  Basis = "assumed"  // it was current at the last restart, or when the mod was first seen in the list
)

// Server is how one server stands.
type Server struct {
	Name       string
	Configured bool // false: named by the API
	Mods       []Mod
	Outdated   int
	// CheckedAt is when Steam was last asked about the mod it was not asked
	// about for the longest time; zero while it has not answered about any.
	CheckedAt   time.Time
	RestartedAt time.Time // zero: never reported
	Webhook     bool
	// WebhookError is why the last message did not arrive, "" when it did.
	WebhookError string
	// DeliveredAt is when the last message arrived.
	DeliveredAt time.Time
}

// Mod is one mod of a server. Versions are Unix seconds, 0 if unknown.
type Mod struct {
	ID               uint64
	Title            string
	Running, Current int64
	Basis            Basis
	State            State
	// Since is when the version was published that the server lacked first;
	// 0 unless the mod is out of date. NoticedAt is when that was seen here.
	Since     int64
	NoticedAt time.Time
	// Tried means that the server was restarted after that and lacks it still,
	// so that another restart is unlikely to help.
	Tried bool
}

// view is everything that is known of one server at a moment.
type view struct {
	name       string
	configured bool
	config     config.Server
	files      sources
	sets       []uint64            // collections
	held       map[uint64][]uint64 // what they hold
	steam      map[uint64]Steam
	webhook    string
	secret     string
	state      *state // never nil; not to be changed
}

// list returns the server's mods, sorted. whole is false when one that is
// missing may belong to it: what is known of others is not to be forgotten.
// They are in the list only while a file cannot be read that may have named
// them. What a collection held last is remembered here, so one that Steam has
// not told of yet has named none. The folder makes the list only if nothing
// else does: it may hold mods of long ago.
func (v view) list() (ids []uint64, whole bool) {
	set, whole, read := map[uint64]struct{}{}, true, true
	for _, id := range v.config.IDs {
		set[uint64(id)] = struct{}{}
	}
	for _, id := range v.files.cycle {
		set[id] = struct{}{}
	}
	if v.config.Mapcycle != "" && !v.files.cycleOK {
		whole, read = false, false
	}
	for _, c := range v.sets {
		items, ok := v.held[c]
		whole = whole && ok
		for _, id := range items {
			set[id] = struct{}{}
		}
	}
	named := len(v.config.IDs) > 0 || v.config.Mapcycle != "" || len(v.sets) > 0
	for id, m := range v.state.Mods {
		if m.Listed {
			named = true
			set[id] = struct{}{}
		}
	}
	if !named && v.config.Folder != "" {
		for id := range v.files.found {
			set[id] = struct{}{}
		}
		whole, read = v.files.whole, v.files.whole
	}
	if !read {
		for id := range v.state.Mods {
			set[id] = struct{}{}
		}
	}
	delete(set, 0)
	ids = slices.Sorted(maps.Keys(set))
	return ids[:min(len(ids), maxMods)], whole
}

// compare says how the server stands at now, and what is to be remembered of
// it. Neither v nor its state is changed.
func compare(v view, now time.Time) (Server, *state) {
	st := v.state.clone()
	st.Configured = v.configured
	server := Server{
		Name: v.name, Configured: v.configured, Mods: []Mod{}, RestartedAt: db.Time(st.RestartedAt),
		Webhook: v.webhook != "", WebhookError: st.Error, DeliveredAt: db.Time(st.DeliveredAt),
	}
	ids, whole := v.list()
	kept := make(map[uint64]mod, len(ids))
	for _, id := range ids {
		m, ok := st.Mods[id]
		if !ok {
			m = mod{SeenAt: now.UnixMicro()}
		}
		said, answered := v.steam[id]
		m.find(v, id)
		m.assume(said, st.RestartedAt, !ok)
		shown := m.judge(id, said, answered, st.RestartedAt, now)
		kept[id] = m
		server.Mods = append(server.Mods, shown)
		if shown.State == Outdated {
			server.Outdated++
		}
		if answered && (server.CheckedAt.IsZero() || said.CheckedAt.Before(server.CheckedAt)) {
			server.CheckedAt = said.CheckedAt
		}
	}
	if !whole { // nothing is forgotten that may come back
		for id, m := range st.Mods {
			if _, ok := kept[id]; !ok && len(kept) < maxMods {
				kept[id] = m
			}
		}
	}
	st.Mods = kept
	return server, st
}

// find takes in what the folder says.
func (m *mod) find(v view, id uint64) {
	if v.config.Folder == "" {
		m.Found = 0
		return
	}
	if found := v.files.found[id]; found != 0 || v.files.whole {
		m.Found = found
	}
}

// assume guesses which version is run where nobody says: the one that was
// current when the server was last restarted or, if that was later, when the
// mod was first seen in its list. Versions are times of publication, so
// Steam's present version was current at that moment if it is not younger.
func (m *mod) assume(said Steam, restartedAt int64, first bool) {
	if said.Gone || said.Version == 0 {
		return
	}
	anchor := time.UnixMicro(max(m.SeenAt, restartedAt)).Unix()
	if first || said.Version <= anchor {
		m.Assumed = max(m.Assumed, said.Version)
	}
}

// judge compares what is run with what Steam has.
func (m *mod) judge(id uint64, said Steam, answered bool, restartedAt int64, now time.Time) Mod {
	out := Mod{ID: id, Title: said.Title, Current: said.Version}
	for _, b := range []struct {
		version int64
		basis   Basis
	}{{m.Reported, Reported}, {m.Found, Found}, {m.Assumed, Assumed}} {
		if b.version != 0 {
			out.Running, out.Basis = b.version, b.basis
			break
		}
	}
	switch {
	case !answered:
		out.State = Unknown // and what was known stays as it is
		return out
	case said.Gone:
		out.State = Gone
	case said.Version == 0:
		out.State = Unknown
		return out
	case out.Running >= said.Version:
		out.State = Current
	default:
		// Without any version that is run, Steam's came after the restart.
		out.State = Outdated
	}
	if out.State != Outdated {
		m.Since, m.NoticedAt = 0, 0
		return out
	}
	if m.Since <= out.Running {
		m.Since, m.NoticedAt = said.Version, now.UnixMicro()
	}
	out.Since, out.NoticedAt = m.Since, db.Time(m.NoticedAt)
	out.Tried = restartedAt > 0 && time.UnixMicro(restartedAt).Unix() >= said.Version
	return out
}

// outdated returns what a webhook is to know: the mods that are out of date
// and the versions they lack. Of mods that nobody knows anything about at the
// moment, what it was told holds.
func (s Server) outdated(told map[uint64]int64) map[uint64]int64 {
	out := map[uint64]int64{}
	for _, m := range s.Mods {
		switch m.State {
		case Outdated:
			out[m.ID] = m.Current
		case Unknown:
			if v, ok := told[m.ID]; ok {
				out[m.ID] = v
			}
		}
	}
	return out
}
