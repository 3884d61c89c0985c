package fastdl

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl/gametree"
)

// uploaded is how long a file must have been left alone to be looked at: one
// that is being copied has another size each time.
const uploaded = time.Minute

// notice compares a scan with what was seen before and writes the difference
// down.
func (s *Service) notice(ctx context.Context, t *tree, scan *gametree.Scan) error {
	t.seenLock.Lock()
	defer t.seenLock.Unlock()
	now := s.clock.Now()
	var changed []seen
	present := make(map[string]struct{}, scan.Index.Len())
	for group := range scan.Index.All() {
		f := group[0]
		present[f.Path] = struct{}{}
		old, known := t.seen[f.Path]
		if age := now.Sub(f.ModTime); known && old.Size == f.Size || age >= 0 && age < uploaded {
			continue
		}
		entry := seen{Path: f.Path, Size: f.Size, Since: now}
		if known {
			entry.Since, entry.ChangedAt = old.Since, now
		}
		changed = append(changed, entry)
	}
	var gone []string
	if scan.Complete { // else they may only be out of sight
		for p := range t.seen {
			if _, ok := present[p]; !ok {
				gone = append(gone, p)
			}
		}
	}
	if len(changed)+len(gone) == 0 {
		return nil
	}
	if err := s.store.putSeen(ctx, t.config.Name, changed, gone); err != nil {
		return err
	}
	for _, e := range changed {
		t.seen[e.Path] = e
	}
	for _, p := range gone {
		delete(t.seen, p)
	}
	return nil
}

// seen is a file as it was when it was last looked at.
type seen struct {
	Path      string
	Size      int64
	Since     time.Time
	ChangedAt time.Time // zero: never, as far as is known
}

// noticeContent notes that the content of a file changed while its size did
// not, which only its checksum tells.
func (s *Service) noticeContent(ctx context.Context, t *tree, m made) error {
	old, ok := s.made.get(m.madeKey)
	if !ok || old.Size != m.Size || string(old.SHA256) == string(m.SHA256) {
		return nil
	}
	t.seenLock.Lock()
	defer t.seenLock.Unlock()
	e := t.seen[m.Path]
	if e.Path == "" {
		e = seen{Path: m.Path, Since: s.clock.Now()}
	}
	e.Size, e.ChangedAt = m.Size, s.clock.Now()
	if err := s.store.putSeen(ctx, t.config.Name, []seen{e}, nil); err != nil {
		return err
	}
	t.seen[m.Path] = e
	return nil
}

// changedFor is how long lint speaks of a change.
const changedFor = 30 * 24 * time.Hour

// changedAt returns when a file changed under its name, if that was lately.
func (t *tree) changedAt(p string, now time.Time) (time.Time, bool) {
	t.seenLock.Lock()
	defer t.seenLock.Unlock()
	at := t.seen[p].ChangedAt
	return at, !at.IsZero() && now.Sub(at) < changedFor
}
