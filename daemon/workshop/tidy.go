package workshop

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamcmd"
)

// runTidier tidies hourly and when something changed.
func (s *Service) runTidier(ctx context.Context) error {
	for hourly := s.clock.After(0); ; {
		select {
		case <-hourly:
			s.settleStore(ctx)
			s.tidyUp(ctx)
			s.noteStorage(ctx)
			s.problems.clear(problemUnread) // the next request for such a file sets it again
			s.scrubDue(ctx)
			hourly = s.clock.After(tidyEvery)
		case <-s.tidy:
			s.tidyUp(ctx)
		case <-s.pressed():
			s.tidyUp(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// pressedEvery is how often it is tried to remove more while too much is
// stored: Steam may have confirmed meanwhile what it can supply again.
const pressedEvery = time.Minute

// pressed returns a channel that delivers soon if too much is stored, else
// nil.
func (s *Service) pressed() <-chan time.Time {
	limit := int64(s.policy.retention().MaxBytes)
	if limit == 0 || s.promises.used() <= limit {
		return nil
	}
	return s.clock.After(pressedEvery)
}

// settleStore makes database and store agree after a crash: what was removed
// halfway is removed, what was stored halfway is taken in.
func (s *Service) settleStore(ctx context.Context) {
	if err := s.finishRemovals(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("blobs of removed versions were not deleted", "error", err)
	}
	s.adoptOrphans(ctx)
}

// tidyUp removes what nobody needs any more.
func (s *Service) tidyUp(ctx context.Context) {
	now := s.clock.Now()
	s.records.prune(now)
	if _, err := s.GC(ctx, false); err != nil && ctx.Err() == nil && !fault.Is(err, fault.Conflict) {
		s.log.Error("old versions were not removed", "error", err)
	}
	s.write(ctx, "removal of old rows", func(tx *db.Tx) error {
		if err := sweepEvicted(ctx, tx, now.Add(-evictedKept)); err != nil {
			return err
		}
		return sweepTombstones(ctx, tx, now.Add(-restingKept), now.Add(-jobTombstone))
	})
	s.sweep(ctx)
}

// sweepSteamCMD removes what SteamCMD jobs of a process that is gone left,
// also when SteamCMD is not used any more.
func (s *Service) sweepSteamCMD() {
	if s.options.DataDir == "" {
		return
	}
	n, err := steamcmd.Sweep(s.steamcmdDir())
	if n > 0 {
		s.log.Info("removed folders of interrupted SteamCMD jobs", "folders", n)
	}
	if err != nil {
		s.log.Warn("folders of interrupted SteamCMD jobs could not be removed", "error", err)
	}
}

// adoptOrphans takes in blobs that no row names: a crash came between the two,
// or the database is older than the store. Such a blob is checked like any
// download before it counts.
func (s *Service) adoptOrphans(ctx context.Context) {
	before := s.leftBefore()
	for info, err := range s.blobs.List(ctx, "mods/") {
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("the stored blobs were not listed", "error", err)
			}
			return
		}
		n, ok := parseNS2(strings.TrimPrefix(info.Key, "mods"))
		if !ok || info.Key != blobKey(n) || s.index.uses(info.Key) || !info.ModTime.Before(before) {
			continue
		}
		if st := s.index.get(n); st != nil {
			s.dropStray(ctx, st, info.Key)
			continue
		}
		if err := s.adoptBlob(ctx, n, info); err != nil && ctx.Err() == nil {
			s.log.Warn("a blob that no row names is not a sound version", "key", info.Key, "error", err)
		}
	}
}

// dropStray deletes the blob of a version whose bytes lie elsewhere since: a
// duplicate was given up, and a crash came before the blob was deleted.
func (s *Service) dropStray(ctx context.Context, st *stored, key string) {
	if !st.servable() || !s.present(ctx, st) {
		return
	}
	if _, err := s.deleteBlob(ctx, key); err != nil && ctx.Err() == nil {
		s.log.Warn("a blob that no row names was not deleted", "key", key, "error", err)
	}
}

func (s *Service) adoptBlob(ctx context.Context, n Name, info blob.Info) error {
	orphan := &stored{Version: Version{
		Name: n, State: Ready, Key: info.Key, Size: info.Size, Origin: "found in the store", StoredAt: info.ModTime,
	}}
	v, err := s.checkStored(ctx, orphan)
	if fault.Is(err, fault.Invalid) {
		return errors.Join(err, s.blobs.Rename(ctx, info.Key, quarantineKey(n)))
	}
	if err != nil {
		return err
	}
	return s.putStored(ctx, v)
}

// leftBefore is the moment before which files that nobody finished were left
// by a process that is gone: when we opened the database as the only one, or
// else long enough ago.
func (s *Service) leftBefore() time.Time {
	before := s.clock.Now().Add(-leftOver)
	if since, alone := s.store.db.Alone(); alone && since.After(before) {
		return since
	}
	return before
}

// sweep removes files that a crash left behind.
func (s *Service) sweep(ctx context.Context) {
	before := s.leftBefore()
	if since, alone := s.store.db.Alone(); alone {
		before = latest(before, since) // whoever wrote before is gone
	}
	if n, err := s.blobs.Sweep(ctx, before); err != nil && ctx.Err() == nil {
		s.log.Warn("temporary files were not removed", "error", err)
	} else if n > 0 {
		s.log.Info("removed temporary files of an earlier run", "files", n)
	}
	for info, err := range s.blobs.List(ctx, "incoming/") {
		if err == nil && info.ModTime.Before(before) {
			err = s.blobs.Delete(ctx, info.Key)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("incoming files were not removed", "error", err)
			}
			return
		}
	}
}
