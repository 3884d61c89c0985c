package demosink

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Rules say which recordings are deleted. Recordings with detections, with a
// valid link for others, or that somebody works on never are.
type Rules struct {
	MaxBytes      int64         // of all blobs together; 0 = no limit
	MaxAge        time.Duration // 0 = none
	KeepFlagged   bool          // keep also what was reported or confirmed
	MaxPruneRatio float64       // see Prune
	UpdatedAt     time.Time     // when they were set on the page; zero: they are those of the configuration
}

// Removal is a recording, or a stored file that belongs to none, that goes.
type Removal struct {
	ID   SessionID
	Size int64
	Why  string

	created  time.Time
	ingested bool
}

// Pruned is what a run did or would do.
type Pruned struct {
	Removed []Removal // recordings
	Orphans []Removal // files of no recording
	Bytes   int64     // of both
	Used    int64     // bytes of all blobs before
	Over    int64     // bytes beyond the limit that nothing may be deleted for
	// Unknown counts files that no recording explains. Held says that they are
	// too many and were therefore left alone.
	Unknown int
	Held    bool
}

const (
	pruneEvery  = 10 * time.Minute
	pruneRest   = 15 * time.Second
	orphanAfter = time.Hour // a younger one is being made
)

// Rules returns the rules of retention that hold: those that were set on the
// page, else those of the configuration.
func (s *Service) Rules(ctx context.Context) (Rules, error) {
	r, err := s.store.rules(ctx)
	if fault.Is(err, fault.NotFound) {
		return s.configured(ctx)
	}
	return r, err
}

func (s *Service) configured(ctx context.Context) (Rules, error) {
	c := s.config
	r := Rules{MaxBytes: int64(c.MaxBytes), MaxAge: c.MaxAge.Std(), KeepFlagged: c.KeepFlagged, MaxPruneRatio: c.MaxPruneRatio}
	if r.MaxPruneRatio >= 0 {
		return r, nil
	}
	forced, err := s.store.forced(ctx)
	if forced == r.MaxPruneRatio {
		r.MaxPruneRatio = -forced
	}
	return r, err
}

// SetRules sets the rules of retention; nil takes those of the configuration
// again.
func (s *Service) SetRules(ctx context.Context, r *Rules) error {
	detail := "as configured"
	if r != nil {
		if r.MaxBytes < 0 || r.MaxAge < 0 || math.IsNaN(r.MaxPruneRatio) || r.MaxPruneRatio < -1 || r.MaxPruneRatio > 1 {
			return fault.New(fault.Invalid, "The limits may not be negative, and the ratio must be from -1 to 1")
		}
		detail = fmt.Sprintf("max_bytes %d, max_age %s, keep_flagged %t, max_prune_ratio %g", r.MaxBytes, config.Duration(r.MaxAge), r.KeepFlagged, r.MaxPruneRatio)
	}
	return s.store.setRules(ctx, r, s.clock.Now(), func(tx *db.Tx) error { return s.audit(ctx, tx, "demos.retention", "", detail) })
}

// Prune deletes what the rules say: recordings older than MaxAge, then as many
// as are needed to come below MaxBytes and to have enough of the disk free,
// first those that were analysed and are clean, then the oldest. After that
// it removes stored files of recordings that were pruned, and those that
// belong to no recording, unless these are more than MaxPruneRatio of the
// recordings: then the database is likely to be the wrong one. A negative
// ratio means that they are removed this once. With dryRun nothing changes.
// fault.Conflict: another process prunes.
func (s *Service) Prune(ctx context.Context, dryRun bool) (Pruned, error) {
	var missing int64
	if free, err := s.blobs.Free(ctx); err == nil {
		missing = max(0, s.options.MinFree-free)
	}
	return s.prune(ctx, missing, dryRun)
}

// alone makes this the only one that deletes recordings, until release.
func (s *Service) alone(ctx context.Context) (release func(), err error) {
	release, ok, err := s.store.db.Lock(ctx, "demos.prune")
	if err == nil && !ok {
		err = fault.New(fault.Conflict, "Recordings are being deleted already").WithRetryAfter(10 * time.Second)
	}
	return release, err
}

