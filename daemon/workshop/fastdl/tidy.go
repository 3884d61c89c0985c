package fastdl

import (
	"context"
	"slices"
	"time"
)

const (
	// keepUnused is how long what was made of a file stays after the file
	// went, or its tree: a disk may only be away for a while.
	keepUnused = 24 * time.Hour
	// orphanAfter is how old a blob without a row must be to be removed:
	// until then its row may be on its way.
	orphanAfter = time.Hour
	keepMisses  = 90 * 24 * time.Hour
)

// runTidier removes what nobody needs.
func (s *Service) runTidier(ctx context.Context) {
	for {
		select {
		case <-s.clock.After(tidyEvery):
		case <-ctx.Done():
			return
		}
		if err := s.tidy(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("tidying up failed", "error", err)
		}
	}
}

func (s *Service) tidy(ctx context.Context) error {
	now := s.clock.Now()
	for _, m := range s.made.all("") {
		if now.Sub(m.RequestedAt) < keepUnused || s.needed(m) {
			continue
		}
		if err := s.remove(ctx, m); err != nil {
			return err
		}
	}
	for _, t := range s.all() {
		t.misses.expire(now.Add(-keepMisses))
		if err := s.evict(ctx, t); err != nil {
			return err
		}
	}
	return s.sweep(ctx, now.Add(-orphanAfter))
}

// needed reports whether the file that m was made of may still be there.
func (s *Service) needed(m made) bool {
	t := s.tree(m.Tree)
	if t == nil {
		return false
	}
	scan, _ := t.state()
	if scan == nil || !scan.Complete {
		return true
	}
	f, ok := scan.Index.Lookup(m.Path)
	return ok && f.Path == m.Path
}

// evict keeps a tree below its bound: what was asked for longest ago goes.
func (s *Service) evict(ctx context.Context, t *tree) error {
	bound := int64(t.config.MaxBytes)
	if _, bytes := s.made.kept(t.config.Name); bound == 0 || bytes <= bound {
		return nil
	}
	list := s.made.all(t.config.Name)
	slices.SortFunc(list, func(a, b made) int { return a.RequestedAt.Compare(b.RequestedAt) })
	for _, m := range list {
		if _, bytes := s.made.kept(t.config.Name); bytes <= bound {
			return nil
		}
		if m.State != madeReady {
			continue
		}
		if err := s.remove(ctx, m); err != nil {
			return err
		}
		s.log.Info("removed a kept file to make room", "tree", m.Tree, "path", m.Path, "form", string(m.Form), "bytes", m.BlobSize)
	}
	return nil
}

// remove forgets what was made: the row first, then the blob.
func (s *Service) remove(ctx context.Context, m made) error {
	users, err := s.store.drop(ctx, m)
	if err != nil {
		return err
	}
	s.made.drop(m.madeKey)
	if users > 0 || m.Blob == "" {
		return nil
	}
	return s.blobs.Delete(ctx, m.Blob)
}

// sweep removes blobs that no row knows: a crash came between the two.
func (s *Service) sweep(ctx context.Context, before time.Time) error {
	for info, err := range s.blobs.List(ctx, blobPrefix) {
		if err != nil {
			return err
		}
		if !info.ModTime.Before(before) || s.made.users(info.Key) > 0 {
			continue
		}
		users, err := s.store.users(ctx, info.Key)
		if err == nil && users == 0 {
			err = s.blobs.Delete(ctx, info.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
