package workshop

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
)

// Rule names the reason for which a version may go. The texts are part of
// the API.
type Rule string

// The rules, in the order in which room is made.
const (
	RuleQuarantined Rule = "quarantined" // damaged bytes that are never served
	RuleDuplicate   Rule = "duplicate"   // the same bytes lie elsewhere
	RuleSuperseded  Rule = "superseded"  // a newer version has taken over
	RuleQuota       Rule = "quota"       // asked for least recently, and to be had again
)

const (
	// evictGrace protects what just came or was just asked for: the client it
	// came for must get to fetch it.
	evictGrace = 15 * time.Second
	// confirmedFor is how old Steam's word that it has a version may be when
	// the version is evicted. Older words are asked for anew first. What
	// clients use is asked about with each run of the monitor and so is
	// confirmed all the time.
	confirmedFor = time.Hour
	// maxConfirm bounds the items that Steam is asked about at a time.
	maxConfirm = 500
)

// clearing is one run of removing what may go. It decides on a snapshot of
// the index and on one reading of the database, group by group, and removes
// the versions of a group in batches. For one goroutine.
type clearing struct {
	s        *Service
	now      time.Time
	dry      bool
	rules    config.Retention
	need     int64 // bytes still to be freed
	over     int64 // of these, those above the quota
	all      []*stored
	supplies map[ItemID]supply
	peers    *peers.Confirming
	sharing  map[string]int // versions that need each blob, those that go aside
	chosen   map[Name]bool
	noted    map[Name]bool // why it stays is told
	going    []*stored     // of the group under way
	t        Tidied
}

// clearOut removes what the rules let go: what is superseded in any case, the
// rest as far as need says. With dry nothing is removed.
func (s *Service) clearOut(ctx context.Context, w shortage, dry bool) (Tidied, error) {
	c := clearing{
		s: s, now: s.clock.Now(), dry: dry, rules: s.policy.retention(), need: w.need, over: w.over,
		peers: s.peers.Confirming(), all: s.index.all(), sharing: map[string]int{}, chosen: map[Name]bool{}, noted: map[Name]bool{},
	}
	slices.SortFunc(c.all, func(a, b *stored) int { return compareNames(a.Name, b.Name) })
	for _, st := range c.all {
		if st.ours() {
			c.sharing[st.Key]++
		}
	}
	var err error
	if c.supplies, err = s.store.supplies(ctx); err != nil {
		return c.t, err
	}
	for _, group := range []struct {
		why    string
		choose func(context.Context) error
	}{
		{"Damaged", c.quarantined}, {"Duplicate", c.duplicates}, {"Superseded", c.superseded}, {evicted, c.leastRequested},
	} {
		err := group.choose(ctx)
		if err == nil && !dry {
			err = c.carryOut(ctx, group.why)
		}
		c.going = nil
		if err != nil {
			return c.t, err
		}
	}
	c.t.Short = max(c.need, 0)
	return c.t, nil
}

// evicted is why versions go for the quota.
const evicted = "Evicted"

// carryOut removes what a group chose. Which items were evicted is written
// down with it, so that nothing but a client brings them back soon.
func (c *clearing) carryOut(ctx context.Context, why string) error {
	if why != evicted {
		return c.s.removeAll(ctx, c.going, why, nil)
	}
	c.s.evicted.add(c.going)
	return c.s.removeAll(ctx, c.going, why, func(tx *db.Tx, batch []*stored) error {
		items := make([]ItemID, len(batch))
		for i, st := range batch {
			items[i] = st.Name.Item
		}
		return putEvicted(ctx, tx, items)
	})
}

func compareNames(a, b Name) int {
	return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Version, b.Version))
}

// take chooses a version to go.
func (c *clearing) take(st *stored, rule Rule, why string) {
	c.chosen[st.Name] = true
	c.going = append(c.going, st)
	frees := int64(0)
	if c.sharing[st.Key]--; c.sharing[st.Key] == 0 {
		frees = st.Size
	}
	c.freed(Removal{Name: st.Name, Size: st.Size, Frees: frees, Rule: rule, Why: why})
}

// freed notes what went.
func (c *clearing) freed(r Removal) {
	c.t.Removed = append(c.t.Removed, r)
	c.t.Bytes += r.Frees
	c.need -= r.Frees
	c.over -= r.Frees
}