// makeRoom frees so many bytes of the disk, and leaves room below MaxBytes for
// those that are coming. It looks at no stored file: it is called for each
// recording that finds the library full.
func (s *Service) makeRoom(ctx context.Context, missing, coming int64) (p Pruned, err error) {
	release, err := s.alone(ctx)
	if err != nil {
		return p, err
	}
	defer release()
	r, err := s.Rules(ctx)
	if err != nil {
		return p, err
	}
	if p.Used, err = s.store.bytes(ctx); err != nil {
		return p, err
	}
	err = s.pruneRecordings(ctx, r, missing, coming, false, &p)
	return p, err
}

// prune also frees so many bytes of the disk.
func (s *Service) prune(ctx context.Context, missing int64, dryRun bool) (p Pruned, err error) {
	if !dryRun {
		release, err := s.alone(ctx)
		if err != nil {
			return p, err
		}
		defer release()
		if err := s.store.sweepEvidence(ctx, s.clock.Now()); err != nil {
			return p, err
		}
	}
	r, err := s.Rules(ctx)
	if err != nil {
		return p, err
	}
	files, err := s.stored(ctx)
	if err != nil {
		return p, err
	}
	p.Used = files.bytes
	if err := s.pruneRecordings(ctx, r, missing, 0, dryRun, &p); err != nil {
		return p, err
	}
	if err := s.pruneOrphans(ctx, r, files, dryRun, &p); err != nil || dryRun {
		return p, err
	}
	return p, s.forcedOnce(ctx, r)
}

// forcedOnce makes a negative ratio, which has done its work, what it is
// without its sign. That of the configuration holds again when it was
// something else in between.
func (s *Service) forcedOnce(ctx context.Context, r Rules) error {
	switch {
	case r.UpdatedAt.IsZero():
		return s.store.setForced(ctx, min(0, s.config.MaxPruneRatio))
	case r.MaxPruneRatio < 0:
		r.MaxPruneRatio = -r.MaxPruneRatio
		return s.SetRules(ctx, &r)
	}
	return nil
}

// pruneRecordings deletes by age, then for room.
func (s *Service) pruneRecordings(ctx context.Context, r Rules, missing, coming int64, dryRun bool, p *Pruned) error {
	now := s.clock.Now()
	gone := map[SessionID]struct{}{}
	remove := func(c Removal, why string) error {
		c.Why = why
		if !dryRun {
			err := s.removeRecording(ctx, r, c)
			if fault.Is(err, fault.NotFound) {
				return nil // somebody pointed at it meanwhile
			}
			if err != nil {
				return err
			}
		}
		gone[c.ID] = struct{}{}
		p.Removed, p.Bytes = append(p.Removed, c), p.Bytes+c.Size
		return nil
	}
	if r.MaxAge > 0 {
		old, err := s.store.candidates(ctx, r, now, now.Add(-r.MaxAge))
		if err != nil {
			return err
		}
		for _, c := range old {
			if err := remove(c, "older than "+config.Duration(r.MaxAge).String()); err != nil {
				return err
			}
		}
	}
	over := func() int64 {
		n := missing - p.Bytes
		if r.MaxBytes > 0 {
			n = max(n, p.Used+coming-p.Bytes-r.MaxBytes)
		}
		return max(0, n)
	}
	if over() > 0 {
		all, err := s.store.candidates(ctx, r, now, time.Time{})
		if err != nil {
			return err
		}
		for _, c := range all {
			if _, ok := gone[c.ID]; ok || over() == 0 {
				continue
			}
			why := "to make room; it was not analysed"
			if c.ingested {
				why = "to make room; the analysis found nothing"
			}
			if err := remove(c, why); err != nil {
				return err
			}
		}
	}
	p.Over = over()
	return nil
}

// removeRecording marks a recording, then deletes its blobs. A crash between
// leaves blobs of a recording that is known to be pruned.
func (s *Service) removeRecording(ctx context.Context, r Rules, c Removal) error {
	err := s.store.prune(ctx, r, c.ID, s.clock.Now(), func(tx *db.Tx) error { return s.audit(ctx, tx, "demo.prune", string(c.ID), c.Why) })
	if err != nil {
		return err
	}
	s.log.Info("a recording was deleted", slog.String("session", string(c.ID)), slog.Int64("bytes", c.Size), slog.String("why", c.Why))
	if err := s.blobs.Delete(ctx, c.ID.DemoKey()); err != nil {
		return err
	}
	return s.blobs.Delete(ctx, c.ID.AnalysisKey())
}

// storedFiles are the blobs of recordings.
type storedFiles struct {
	bytes int64
	all   []storedFile
}

type storedFile struct {
	key  string
	id   SessionID
	size int64
	at   time.Time
}

