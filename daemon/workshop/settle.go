package workshop

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
)

// ending is how an attempt ended, on its way to the database.
type ending struct {
	owner   string
	job     Job
	version Version // what was stored; zero when nothing was
	cause   error   // why it failed
}

// endings are those that the database did not take: its disk was full, say.
// Until it does, nobody else goes on with the jobs. They are as few as the
// jobs this process has claimed. The zero value is ready.
type endings struct {
	mu   sync.Mutex
	list []ending
}

func (e *endings) add(x ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
}

func (e *endings) take() []ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// settle writes down how an attempt ended and returns the job.
func (s *Service) settle(ctx context.Context, a *active, v Version, err error) Job {
	j := a.snapshot()
	e := ending{owner: j.Owner, version: v, cause: err}
	lost := errors.Is(context.Cause(ctx), errLost)
	if lost {
		j.Owner, j.LeaseUntil, j.Speed = "", time.Time{}, 0
		return j
	}
	e.job = s.outcome(j, ctx.Err() != nil, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	ended, err := s.end(ctx, &e, false)
	if err != nil {
		s.log.Error("the database did not take the end of a job; it is tried again", "name", e.job.Name.String(), "error", err)
		s.endings.add(e)
	}
	if ended || err != nil {
		s.noteJob(e.job)
	}
	return e.job
}

// outcome returns the job as an attempt leaves it. stopped: we are told to
// end.
func (s *Service) outcome(j Job, stopped bool, err error) Job {
	now := s.clock.Now()
	j.Owner, j.LeaseUntil, j.Speed = "", time.Time{}, 0
	refused, isRefusal := errors.AsType[refusal](err)
	switch {
	case err == nil:
		j.State, j.Error = Ready, ""
	case stopped:
		j.State, j.Bytes = Queued, 0
	case isRefusal:
		j.State, j.Error, j.RetryAt = Denied, refused.Error(), now.Add(deniedFor)
	case fault.Is(err, fault.NoSpace):
		j.State, j.Error, j.RetryAt = Queued, fault.Public(err), now.Add(max(minBackoff, retryAfter(err)))
	case early(err): // however long it takes, it is no failure
		j.State, j.Error, j.RetryAt = Queued, fault.Public(err), now.Add(modzip.QuietFor)
		if peers.Later(err) {
			j.RetryAt = now.Add(max(retryAfter(err), time.Second))
		}
	default:
		if _, ok := errors.AsType[unpackable](err); ok || fault.Is(err, fault.TooLarge) {
			j.Attempts = max(j.Attempts, maxAttempts-1) // clients need not come back for it
		}
		j = j.fail(now, fault.Public(err), retryAfter(err), s.jitter())
		s.log.Warn("a job failed", "name", j.Name.String(), "attempts", j.Attempts, "resting", j.Resting, "retry_at", j.RetryAt, "error", err)
	}
	return j
}

// early reports whether an attempt only came too early: the game is still
// writing the folder, others are before it, or a peer is fetching it.
func early(err error) bool {
	return errors.Is(err, modzip.ErrBeingWritten) || errors.Is(err, errBusy) || peers.Later(err)
}

// end writes an ending to the database and then to memory. A late one is
// dropped when somebody else has taken the job over meanwhile. ended says
// whether the job is now what e makes of it.
func (s *Service) end(ctx context.Context, e *ending, late bool) (ended bool, err error) {
	v, has := e.version, e.version.Name != (Name{})
	err = s.store.db.Write(ctx, func(tx *db.Tx) error {
		ours, err := settleJob(ctx, tx, e.owner, e.job)
		ended = ours || has && !late
		if err != nil || !ended {
			return err
		}
		e.job.UpdatedAt = db.Time(db.Micros(tx.Now))
		if !has {
			return nil
		}
		if v, err = putVersion(ctx, tx, e.version); err != nil {
			return err
		}
		if err := forgetEvicted(ctx, tx, v.Name.Item); err != nil {
			return err
		}
		return endJobs(ctx, tx, v.Name)
	})
	if err == nil && ended {
		s.jobEnded(e) // before anybody sees the end
	}
	if err != nil || !ended || !has {
		return ended && err == nil, err
	}
	s.index.put(v)
	s.evicted.remove(v.Name.Item)
	s.changed(v.Name.Item)
	s.log.LogAttrs(ctx, slog.LevelInfo, "stored", slog.String("name", v.Name.String()), slog.Int64("bytes", v.Size),
		slog.String("source", v.Source), slog.String("origin", v.Origin))
	if v.Name != e.job.Name {
		s.records.setJob(Job{Name: v.Name, State: Ready})
	}
	signal(s.tidy)
	return true, nil
}

// settleAgain tries to write the endings that the database did not take.
func (s *Service) settleAgain(ctx context.Context) {
	for _, e := range s.endings.take() {
		ended, err := s.end(ctx, &e, true)
		if err != nil {
			s.endings.add(e)
		}
		if ended {
			s.records.setJob(e.job) // it was published when it ended
			s.restock(e.job.Name.Item)
		}
	}
}

// retryAfter is what an error says about when to come back, 0 if nothing.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