// keep notes that a version stays, and the first reason for it.
func (c *clearing) keep(n Name, size int64, rule Rule, why string) {
	if c.noted[n] {
		return
	}
	c.noted[n] = true
	c.t.Kept = append(c.t.Kept, Removal{Name: n, Size: size, Rule: rule, Why: why})
}

// quarantined chooses damaged blobs: those that a sound copy has replaced long
// ago, and all when room is needed.
func (c *clearing) quarantined(ctx context.Context) error {
	s := c.s
	for info, err := range s.blobs.List(ctx, "quarantine/") {
		if err != nil {
			return err
		}
		n, ok := parseNS2(strings.TrimPrefix(info.Key, "quarantine"))
		if !ok {
			continue
		}
		st := s.index.get(n)
		row := st != nil && st.Key == info.Key // its row is about these bytes
		sound := st != nil && !row && st.servable()
		var why string
		switch {
		case row && st.Pinned:
			c.keep(n, info.Size, RuleQuarantined, "damaged, but pinned")
			continue
		case sound && c.now.Sub(st.StoredAt) >= c.rules.Overlap.Std():
			why = "damaged, and a sound copy is stored"
		case c.need > 0:
			why = "damaged, and room is needed"
		case sound:
			c.keep(n, info.Size, RuleQuarantined, "damaged, and replaced a short while ago")
			continue
		default:
			c.keep(n, info.Size, RuleQuarantined, "damaged, and there is no sound copy")
			continue
		}
		if row {
			c.take(st, RuleQuarantined, why)
			continue
		}
		if !c.dry {
			if err := s.blobs.Delete(ctx, info.Key); err != nil {
				return err
			}
		}
		c.freed(Removal{Name: n, Size: info.Size, Frees: info.Size, Rule: RuleQuarantined, Why: why})
	}
	return nil
}

// superseded chooses versions that newer ones have taken over from.
func (c *clearing) superseded(ctx context.Context) error {
	for _, st := range c.all {
		if !st.ours() || st.State != Ready || c.chosen[st.Name] {
			continue
		}
		newer := c.s.supersedes(st)
		if newer == nil || c.chosen[newer.Name] {
			continue
		}
		if why, ok := c.removable(ctx, st, newer); ok {
			c.take(st, RuleSuperseded, why)
		} else {
			c.keep(st.Name, st.Size, RuleSuperseded, why)
		}
	}
	return nil
}

// removable says whether a superseded version may go, and why or why not.
func (c *clearing) removable(ctx context.Context, old, newer *stored) (why string, ok bool) {
	overlap := c.rules.Overlap.Std()
	period := config.Duration(overlap)
	switch {
	case old.Pinned:
		return "pinned", false
	case newer.VerifiedAt.IsZero():
		return fmt.Sprintf("the newer version %d was not checked yet", newer.Name.Version), false
	case c.now.Sub(newer.StoredAt) < overlap:
		return fmt.Sprintf("the newer version %d has been here for less than %s", newer.Name.Version, period), false
	case c.now.Sub(old.lastRequested()) < overlap:
		return fmt.Sprintf("it was asked for less than %s ago", period), false
	case c.rules.KeepIrreplaceable && c.supplier(old.Name) == nobody:
		return fmt.Sprintf("superseded by %d for at least %s, but no source can supply it again; workshop.retention.keep_irreplaceable = false lets it go",
			newer.Name.Version, period), false
	case !c.s.present(ctx, newer):
		return fmt.Sprintf("the newer version %d cannot be read", newer.Name.Version), false
	case c.rules.KeepIrreplaceable && c.supplier(old.Name) == byPeer && !c.confirmed(ctx, old):
		return notConfirmed, false
	}
	return fmt.Sprintf("superseded by %d for at least %s and not asked for since", newer.Name.Version, period), true
}

// notConfirmed is why a version stays that a peer listed a moment ago.
const notConfirmed = "the peer that lists it does not confirm it"

// evictable is one blob that may go for the quota, with every version that
// needs it.
type evictable struct {
	versions []*stored
	at       time.Time // last asked for, or stored
	unsure   []ItemID  // Steam has to be asked first
	peers    []*stored // that only peers could supply again: they have to be asked first
}

