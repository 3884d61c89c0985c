package catalog

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	permanentFor = time.Hour   // nobody tries again what Steam does not give out
	firstBackoff = time.Minute // doubles with each failure
	maxBackoff   = time.Hour
	endTimeout   = 10 * time.Second
)

// Ended tells that the job for an item ended for whoever
// asked at asked; err is nil if it succeeded. The failure is on record when Ended
// returns, so that whoever sees that the item is gone and asks again is told.
func (s *Service) Ended(id int64, asked time.Time, err error) {
	now := s.clock.Now()
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	count, kind := countSteamOK, timeSteamOK
	if err != nil {
		count, kind = countSteamError, timeSteamError
	}
	if failed := s.remember(ctx, id, now, err); failed != nil {
		s.log.Error("how a download ended was not written down", "item", id, "error", failed)
	}
	s.count(count)
	s.timing(kind, asked, now.Sub(asked))
	s.Changed(id)
}

// remember keeps the record of failed downloads.
func (s *Service) remember(ctx context.Context, id int64, now time.Time, cause error) error {
	f, known, err := s.store.failure(ctx, id)
	switch {
	case err != nil:
		return err
	case cause == nil && !known:
		return nil
	case cause == nil:
		return s.store.clearFailure(ctx, id)
	}
	f.Item, f.Reason, f.LastAt = id, fault.Public(cause), now
	f.Attempts++
	f.Permanent = permanent(cause)
	f.RetryAt = now.Add(backoff(f.Attempts))
	if f.Permanent {
		f.RetryAt = now.Add(permanentFor)
	}
	return s.store.putFailure(ctx, f)
}

// permanent reports whether trying again soon cannot help: Steam does not
// give the item out, or we do not take it.
func permanent(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) || fault.Is(err, fault.TooLarge)
}

// backoff is how long nobody tries again after so many failures.
func backoff(attempts int) time.Duration {
	if attempts >= 6 {
		return maxBackoff
	}
	return min(firstBackoff<<max(attempts, 0), maxBackoff)
}
