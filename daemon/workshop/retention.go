package workshop

import (
	"context"
	"slices"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Removal is one version that tidying removes or keeps, and why.
type Removal struct {
	Name Name
	Size int64
	// Frees is how many bytes the disk gets back: none when another version
	// needs the same blob.
	Frees int64
	Rule  Rule
	Why   string
}

// Tidied is what a run of GC did or would do. Removed is in the order in which
// things went. Kept holds the superseded and damaged versions that stay, and,
// when room is needed, what may not go for it; versions nobody thinks of
// removing are not listed.
type Tidied struct {
	Removed, Kept []Removal
	Bytes         int64 // that the disk got back
	Short         int64 // bytes that are still to be freed and cannot be
}

// lockGC is held by who removes versions.
const lockGC = "workshop.gc"

// GC removes what may go from our own store. A superseded version goes when
// all of this holds: a newer one is stored and was checked; that one has been
// here for workshop.retention.overlap; nobody asked for the old one for as
// long; it is not pinned; and, with keep_irreplaceable, a source could supply
// it again. A damaged blob goes when a sound copy has been here for as long.
//
// When more is stored than workshop.retention.max_bytes, or the disk is below
// min_free, more goes, as far as it takes and in this order: damaged blobs,
// bytes that lie here twice, superseded versions as above, and current ones
// that can be had again, those asked for least recently first. What is pinned
// or irreplaceable never goes for that, and the operator's own files are never
// touched. With dryRun nothing is removed.
func (s *Service) GC(ctx context.Context, dryRun bool) (Tidied, error) {
	if err := s.Survey(ctx); err != nil {
		return Tidied{}, err
	}
	if !dryRun {
		release, ok, err := s.store.db.Lock(ctx, lockGC)
		if err != nil {
			return Tidied{}, err
		}
		if !ok {
			return Tidied{}, fault.New(fault.Conflict, "Another process is tidying up").WithRetryAfter(pollEvery)
		}
		defer release()
		if err := s.finishRemovals(ctx); err != nil {
			return Tidied{}, err
		}
	}
	if err := s.promises.weighAside(ctx); err != nil {
		return Tidied{}, err
	}
	w, err := s.promises.shortage(ctx, 0)
	if err != nil {
		return Tidied{}, err
	}
	t, err := s.clearOut(ctx, w, dryRun)
	return t.sorted(), err
}

// sorted sorts what stays by name.
func (t Tidied) sorted() Tidied {
	slices.SortFunc(t.Kept, func(a, b Removal) int { return compareNames(a.Name, b.Name) })
	return t
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

// present reports whether the bytes of a version are there.
func (s *Service) present(ctx context.Context, st *stored) bool {
	if !st.ours() {
		f, _, err := s.roots.Open(ctx, st.Name)
		return err == nil && f.Close() == nil
	}
	info, err := s.blobs.Stat(ctx, st.Key)
	return err == nil && info.Size == st.Size
}
