package demosink

import (
	"context"
	"log/slog"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// recover takes over what the process before left: sessions stay open for
// their players, closed recordings are finished, and nothing that came is
// deleted.
func (s *Service) recover(ctx context.Context) error {
	all, err := s.store.owned(ctx, s.spool.owner)
	if err != nil {
		return err
	}
	var resumed, unfinished int
	for _, sess := range all {
		switch {
		case sess.finishing():
			unfinished++
			s.finish.start(sess.ID)
		case sess.Open, sess.GraceUntil.IsZero():
			resumed++
			if err := s.store.recovered(ctx, sess.ID, s.graceEnd()); err != nil {
				return err
			}
		}
	}
	if resumed+unfinished > 0 {
		s.log.Info("recordings of the process before go on", slog.Int("open", resumed), slog.Int("unfinished", unfinished))
	}
	return s.sweepSpool(ctx)
}

// sweepSpool removes the files of recordings that are stored. A file that no
// session knows is left alone.
func (s *Service) sweepSpool(ctx context.Context) error {
	ids, err := s.spool.sessions()
	if err != nil {
		return err
	}
	for _, id := range ids {
		sess, err := s.store.session(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
			s.log.Warn("a file in the spool belongs to no recording; it is left alone", slog.String("file", s.spool.path(id)))
			continue
		case err != nil:
			return err
		case sess.Active || sess.finishing():
			continue
		}
		if _, err := s.blobs.Stat(ctx, id.DemoKey()); fault.Is(err, fault.NotFound) && !sess.Pruned {
			s.log.Warn("the blob of a recording is gone; its file in the spool is left alone", slog.String("file", s.spool.path(id)))
			continue
		}
		if sess.HasSize {
			if err := s.spool.remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}
