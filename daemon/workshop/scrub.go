package workshop

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	scrubAfter = 30 * 24 * time.Hour // a version is read again this long after it was last checked
	scrubBytes = 2 << 30             // at most so much per round, so that clients keep the disk
)

// scrubDue reads stored versions again from their first byte to their last, those
// checked longest ago first. It finds what the file system does not tell: bytes
// that changed on the disk while the file kept its times.
func (s *Service) scrubDue(ctx context.Context) {
	before := s.clock.Now().Add(-scrubAfter)
	var due []*stored
	for _, st := range s.index.all() {
		if st.ours() && st.State == Ready && st.VerifiedAt.Before(before) {
			due = append(due, st)
		}
	}
	slices.SortFunc(due, func(a, b *stored) int {
		return cmp.Or(a.VerifiedAt.Compare(b.VerifiedAt), cmp.Compare(a.Name.Item, b.Name.Item), cmp.Compare(a.Name.Version, b.Name.Version))
	})
	left := int64(scrubBytes)
	for _, st := range due {
		if left <= 0 || ctx.Err() != nil {
			return
		}
		left -= st.Size
		if _, err := s.verifyStored(ctx, st.Name); err != nil && ctx.Err() == nil && !fault.Is(err, fault.NotFound) {
			s.log.Error("a stored version cannot be checked", "name", st.Name.String(), "error", err)
		}
	}
}