// stored lists the blobs of recordings. Files with other names count, and are
// left alone.
func (s *Service) stored(ctx context.Context) (f storedFiles, err error) {
	for _, of := range []struct{ prefix, suffix string }{{"demoblobs/", ".dem"}, {"jsonblobs/", ".json"}} {
		for info, err := range s.blobs.List(ctx, of.prefix) {
			if err != nil {
				return f, err
			}
			f.bytes += info.Size
			id := SessionID(strings.TrimSuffix(strings.TrimPrefix(info.Key, of.prefix), of.suffix))
			if id.Valid() && strings.HasSuffix(info.Key, of.suffix) {
				f.all = append(f.all, storedFile{info.Key, id, info.Size, info.ModTime})
			}
		}
	}
	return f, nil
}

// pruneOrphans removes files of no recording.
func (s *Service) pruneOrphans(ctx context.Context, r Rules, files storedFiles, dryRun bool, p *Pruned) error {
	var known, unknown []storedFile
	now, removed := s.clock.Now(), map[SessionID]struct{}{}
	for _, c := range p.Removed {
		removed[c.ID] = struct{}{}
	}
	for _, f := range files.all {
		if _, ok := removed[f.id]; ok || now.Sub(f.at) < orphanAfter {
			continue
		}
		has, pruned, err := s.store.standing(ctx, f.id)
		switch {
		case err != nil:
			return err
		case !has:
			unknown = append(unknown, f)
		case pruned:
			known = append(known, f)
		}
	}
	p.Unknown = len(unknown)
	if len(unknown) > 0 {
		kept, err := s.store.countKept(ctx)
		if err != nil {
			return err
		}
		p.Held = r.MaxPruneRatio >= 0 && float64(len(unknown)) > r.MaxPruneRatio*float64(kept)
		if p.Held {
			s.log.Warn("many stored files belong to no recording; they are left alone, since the database may be the wrong one",
				slog.Int("files", len(unknown)), slog.Int64("recordings", kept), slog.Float64("max_prune_ratio", r.MaxPruneRatio))
			unknown = nil
		}
	}
	if err := s.removeOrphans(ctx, known, "its recording was deleted", dryRun, p); err != nil {
		return err
	}
	if err := s.removeOrphans(ctx, unknown, "no recording is known", dryRun, p); err != nil {
		return err
	}
	return nil
}

func (s *Service) removeOrphans(ctx context.Context, all []storedFile, why string, dryRun bool, p *Pruned) error {
	for _, f := range all {
		if !dryRun {
			if err := s.blobs.Delete(ctx, f.key); err != nil {
				return err
			}
			s.log.Info("a stored file was deleted", slog.String("file", f.key), slog.String("why", why))
		}
		p.Orphans, p.Bytes = append(p.Orphans, Removal{ID: f.id, Size: f.size, Why: why}), p.Bytes+f.size
	}
	return nil
}

// passes reports whether so many bytes more are too much for MaxBytes.
func (s *Service) passes(ctx context.Context, coming int64) (bool, error) {
	r, err := s.Rules(ctx)
	if err != nil || r.MaxBytes == 0 {
		return false, err
	}
	stored, err := s.store.bytes(ctx)
	return stored+coming > r.MaxBytes, err
}

// grown says that there is more stored than before.
func (s *Service) grown() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// runRetention prunes from time to time.
func (s *Service) runRetention(ctx context.Context) {
	for {
		if _, err := s.Prune(ctx, false); err != nil && ctx.Err() == nil && !fault.Is(err, fault.Conflict) {
			s.log.Warn("what is to be deleted could not be; it is tried again", slog.Any("error", err))
		}
		if !s.awaitPrune(ctx) {
			return
		}
	}
}

// awaitPrune returns true when it is time to prune: every pruneEvery, and
// before that when what came was too much for MaxBytes, which is looked at
// once in pruneRest. It returns false when ctx ends.
func (s *Service) awaitPrune(ctx context.Context) bool {
	due, rest := s.clock.After(pruneEvery), s.clock.After(pruneRest)
	var more <-chan struct{}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-due:
			return true
		case <-rest:
			more = s.more
		case <-more:
			full, err := s.passes(ctx, 0)
			if full {
				return true
			}
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the size of the recordings could not be summed up", slog.Any("error", err))
			}
			more, rest = nil, s.clock.After(pruneRest)
		}
	}
}