// leastRequested chooses current versions that can be had again, those asked
// for least recently first. When all of them together would not make the room
// that is needed, none goes for it: only what lies above the quota.
func (c *clearing) leastRequested(ctx context.Context) error {
	if c.need <= 0 {
		return nil
	}
	sure, unsure := c.toEvict(ctx)
	var have int64
	for _, e := range sure {
		have += e.versions[0].Size
	}
	goal := c.need
	if have < goal {
		goal = min(c.over, have)
	}
	for _, e := range sure {
		if goal <= 0 {
			break
		}
		goal -= e.versions[0].Size
		for _, st := range e.versions {
			c.take(st, RuleQuota, "can be fetched again, and was asked for least recently: "+asked(st))
		}
	}
	if !c.dry && c.need > 0 {
		for _, id := range unsure {
			c.s.details.Ask(id)
		}
	}
	return nil
}

// toEvict returns blobs that certainly can be had again, as many as it takes
// for the room that is needed, and the items that Steam has to be asked about
// first. A peer has to confirm what only it has before anything counts on it,
// or others would go in vain.
func (c *clearing) toEvict(ctx context.Context) (sure []*evictable, ask []ItemID) {
	var have, missing int64 // bytes of those that are sure, and of the others
	for _, e := range c.evictable() {
		size := e.versions[0].Size
		switch {
		case len(e.unsure) > 0:
			if missing < c.need && len(ask) < maxConfirm {
				ask = append(ask, e.unsure...)
			}
			missing += size
			for _, st := range e.versions {
				c.keep(st.Name, st.Size, RuleQuota, "Steam has to confirm first that it still has it")
			}
		case have < c.need && c.peersConfirm(ctx, e):
			have += size
			sure = append(sure, e)
		}
	}
	return sure, ask
}

// peersConfirm reports whether the peers still have what only they could
// supply again, and notes why the blob stays if not.
func (c *clearing) peersConfirm(ctx context.Context, e *evictable) bool {
	for _, st := range e.peers {
		if c.confirmed(ctx, st) {
			continue
		}
		for _, v := range e.versions {
			c.keep(v.Name, v.Size, RuleQuota, notConfirmed)
		}
		return false
	}
	return true
}

// confirmed reports whether a peer has the same bytes this very moment.
func (c *clearing) confirmed(ctx context.Context, st *stored) bool {
	return c.s.asksPeers() && c.peers.Confirm(ctx, peerName(st.Name), st.Size, st.SHA256)
}

// asked says when a version was last asked for.
func asked(st *stored) string {
	if at := st.lastRequested(); !at.IsZero() {
		return "on " + at.UTC().Format("2006-01-02 15:04 MST")
	}
	return "never since " + st.StoredAt.UTC().Format("2006-01-02 15:04 MST")
}

// evictable returns the blobs that may go, the first to go first, and notes
// why the others stay.
func (c *clearing) evictable() []*evictable {
	blobs := map[string]*evictable{}
	bound := map[string]bool{}
	for _, st := range c.all {
		if !st.ours() || c.chosen[st.Name] || st.State == Quarantined {
			continue
		}
		who := c.supplier(st.Name)
		at := latest(st.lastRequested(), st.StoredAt)
		why := ""
		switch {
		case st.Pinned:
			why = "pinned"
		case who == nobody:
			why = "no source can supply it again"
		case !st.servable():
			why = "being checked"
		case c.now.Sub(at) < evictGrace:
			why = "came or was asked for just now"
		}
		if why != "" {
			bound[st.Key] = true
			c.keep(st.Name, st.Size, RuleQuota, why)
			continue
		}
		e := blobs[st.Key]
		if e == nil {
			e = &evictable{}
			blobs[st.Key] = e
		}
		e.versions, e.at = append(e.versions, st), latest(e.at, at)
		if who == bySteam && c.now.Sub(c.supplies[st.Name.Item].checkedAt) > confirmedFor {
			e.unsure = append(e.unsure, st.Name.Item)
		}
		if who == byPeer {
			e.peers = append(e.peers, st)
		}
	}
	list := make([]*evictable, 0, len(blobs))
	for key, e := range blobs {
		if !bound[key] {
			list = append(list, e)
			continue
		}
		for _, st := range e.versions {
			c.keep(st.Name, st.Size, RuleQuota, "a version that stays has the same bytes")
		}
	}
	slices.SortFunc(list, func(a, b *evictable) int {
		return cmp.Or(a.at.Compare(b.at), compareNames(a.versions[0].Name, b.versions[0].Name))
	})
	return list
}

// supplier says who could supply a version again.
func (c *clearing) supplier(n Name) supplier {
	known, ok := c.supplies[n.Item]
	known.gone = known.gone || !ok
	return c.s.supplier(n, known)
}
