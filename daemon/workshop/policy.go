package workshop

import (
	"slices"
	"sync/atomic"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// policy says which items we deal with and for how long we keep them. Its
// rules are replaced as a whole when the configuration is reloaded. It is
// safe for concurrent use.
type policy struct {
	current atomic.Pointer[rules]
	found   atomic.Pointer[map[ItemID]struct{}]
	inUse   atomic.Pointer[map[ItemID]struct{}]
	watched atomic.Pointer[watchlist]
	stored  func(ItemID) bool // whether a version of the item is here
}

// rules are the part of the configuration that a reload changes. They are
// immutable.
type rules struct {
	allow, deny map[ItemID]struct{} // allow empty: every item
	apps        []uint32            // empty: every app
	listed      map[ItemID]struct{} // monitored by the configuration
	monitor     config.Monitor
	retention   config.Retention
}

func newPolicy(c config.Workshop, stored func(ItemID) bool) *policy {
	p := &policy{stored: stored}
	p.set(c)
	p.found.Store(&map[ItemID]struct{}{})
	p.inUse.Store(&map[ItemID]struct{}{})
	p.watched.Store(&watchlist{})
	return p
}

// set replaces the rules by those of c.
func (p *policy) set(c config.Workshop) {
	p.current.Store(&rules{
		allow: itemSet(c.Allow), deny: itemSet(c.Deny), apps: c.Apps, listed: itemSet(c.Monitor.IDs),
		monitor: c.Monitor, retention: c.Retention,
	})
}

func (p *policy) monitor() config.Monitor     { return p.current.Load().monitor }
func (p *policy) retention() config.Retention { return p.current.Load().retention }

func itemSet(items []config.Item) map[ItemID]struct{} {
	set := make(map[ItemID]struct{}, len(items))
	for _, i := range items {
		set[ItemID(i)] = struct{}{}
	}
	return set
}

// serves reports whether clients may have the item at all, stored or not.
func (p *policy) serves(id ItemID) bool {
	r := p.current.Load()
	if len(r.allow) > 0 {
		if _, ok := r.allow[id]; !ok {
			return false
		}
	}
	_, denied := r.deny[id]
	return !denied
}

// fetches reports whether an item of the app may be brought here. The app is
// 0 when nobody knows it; then only items the operator named, or of which we
// hold a version, are fetched.
func (p *policy) fetches(id ItemID, app uint32) bool {
	r := p.current.Load()
	if len(r.apps) == 0 || slices.Contains(r.apps, app) {
		return true
	}
	if app != 0 {
		return false
	}
	_, named := r.allow[id]
	return named || p.monitored(id) || p.stored(id)
}

// follows reports whether the item is kept current: it is monitored, or clients
// asked for it lately.
func (p *policy) follows(id ItemID) bool {
	_, ok := (*p.inUse.Load())[id]
	return ok || p.monitored(id)
}

// setInUse replaces the items that clients asked for lately.
func (p *policy) setInUse(ids map[ItemID]struct{}) { p.inUse.Store(&ids) }

// monitored reports whether the operator wants the item kept current.
func (p *policy) monitored(id ItemID) bool {
	if _, ok := p.current.Load().listed[id]; ok {
		return true
	}
	if _, ok := (*p.found.Load())[id]; ok {
		return true
	}
	_, ok := p.watchedItems()[id]
	return ok
}

// watchlist is what game servers run. It is immutable.
type watchlist struct {
	items map[ItemID]struct{}
	sets  []uint64 // collections
}

func (p *policy) watchedItems() map[ItemID]struct{} { return p.watched.Load().items }
func (p *policy) watchedSets() []uint64             { return p.watched.Load().sets }

// setFound replaces the items that collections and map cycles name.
func (p *policy) setFound(ids map[ItemID]struct{}) { p.found.Store(&ids) }
