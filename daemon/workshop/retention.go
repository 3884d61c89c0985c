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
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Removal is one version that tidying removes or keeps, and why.
type Removal struct {
	Name Name
	Size int64
	Why  string
}

// Tidied is what a run of GC did or would do. Kept holds the superseded and
// damaged versions that stay; versions nobody thinks of removing are not
// listed.
type Tidied struct {
	Removed, Kept []Removal
	Bytes         int64 // of what was removed
}

// GC removes superseded versions from our own store. A version goes when all
// of this holds: a newer one is stored and was checked; that one has been
// here for workshop.retention.overlap; nobody asked for the old one for as
// long; it is not pinned; and, with keep_irreplaceable, a source could supply
// it again. The last copy of an item and the operator's own files are never
// touched. With dryRun nothing is removed.
func (s *Service) GC(ctx context.Context, dryRun bool) (Tidied, error) {
	if err := s.load(ctx); err != nil {
		return Tidied{}, err
	}
	if !dryRun {
		release, ok, err := s.store.db.Lock(ctx, "workshop.gc")
		if err != nil {
			return Tidied{}, err
		}
		if !ok {
			return Tidied{}, fault.New(fault.Conflict, "Another process is tidying up").WithRetryAfter(pollEvery)
		}
		defer release()
	}
	now := s.clock.Now()
	var t Tidied
	for _, st := range s.index.all() {
		if !st.ours() || st.State != Ready {
			continue
		}
		newer := s.supersedes(st)
		if newer == nil {
			continue
		}
		why, remove := s.removable(ctx, now, st, newer)
		if remove && !dryRun {
			if err := s.remove(ctx, st, "Superseded"); err != nil {
				return t.sorted(), err
			}
		}
		t.add(Removal{st.Name, st.Size, why}, remove)
	}
	err := s.gcQuarantine(ctx, now, dryRun, &t)
	return t.sorted(), err
}

func (t *Tidied) add(r Removal, removed bool) {
	if removed {
		t.Removed, t.Bytes = append(t.Removed, r), t.Bytes+r.Size
	} else {
		t.Kept = append(t.Kept, r)
	}
}

func (t *Tidied) sorted() Tidied {
	byName := func(a, b Removal) int {
		return cmp.Or(cmp.Compare(a.Name.Item, b.Name.Item), cmp.Compare(a.Name.Version, b.Name.Version))
	}
	slices.SortFunc(t.Removed, byName)
	slices.SortFunc(t.Kept, byName)
	return *t
}

// supersedes returns the newest stored version of the item if it is newer
// than st.
func (s *Service) supersedes(st *stored) *stored {
	for _, o := range s.index.item(st.Name.Item) {
		if o.Name.Version <= st.Name.Version {
			return nil
		}
		if o.servable() {
			return o
		}
	}
	return nil
}

// removable says whether a superseded version may go, and why or why not.
func (s *Service) removable(ctx context.Context, now time.Time, old, newer *stored) (why string, ok bool) {
	overlap := s.policy.retention().Overlap.Std()
	period := config.Duration(overlap)
	switch {
	case old.Pinned:
		return "pinned", false
	case newer.VerifiedAt.IsZero():
		return fmt.Sprintf("the newer version %d was not checked yet", newer.Name.Version), false
	case now.Sub(newer.StoredAt) < overlap:
		return fmt.Sprintf("the newer version %d has been here for less than %s", newer.Name.Version, period), false
	case now.Sub(old.lastRequested()) < overlap:
		return fmt.Sprintf("it was asked for less than %s ago", period), false
	case s.policy.retention().KeepIrreplaceable && s.irreplaceable(old.Name):
		return "no source can supply it again", false
	case !s.present(ctx, newer):
		return fmt.Sprintf("the newer version %d cannot be read", newer.Name.Version), false
	case s.policy.retention().KeepIrreplaceable && !s.supplied(old.Name) && !s.confirmed(ctx, old):
		return "the peer that lists it does not confirm it", false
	}
	return fmt.Sprintf("superseded by %d for at least %s and not asked for since", newer.Name.Version, period), true
}

// irreplaceable reports whether, as far as we know, no source could supply
// the version again: Steam only has the current one, SteamCMD may be needed
// for it, no folder holds it, and no peer lists it.
func (s *Service) irreplaceable(n Name) bool { return !s.supplied(n) && !s.elsewhere(n) }

// supplied reports whether a folder or Steam could supply the version.
func (s *Service) supplied(n Name) bool {
	if _, ok := s.roots.lookup(n); ok {
		return true
	}
	item, ok := s.records.item(n.Item)
	return ok && !item.Banned && item.Updated == n.Version && (item.URL != "" || s.steamcmd != nil)
}

// present reports whether the bytes of a version are there.
func (s *Service) present(ctx context.Context, st *stored) bool {
	if !st.ours() {
		f, _, err := s.roots.Open(ctx, st.Name)
		return err == nil && f.Close() == nil
	}
	info, err := s.blobs.Stat(ctx, st.Key)
	return err == nil && info.Size == st.Size
}

// remove takes a version of our own out of index, database and store, in
// this order: what is cut short leaves a blob without a row, never a row
// without a blob.
func (s *Service) remove(ctx context.Context, st *stored, why string) error {
	if !st.ours() {
		return fault.New(fault.Conflict, "%s lies in a folder that we only read", st.Path).
			WithHint("remove the file yourself")
	}
	shared := false
	err := s.store.db.Write(ctx, func(tx *db.Tx) (err error) {
		if err = removeVersion(ctx, tx, st.Name, why); err == nil {
			shared, err = blobInUse(ctx, tx, st.Name.Item, st.Key)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.index.drop(st.Name)
	s.changed(st.Name.Item)
	s.log.Info("removed", "name", st.Name.String(), "bytes", st.Size, "why", why)
	if shared { // another version has the same bytes
		return nil
	}
	return s.blobs.Delete(ctx, st.Key)
}

// gcQuarantine removes damaged blobs that a sound copy has replaced long ago.
func (s *Service) gcQuarantine(ctx context.Context, now time.Time, dryRun bool, t *Tidied) error {
	for info, err := range s.blobs.List(ctx, "quarantine/") {
		if err != nil {
			return err
		}
		n, ok := parseNS2(strings.TrimPrefix(info.Key, "quarantine"))
		if !ok {
			continue
		}
		st := s.index.get(n)
		switch {
		case st == nil || !st.servable():
			t.add(Removal{n, info.Size, "damaged, and there is no sound copy"}, false)
			continue
		case now.Sub(st.StoredAt) < s.policy.retention().Overlap.Std():
			t.add(Removal{n, info.Size, "damaged, and replaced a short while ago"}, false)
			continue
		}
		if !dryRun {
			if err := s.blobs.Delete(ctx, info.Key); err != nil {
				return err
			}
		}
		t.add(Removal{n, info.Size, "damaged, and a sound copy is stored"}, true)
	}
	return nil
}
